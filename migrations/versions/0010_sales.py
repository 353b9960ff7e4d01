"""Orders, their items, history and statistics; with the triggers that keep them right whoever writes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect

revision = "0010_sales"
down_revision = "0009_activation"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MONEY = sa.Numeric(16, 3)
STATUSES = (
    "'draft', 'submitted', 'validating', 'approved', 'provisioning', 'activating', 'active', 'failed', 'cancelled'"
)
CYCLES = "billing_cycle IN ('monthly', 'annual', 'one_time')"
TOTAL = "subtotal - discount_amount + tax_amount"
ITEM_TOTAL = "quantity * unit_price - discount_amount + tax_amount"
PROCESSING = "(EXTRACT(epoch FROM activated_at - submitted_at))::numeric(14,3)"
SEARCHED = (
    "lower(order_number || ' ' || customer_email || ' ' || customer_name || ' ' || coalesce(company_name, '')"
    " || ' ' || organization_slug)"
)

GUARD = """
CREATE FUNCTION guard_order() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ('provisioning', 'cancelled'), ('activating', 'cancelled'), ('failed', 'cancelled')
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

SUM_ITEMS = """
CREATE FUNCTION sum_order_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE orders SET (subtotal, discount_amount, tax_amount) = (
    SELECT coalesce(sum(quantity * unit_price), 0), coalesce(sum(discount_amount), 0), coalesce(sum(tax_amount), 0)
      FROM order_items WHERE order_id = orders.id
  ) WHERE id IN (SELECT order_id FROM changed);
  RETURN NULL;
END $$
"""


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]


def _texts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Text) for name in names]


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("order_number", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="draft"),
        sa.Column("status_message", sa.Text),
        sa.Column("tenant_id", sa.Uuid, sa.ForeignKey("tenants.id", ondelete="SET NULL")),
        sa.Column("customer_email", sa.Text, nullable=False),
        sa.Column("customer_name", sa.Text, nullable=False),
        *_texts("company_name", "customer_phone"),
        sa.Column("billing_address", JSONB, nullable=False, server_default="{}"),
        sa.Column("organization_slug", sa.Text, nullable=False),
        sa.Column("organization_name", sa.Text),
        sa.Column("deployment_template_id", sa.Uuid),
        *_texts("deployment_region", "deployment_type", "package_code"),
        sa.Column("selected_services", JSONB, nullable=False, server_default="[]"),
        sa.Column("service_configuration", JSONB, nullable=False, server_default="{}"),
        sa.Column("features", JSONB, nullable=False, server_default="{}"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("subtotal", MONEY, nullable=False, server_default="0"),
        sa.Column("discount_amount", MONEY, nullable=False, server_default="0"),
        sa.Column("promo_code", sa.Text),
        sa.Column("tax_rate", sa.Numeric(6, 3), nullable=False, server_default="0"),
        sa.Column("tax_amount", MONEY, nullable=False, server_default="0"),
        sa.Column("total_amount", MONEY, sa.Computed(TOTAL, persisted=True), nullable=False),
        sa.Column("billing_cycle", sa.Text, nullable=False),
        sa.Column("payment_status", sa.Text, nullable=False, server_default="pending"),
        *_texts("payment_reference", "contract_reference"),
        sa.Column("contract_start_date", sa.Date),
        sa.Column("contract_end_date", sa.Date),
        sa.Column("deployment_instance_id", sa.Uuid),
        sa.Column("activation_url", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
        *_texts(
            "external_order_id",
            "utm_source",
            "utm_medium",
            "utm_campaign",
            "referrer",
            "notes",
        ),
        sa.Column("auto_activate", sa.Boolean),
        sa.Column("execution_id", sa.BigInteger),
        sa.Column("submitted_at", TIME),
        sa.Column("approved_at", TIME),
        sa.Column("provisioning_started_at", TIME),
        sa.Column("activated_at", TIME),
        sa.Column("failed_at", TIME),
        sa.Column("cancelled_at", TIME),
        sa.Column(
            "processing_seconds",
            sa.Numeric(14, 3),
            sa.Computed(PROCESSING, persisted=True),
        ),
        sa.Column("created_by", sa.Text),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column(
            "search_text",
            sa.Text,
            sa.Computed(SEARCHED, persisted=True),
            nullable=False,
        ),
        *_owned(),
        sa.UniqueConstraint("order_number", name=op.f("uq_orders_order_number")),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_orders_status")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_orders_currency")),
        sa.CheckConstraint(CYCLES, name=op.f("ck_orders_billing_cycle")),
        sa.CheckConstraint(
            "payment_status IN ('pending', 'paid', 'failed', 'refunded')",
            name=op.f("ck_orders_payment_status"),
        ),
        sa.CheckConstraint(
            "source IN ('public_api', 'quick', 'crm_quote', 'internal', 'tmf')",
            name=op.f("ck_orders_source"),
        ),
        sa.CheckConstraint(
            "deployment_type IN ('local', 'kubernetes', 'awx', 'docker', 'none')",
            name=op.f("ck_orders_deployment_type"),
        ),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "uq_orders_external",
        "orders",
        ["owner_id", "source", "external_order_id"],
        unique=True,
        postgresql_where=sa.text("external_order_id IS NOT NULL"),
    )
    op.create_index("ix_orders_list", "orders", ["owner_id", "created_at", "id"])
    op.create_index("ix_orders_status", "orders", ["owner_id", "status", "created_at", "id"])
    op.create_index(
        "ix_orders_customer",
        "orders",
        ["owner_id", "customer_email", "created_at", "id"],
    )
    op.create_index("ix_orders_tenant_id", "orders", ["tenant_id"])
    op.create_index(
        "ix_orders_drafts",
        "orders",
        ["created_at"],
        postgresql_where=sa.text("status = 'draft'"),
    )
    op.create_index(
        "ix_orders_search",
        "orders",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    protect("orders", readable=f"tenant_id = {OWNER}")
    keep_updated_at("orders")


def _items() -> None:
    op.create_table(
        "order_items",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "order_id",
            sa.BigInteger,
            sa.ForeignKey("orders.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("item_type", sa.Text, nullable=False, server_default="service"),
        *_texts("service_code", "product_code"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("quantity", sa.Integer, nullable=False, server_default="1"),
        sa.Column("unit_price", MONEY, nullable=False),
        sa.Column("discount_amount", MONEY, nullable=False, server_default="0"),
        sa.Column("tax_amount", MONEY, nullable=False, server_default="0"),
        sa.Column(
            "total_amount",
            MONEY,
            sa.Computed(ITEM_TOTAL, persisted=True),
            nullable=False,
        ),
        sa.Column("configuration", JSONB, nullable=False, server_default="{}"),
        sa.Column("billing_cycle", sa.Text, nullable=False),
        sa.Column("trial_days", sa.Integer),
        sa.Column("subscription_id", sa.Uuid),
        *_owned(),
        sa.UniqueConstraint("order_id", "position", name=op.f("uq_order_items_order_id_position")),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_order_items_quantity")),
        sa.CheckConstraint(
            "unit_price >= 0 AND discount_amount >= 0 AND tax_amount >= 0",
            name=op.f("ck_order_items_amounts"),
        ),
        sa.CheckConstraint(
            "item_type IN ('service', 'addon', 'one_time')",
            name=op.f("ck_order_items_item_type"),
        ),
        sa.CheckConstraint(CYCLES, name=op.f("ck_order_items_billing_cycle")),
    )
    protect(
        "order_items",
        readable=f"EXISTS (SELECT FROM orders o WHERE o.id = order_id AND o.tenant_id = {OWNER})",
    )
    keep_updated_at("order_items")


def _history_and_statistics() -> None:
    op.create_table(
        "order_history",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "order_id",
            sa.BigInteger,
            sa.ForeignKey("orders.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("at", TIME, nullable=False),
        sa.Column("from_status", sa.Text),
        sa.Column("to_status", sa.Text, nullable=False),
        sa.Column("status_message", sa.Text),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("execution_id", sa.BigInteger),
        sa.Column("owner_id", sa.Uuid, nullable=False),
    )
    op.create_index("ix_order_history_order_id", "order_history", ["order_id", "id"])
    protect("order_history", privileges="SELECT, INSERT")
    op.create_table(
        "order_statistics",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("orders", sa.Integer, nullable=False),
        sa.Column("revenue", sa.Numeric(20, 3), nullable=False),
        sa.Column("seconds", sa.Numeric(20, 3), nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
    )
    op.create_index(
        "ix_order_statistics_key",
        "order_statistics",
        ["owner_id", "day", "status", "currency"],
    )
    protect("order_statistics", privileges="SELECT, INSERT, DELETE")


def upgrade() -> None:
    _orders()
    _items()
    _history_and_statistics()
    op.execute(GUARD)
    op.execute("CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION guard_order()")
    op.execute(SUM_ITEMS)
    for name, change, rows in (
        ("sum_added", "INSERT", "NEW"),
        ("sum_removed", "DELETE", "OLD"),
        ("sum_changed", "UPDATE", "NEW"),
        ("sum_moved", "UPDATE", "OLD"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} AFTER {change} ON order_items REFERENCING {rows} TABLE AS changed "
            "FOR EACH STATEMENT EXECUTE FUNCTION sum_order_items()"
        )


def downgrade() -> None:
    for table in ("order_statistics", "order_history", "order_items", "orders"):
        op.drop_table(table)
    op.execute("DROP FUNCTION sum_order_items()")
    op.execute("DROP FUNCTION guard_order()")
