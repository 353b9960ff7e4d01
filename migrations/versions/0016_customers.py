"""Customers and their addresses; a trigger counts versions and keeps whoever was a customer from being a prospect again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, searchable

revision = "0016_customers"
down_revision = "0015_search"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
DEGREES = sa.Numeric(9, 6)
SEARCHED = (
    "lower(customer_number || ' ' || email || ' ' || name || ' ' || coalesce(first_name, '') || ' ' || "
    "coalesce(last_name, '') || ' ' || coalesce(company_name, '') || ' ' || coalesce(phone, ''))"
)
COUNTRY = "country ~ '^[A-Z]{2}$'"

GUARD = """
CREATE FUNCTION guard_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status = 'inactive' THEN
      RAISE EXCEPTION 'a customer does not begin as inactive' USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := 1;
  ELSE
    IF NEW.status = 'prospect' AND OLD.status <> 'prospect' THEN
      RAISE EXCEPTION 'a customer that is % cannot become prospect', OLD.status USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    _customers()
    _addresses()
    for table in ("customers", "customer_addresses"):
        protect(table)
        keep_updated_at(table)
    op.execute(GUARD)
    op.execute(
        "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION guard_customer()"
    )
    searchable("customers", "uuid", seen=f"owner_id = {OWNER}")


def downgrade() -> None:
    op.execute("DROP FUNCTION customers_found(text, int)")
    op.drop_table("customer_addresses")
    op.drop_table("customers")
    op.execute("DROP FUNCTION guard_customer()")


def _customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("serial", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("customer_number", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="prospect"),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        *_texts("first_name", "last_name", "company_name", "phone", "tier", "currency", "tax_id", "country"),
        sa.Column("partner_id", sa.Uuid),
        sa.Column("lead_id", sa.Uuid),
        sa.Column("settings", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("labels", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        sa.Column("search_text", sa.Text, sa.Computed(SEARCHED, persisted=True), nullable=False),
        *_owned(),
        sa.UniqueConstraint("serial", name=op.f("uq_customers_serial")),
        sa.UniqueConstraint("owner_id", "customer_number", name=op.f("uq_customers_owner_id_customer_number")),
        sa.UniqueConstraint(
            "owner_id", "email", "partner_id", name=op.f("uq_customers_email"), postgresql_nulls_not_distinct=True
        ),
        sa.CheckConstraint("status IN ('prospect', 'active', 'inactive')", name=op.f("ck_customers_status")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_customers_email_lower")),
        sa.CheckConstraint("phone ~ '^[+][1-9][0-9]+$'", name=op.f("ck_customers_phone")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_customers_currency")),
        sa.CheckConstraint(COUNTRY, name=op.f("ck_customers_country")),
    )
    op.create_index(
        "uq_customers_lead_id",
        "customers",
        ["owner_id", "lead_id"],
        unique=True,
        postgresql_where=sa.text("lead_id IS NOT NULL"),
    )
    op.create_index("ix_customers_list", "customers", ["owner_id", "created_at", "id"])
    op.create_index("ix_customers_status", "customers", ["owner_id", "status", "created_at", "id"])
    op.create_index(
        "ix_customers_partner_id",
        "customers",
        ["owner_id", "partner_id", "created_at", "id"],
        postgresql_where=sa.text("partner_id IS NOT NULL"),
    )
    op.create_index(
        "ix_customers_search",
        "customers",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _addresses() -> None:
    op.create_table(
        "customer_addresses",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("line1", sa.Text, nullable=False),
        sa.Column("line2", sa.Text),
        sa.Column("city", sa.Text, nullable=False),
        *_texts("region", "postal_code"),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("latitude", DEGREES),
        sa.Column("longitude", DEGREES),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_addresses_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("customer_id", "position", name=op.f("uq_customer_addresses_customer_id_position")),
        sa.CheckConstraint("kind IN ('billing', 'service', 'shipping')", name=op.f("ck_customer_addresses_kind")),
        sa.CheckConstraint(COUNTRY, name=op.f("ck_customer_addresses_country")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
            name=op.f("ck_customer_addresses_degrees"),
        ),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)",
            name=op.f("ck_customer_addresses_place"),
        ),
    )
    op.create_index(
        "uq_customer_addresses_primary",
        "customer_addresses",
        ["customer_id", "kind"],
        unique=True,
        postgresql_where=sa.text("is_primary"),
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
