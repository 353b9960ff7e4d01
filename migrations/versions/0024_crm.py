"""Leads, quotes with their items, site surveys; and a prospect's activation, which its own undo may take back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, searchable

revision = "0024_crm"
down_revision = "0023_schedules"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MONEY = sa.Numeric(16, 3)
PERCENT = sa.Numeric(6, 3)
DEGREES = sa.Numeric(9, 6)
OPEN = sa.text("status = 'open'")
CYCLES = "billing_cycle IN ('monthly', 'annual', 'one_time')"
TYPES = "deployment_type IN ('local', 'kubernetes', 'awx', 'docker', 'none')"
CURRENCY = "currency ~ '^[A-Z]{3}$'"
TOTAL = "subtotal - discount_amount + tax_amount"
ITEM_TOTAL = "quantity * unit_price - discount_amount + tax_amount"
SEARCHED_LEAD = (
    "lower(coalesce(email, '') || ' ' || coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || "
    "coalesce(company_name, '') || ' ' || coalesce(phone, ''))"
)
SEARCHED_QUOTE = (
    "lower(quote_number || ' ' || customer_email || ' ' || customer_name || ' ' || coalesce(company_name, ''))"
)
TABLES = ("leads", "quotes", "quote_items", "site_surveys")

GUARD = """
CREATE OR REPLACE FUNCTION guard_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status = 'inactive' THEN
      RAISE EXCEPTION 'a customer does not begin as inactive' USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := 1;
  ELSE
    IF NEW.status = 'prospect' AND OLD.status <> 'prospect'{unless} THEN
      RAISE EXCEPTION 'a customer that is % cannot become prospect', OLD.status USING ERRCODE = 'check_violation';
    END IF;
    NEW.version := OLD.version + 1;
  END IF;
  RETURN NEW;
END $$
"""
TAKEN_BACK = " AND NOT (OLD.status = 'active' AND OLD.activated_for IS NOT NULL AND NEW.activated_for IS NULL)"


def upgrade() -> None:
    op.add_column("customers", sa.Column("activated_for", sa.Text))
    op.create_check_constraint(
        op.f("ck_customers_activated_for"), "customers", "activated_for IS NULL OR status = 'active'"
    )
    op.execute(GUARD.format(unless=TAKEN_BACK))
    _leads()
    _quotes()
    _quote_items()
    _site_surveys()
    for table in TABLES:
        protect(table)
        keep_updated_at(table)
    searchable("leads", "uuid", seen=f"owner_id = {OWNER}")
    searchable("quotes", "uuid", seen=f"owner_id = {OWNER}")


def downgrade() -> None:
    op.execute("DROP FUNCTION quotes_found(text, int)")
    op.execute("DROP FUNCTION leads_found(text, int)")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute(GUARD.format(unless=""))
    # what is built on the column goes with it
    op.drop_column("customers", "activated_for")


def _leads() -> None:
    op.create_table(
        "leads",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("status", sa.Text, nullable=False, server_default="new"),
        sa.Column("source", sa.Text, nullable=False, server_default="other"),
        *_texts("email", "phone", "first_name", "last_name", "company_name"),
        sa.Column("address", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("wanted_products", JSONB, nullable=False, server_default=sa.text("'[]'")),
        *_texts("organization_slug", "deployment_region", "deployment_type"),
        sa.Column("currency", sa.Text, nullable=False, server_default="USD"),
        sa.Column("billing_cycle", sa.Text, nullable=False, server_default="monthly"),
        sa.Column("notes", sa.Text),
        sa.Column("score", sa.SmallInteger),
        _reference("customer_id", "customers"),
        sa.Column("qualified_at", TIME),
        *_texts("qualified_from", "qualified_for"),
        sa.Column("converted_at", TIME),
        *_texts("converted_for", "customer_status_before"),
        sa.Column("lost_at", TIME),
        sa.Column("lost_reason", sa.Text),
        sa.Column("search_text", sa.Text, sa.Computed(SEARCHED_LEAD, persisted=True), nullable=False),
        *_owned(),
        sa.CheckConstraint(
            "status IN ('new', 'contacted', 'qualified', 'converted', 'lost')", name=op.f("ck_leads_status")
        ),
        sa.CheckConstraint(
            "source IN ('website', 'referral', 'partner', 'event', 'campaign', 'outbound', 'api', 'other')",
            name=op.f("ck_leads_source"),
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_leads_email_lower")),
        sa.CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name=op.f("ck_leads_contact")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_leads_currency")),
        sa.CheckConstraint(CYCLES, name=op.f("ck_leads_billing_cycle")),
        sa.CheckConstraint(TYPES, name=op.f("ck_leads_deployment_type")),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_leads_score")),
        sa.CheckConstraint(
            "(status IN ('qualified', 'converted')) = (qualified_at IS NOT NULL)", name=op.f("ck_leads_qualified_at")
        ),
        sa.CheckConstraint("qualified_at IS NULL OR customer_id IS NOT NULL", name=op.f("ck_leads_customer")),
        sa.CheckConstraint("(status = 'converted') = (converted_at IS NOT NULL)", name=op.f("ck_leads_converted_at")),
        sa.CheckConstraint("(status = 'lost') = (lost_at IS NOT NULL)", name=op.f("ck_leads_lost_at")),
    )
    op.create_index("ix_leads_list", "leads", ["owner_id", "created_at", "id"])
    op.create_index("ix_leads_status", "leads", ["owner_id", "status", "created_at", "id"])
    op.create_index("ix_leads_email", "leads", ["owner_id", "email", "created_at", "id"])
    op.create_index("ix_leads_customer_id", "leads", ["customer_id"])
    _search_index("leads")


def _quotes() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("quote_number", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="open"),
        _reference("lead_id", "leads"),
        _reference("customer_id", "customers"),
        sa.Column("subscription_id", sa.Uuid),
        sa.Column("customer_name", sa.Text, nullable=False),
        sa.Column("customer_email", sa.Text, nullable=False),
        *_texts("company_name", "organization_slug", "deployment_region", "deployment_type"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("billing_cycle", sa.Text, nullable=False),
        sa.Column("subtotal", MONEY, nullable=False),
        sa.Column("discount_percent", PERCENT, nullable=False, server_default="0"),
        sa.Column("discount_amount", MONEY, nullable=False),
        sa.Column("tax_rate", PERCENT, nullable=False),
        sa.Column("tax_amount", MONEY, nullable=False),
        sa.Column("total_amount", MONEY, sa.Computed(TOTAL, persisted=True), nullable=False),
        sa.Column("term_months", sa.Integer),
        sa.Column("period_start", TIME),
        sa.Column("period_end", TIME),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("made_for", sa.Text, nullable=False),
        sa.Column("notes", sa.Text),
        sa.Column("valid_until", TIME, nullable=False),
        sa.Column("sent_at", TIME),
        sa.Column("accepted_at", TIME),
        *_texts("accepted_by", "accepted_for"),
        sa.Column("closed_at", TIME),
        sa.Column("close_reason", sa.Text),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("ordered_for", sa.Text),
        sa.Column("search_text", sa.Text, sa.Computed(SEARCHED_QUOTE, persisted=True), nullable=False),
        *_owned(),
        sa.UniqueConstraint("owner_id", "quote_number", name=op.f("uq_quotes_owner_id_quote_number")),
        sa.CheckConstraint("kind IN ('new', 'renewal')", name=op.f("ck_quotes_kind")),
        sa.CheckConstraint(
            "status IN ('open', 'accepted', 'rejected', 'expired', 'withdrawn')", name=op.f("ck_quotes_status")
        ),
        sa.CheckConstraint("(kind = 'new') = (lead_id IS NOT NULL)", name=op.f("ck_quotes_lead")),
        sa.CheckConstraint("(kind = 'renewal') = (subscription_id IS NOT NULL)", name=op.f("ck_quotes_subscription")),
        sa.CheckConstraint(
            "(kind = 'renewal') = (period_start IS NOT NULL AND period_end IS NOT NULL AND term_months IS NOT NULL)",
            name=op.f("ck_quotes_period"),
        ),
        sa.CheckConstraint("period_end > period_start AND term_months >= 1", name=op.f("ck_quotes_term")),
        sa.CheckConstraint(
            "customer_id IS NOT NULL OR status NOT IN ('open', 'accepted')", name=op.f("ck_quotes_customer")
        ),
        sa.CheckConstraint("(status = 'accepted') = (accepted_at IS NOT NULL)", name=op.f("ck_quotes_accepted_at")),
        sa.CheckConstraint(
            "(status IN ('rejected', 'expired', 'withdrawn')) = (closed_at IS NOT NULL)",
            name=op.f("ck_quotes_closed_at"),
        ),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_quotes_currency")),
        sa.CheckConstraint(CYCLES, name=op.f("ck_quotes_billing_cycle")),
        sa.CheckConstraint(TYPES, name=op.f("ck_quotes_deployment_type")),
        sa.CheckConstraint(
            "subtotal >= 0 AND discount_amount BETWEEN 0 AND subtotal AND tax_amount >= 0",
            name=op.f("ck_quotes_amounts"),
        ),
        sa.CheckConstraint("discount_percent BETWEEN 0 AND 100", name=op.f("ck_quotes_discount_percent")),
    )
    op.create_index(
        "uq_quotes_open_content", "quotes", ["owner_id", "lead_id", "content_hash"], unique=True, postgresql_where=OPEN
    )
    op.create_index(
        "uq_quotes_renewal",
        "quotes",
        ["owner_id", "subscription_id", "period_start"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'accepted')"),
    )
    op.create_index(
        "uq_quotes_made_for",
        "quotes",
        ["owner_id", "made_for"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_index("ix_quotes_list", "quotes", ["owner_id", "created_at", "id"])
    op.create_index("ix_quotes_status", "quotes", ["owner_id", "status", "created_at", "id"])
    for column in ("lead_id", "customer_id", "subscription_id"):
        op.create_index(f"ix_quotes_{column}", "quotes", [column, "created_at", "id"])
    op.create_index("ix_quotes_to_expire", "quotes", ["valid_until"], postgresql_where=OPEN)
    _search_index("quotes")


def _quote_items() -> None:
    op.create_table(
        "quote_items",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("quote_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("product_code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unit_price", MONEY, nullable=False),
        sa.Column("discount_amount", MONEY, nullable=False),
        sa.Column("tax_amount", MONEY, nullable=False),
        sa.Column("total_amount", MONEY, sa.Computed(ITEM_TOTAL, persisted=True), nullable=False),
        sa.Column("configuration", JSONB, nullable=False, server_default=sa.text("'{}'")),
        *_owned(),
        sa.ForeignKeyConstraint(
            ["quote_id"], ["quotes.id"], name=op.f("fk_quote_items_quote_id_quotes"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("quote_id", "position", name=op.f("uq_quote_items_quote_id_position")),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_quote_items_quantity")),
        sa.CheckConstraint(
            "unit_price >= 0 AND discount_amount BETWEEN 0 AND quantity * unit_price AND tax_amount >= 0",
            name=op.f("ck_quote_items_amounts"),
        ),
    )


def _site_surveys() -> None:
    op.create_table(
        "site_surveys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("status", sa.Text, nullable=False, server_default="requested"),
        _reference("lead_id", "leads"),
        _reference("customer_id", "customers"),
        sa.Column("ticket_id", sa.Uuid),
        sa.Column("address", JSONB, nullable=False),
        sa.Column("latitude", DEGREES),
        sa.Column("longitude", DEGREES),
        sa.Column("scheduled_for", TIME),
        sa.Column("surveyor", sa.Text),
        sa.Column("is_feasible", sa.Boolean),
        *_texts("reason", "technology"),
        sa.Column("fiber_distance_m", sa.Numeric(10, 1)),
        *_texts("olt", "pop", "port", "ont_type"),
        sa.Column("estimated_cost", MONEY),
        sa.Column("currency", sa.Text),
        sa.Column("notes", sa.Text),
        sa.Column("completed_at", TIME),
        *_owned(),
        sa.CheckConstraint(
            "status IN ('requested', 'scheduled', 'completed', 'cancelled')", name=op.f("ck_site_surveys_status")
        ),
        sa.CheckConstraint(
            "lead_id IS NOT NULL OR customer_id IS NOT NULL OR ticket_id IS NOT NULL",
            name=op.f("ck_site_surveys_about"),
        ),
        sa.CheckConstraint(
            "(status = 'completed') = (completed_at IS NOT NULL AND is_feasible IS NOT NULL)",
            name=op.f("ck_site_surveys_completed"),
        ),
        sa.CheckConstraint("is_feasible IS NOT FALSE OR reason IS NOT NULL", name=op.f("ck_site_surveys_reason")),
        sa.CheckConstraint(
            "status <> 'scheduled' OR scheduled_for IS NOT NULL", name=op.f("ck_site_surveys_scheduled")
        ),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name=op.f("ck_site_surveys_degrees")
        ),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_site_surveys_place")),
        sa.CheckConstraint("fiber_distance_m >= 0 AND estimated_cost >= 0", name=op.f("ck_site_surveys_measures")),
        sa.CheckConstraint("estimated_cost IS NULL OR currency IS NOT NULL", name=op.f("ck_site_surveys_cost")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_site_surveys_currency")),
    )
    op.create_index("ix_site_surveys_list", "site_surveys", ["owner_id", "created_at", "id"])
    op.create_index("ix_site_surveys_status", "site_surveys", ["owner_id", "status", "created_at", "id"])
    for column in ("lead_id", "customer_id", "ticket_id"):
        op.create_index(f"ix_site_surveys_{column}", "site_surveys", [column, "created_at", "id"])


def _search_index(table: str) -> None:
    op.create_index(
        f"ix_{table}_search",
        table,
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _reference(name: str, table: str) -> sa.Column[object]:
    """A column that keeps the row it refers to from being deleted."""
    return sa.Column(name, sa.Uuid, sa.ForeignKey(f"{table}.id"))


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
