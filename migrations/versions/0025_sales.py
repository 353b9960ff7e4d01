"""Orders know the quote that they were made from; one whose making is undone is cancelled, also when it was active."""

import sqlalchemy as sa
from alembic import op

revision = "0025_sales"
down_revision = "0024_crm"
branch_labels = None
depends_on = None

GUARD = """
CREATE OR REPLACE FUNCTION guard_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'draft' THEN
      RAISE EXCEPTION 'an order begins as a draft' USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := 1;
  ELSE
    IF NEW.status <> OLD.status AND NOT EXISTS (
      SELECT FROM (VALUES
        ('draft', 'submitted'), ('failed', 'submitted'), ('submitted', 'validating'), ('validating', 'approved'),
        ('approved', 'provisioning'), ('provisioning', 'activating'), ('activating', 'active'),
        ('submitted', 'failed'), ('validating', 'failed'), ('approved', 'failed'), ('provisioning', 'failed'),
        ('activating', 'failed'),
        ('draft', 'cancelled'), ('submitted', 'cancelled'), ('validating', 'cancelled'), ('approved', 'cancelled'),
        ('provisioning', 'cancelled'), ('activating', 'cancelled'), ('failed', 'cancelled'){undone}
      ) AS legal (before, after) WHERE before = OLD.status AND after = NEW.status
    ) THEN
      RAISE EXCEPTION 'an order that is % cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := OLD.version + 1;
  END IF;
  IF TG_OP = 'INSERT' OR (NEW.subtotal, NEW.discount_amount, NEW.tax_amount)
      IS DISTINCT FROM (OLD.subtotal, OLD.discount_amount, OLD.tax_amount) THEN
    SELECT coalesce(sum(quantity * unit_price), 0), coalesce(sum(discount_amount), 0), coalesce(sum(tax_amount), 0)
      INTO NEW.subtotal, NEW.discount_amount, NEW.tax_amount FROM order_items WHERE order_id = NEW.id;
  END IF;
  RETURN NEW;
END $$
"""

UNDONE = """,
        -- only with its execution, which the execution that started it undoes
        ('active', 'cancelled')"""


def upgrade() -> None:
    op.add_column("orders", sa.Column("quote_id", sa.Uuid))
    op.execute(GUARD.replace("{undone}", UNDONE))


def downgrade() -> None:
    op.execute(GUARD.replace("{undone}", ""))
    op.drop_column("orders", "quote_id")
