"""Partners: members, agreements and commissions, license pools and what was allocated from them, customers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, searchable

revision = "0022_partners"
down_revision = "0021_tickets"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
AMOUNT = sa.Numeric(16, 3)
RATE = sa.Numeric(7, 4)
CURRENCY = "currency ~ '^[A-Z]{3}$'"
# in the order in which they refer to each other
TABLES = (
    "partners",
    "partner_members",
    "partner_customers",
    "partner_agreements",
    "commissions",
    "license_pools",
    "license_allocations",
    "allocated_licenses",
)


def upgrade() -> None:
    _partners()
    _partner_members()
    _partner_customers()
    _partner_agreements()
    _commissions()
    _license_pools()
    _license_allocations()
    _allocated_licenses()
    for table in TABLES:
        protect(table)
        keep_updated_at(table)
    searchable("partners", "uuid", seen=f"owner_id = {OWNER}")


def downgrade() -> None:
    op.execute("DROP FUNCTION partners_found(text, int)")
    for table in reversed(TABLES):
        op.drop_table(table)


def _partners() -> None:
    op.create_table(
        "partners",
        _id(),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="active"),
        sa.Column("branding", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column(
            "search_text",
            sa.Text,
            sa.Computed("lower(code || ' ' || name || ' ' || email)", persisted=True),
            nullable=False,
        ),
        *_row(),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_partners_owner_id_code")),
        sa.CheckConstraint("status IN ('active', 'inactive')", name=op.f("ck_partners_status")),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_partners_email_lower")),
    )
    op.create_index("ix_partners_list", "partners", ["owner_id", "created_at", "id"])
    op.create_index("ix_partners_status", "partners", ["owner_id", "status", "created_at", "id"])
    op.create_index(
        "ix_partners_search",
        "partners",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _partner_members() -> None:
    op.create_table(
        "partner_members",
        _reference("partner_id", "partners", primary_key=True),
        _reference("user_id", "users", primary_key=True, ondelete="CASCADE"),
        *_row(),
    )
    op.create_index("ix_partner_members_list", "partner_members", ["partner_id", "created_at", "user_id"])
    op.create_index("ix_partner_members_user_id", "partner_members", ["user_id"])


def _partner_customers() -> None:
    op.create_table(
        "partner_customers",
        _reference("customer_id", "customers", primary_key=True, ondelete="CASCADE"),
        _reference("partner_id", "partners"),
        sa.Column("made_for", sa.Text, nullable=False),
        *_row(),
        sa.UniqueConstraint("owner_id", "made_for", name=op.f("uq_partner_customers_owner_id_made_for")),
    )
    op.create_index("ix_partner_customers_partner_id", "partner_customers", ["partner_id"])


def _partner_agreements() -> None:
    op.create_table(
        "partner_agreements",
        _id(),
        _reference("partner_id", "partners"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rate", RATE),
        sa.Column("amount", AMOUNT),
        sa.Column("tiers", JSONB),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("applies_to", sa.Text, nullable=False, server_default="both"),
        sa.Column("valid_from", TIME, nullable=False),
        sa.Column("valid_until", TIME),
        sa.Column("sold_amount", AMOUNT, nullable=False, server_default="0"),
        *_row(),
        sa.CheckConstraint("kind IN ('percentage', 'tiered', 'fixed')", name=op.f("ck_partner_agreements_kind")),
        sa.CheckConstraint(
            "applies_to IN ('first_sale', 'recurring', 'both')", name=op.f("ck_partner_agreements_applies_to")
        ),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_partner_agreements_currency")),
        sa.CheckConstraint("(kind = 'percentage') = (rate IS NOT NULL)", name=op.f("ck_partner_agreements_rate")),
        sa.CheckConstraint("(kind = 'fixed') = (amount IS NOT NULL)", name=op.f("ck_partner_agreements_amount")),
        sa.CheckConstraint("(kind = 'tiered') = (tiers IS NOT NULL)", name=op.f("ck_partner_agreements_tiers")),
        sa.CheckConstraint("rate BETWEEN 0 AND 100", name=op.f("ck_partner_agreements_rate_range")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_partner_agreements_amount_range")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("ck_partner_agreements_valid_until")),
        sa.CheckConstraint("sold_amount >= 0", name=op.f("ck_partner_agreements_sold_amount")),
    )
    op.create_index("ix_partner_agreements_list", "partner_agreements", ["partner_id", "created_at", "id"])


def _commissions() -> None:
    op.create_table(
        "commissions",
        _id(),
        _reference("partner_id", "partners"),
        _reference("agreement_id", "partner_agreements"),
        sa.Column("commission_type", sa.Text, nullable=False),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("base_amount", AMOUNT),
        sa.Column("rate", RATE),
        sa.Column("amount", AMOUNT, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="pending"),
        sa.Column("recorded_for", sa.Text, nullable=False),
        sa.Column("paid_at", TIME),
        sa.Column("payment_reference", sa.Text),
        sa.Column("voided_at", TIME),
        sa.Column("void_reason", sa.Text),
        *_row(),
        sa.CheckConstraint(
            "commission_type IN ('new_customer', 'first_sale', 'recurring', 'renewal')",
            name=op.f("ck_commissions_commission_type"),
        ),
        sa.CheckConstraint("source_type IN ('customer', 'order')", name=op.f("ck_commissions_source_type")),
        sa.CheckConstraint("status IN ('pending', 'paid', 'void')", name=op.f("ck_commissions_status")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_commissions_currency")),
        sa.CheckConstraint("amount >= 0 AND base_amount >= 0", name=op.f("ck_commissions_amount")),
        sa.CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_commissions_paid_at")),
        sa.CheckConstraint(
            "(paid_at IS NULL) = (payment_reference IS NULL)", name=op.f("ck_commissions_payment_reference")
        ),
        sa.CheckConstraint("(status = 'void') = (voided_at IS NOT NULL)", name=op.f("ck_commissions_voided_at")),
    )
    op.create_index(
        "uq_commissions_source",
        "commissions",
        ["owner_id", "partner_id", "source_type", "source_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'void'"),
    )
    op.create_index("ix_commissions_list", "commissions", ["partner_id", "created_at", "id"])
    op.create_index("ix_commissions_status", "commissions", ["partner_id", "status", "created_at", "id"])
    op.create_index("ix_commissions_agreement_id", "commissions", ["agreement_id"])
    op.create_index(
        "ix_commissions_customer_id",
        "commissions",
        ["partner_id", "customer_id"],
        postgresql_where=sa.text("status <> 'void'"),
    )


def _license_pools() -> None:
    op.create_table(
        "license_pools",
        _id(),
        _reference("partner_id", "partners"),
        _reference("template_id", "license_templates"),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("allocated", sa.Integer, nullable=False, server_default="0"),
        sa.Column("unit_price", AMOUNT),
        sa.Column("currency", sa.Text),
        *_row(),
        sa.UniqueConstraint("partner_id", "template_id", name=op.f("uq_license_pools_partner_id_template_id")),
        sa.CheckConstraint("allocated BETWEEN 0 AND total", name=op.f("ck_license_pools_allocated")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_license_pools_unit_price")),
        sa.CheckConstraint("(unit_price IS NULL) = (currency IS NULL)", name=op.f("ck_license_pools_price")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_license_pools_currency")),
    )
    op.create_index("ix_license_pools_list", "license_pools", ["partner_id", "created_at", "id"])
    op.create_index("ix_license_pools_template_id", "license_pools", ["template_id"])


def _license_allocations() -> None:
    op.create_table(
        "license_allocations",
        _id(),
        _reference("partner_id", "partners"),
        _reference("pool_id", "license_pools"),
        _reference("customer_id", "customers"),
        sa.Column("license_count", sa.Integer, nullable=False),
        sa.Column("allocated_for", sa.Text, nullable=False),
        sa.Column("returned_at", TIME),
        *_row(),
        sa.CheckConstraint("license_count >= 1", name=op.f("ck_license_allocations_license_count")),
    )
    op.create_index(
        "uq_license_allocations_allocated_for",
        "license_allocations",
        ["owner_id", "allocated_for"],
        unique=True,
        postgresql_where=sa.text("returned_at IS NULL"),
    )
    op.create_index("ix_license_allocations_list", "license_allocations", ["partner_id", "created_at", "id"])
    op.create_index("ix_license_allocations_pool_id", "license_allocations", ["pool_id"])
    op.create_index("ix_license_allocations_customer_id", "license_allocations", ["customer_id", "partner_id"])


def _allocated_licenses() -> None:
    op.create_table(
        "allocated_licenses",
        _reference("license_id", "licenses", primary_key=True),
        _reference("allocation_id", "license_allocations"),
        *_row(),
    )
    op.create_index("ix_allocated_licenses_allocation_id", "allocated_licenses", ["allocation_id", "license_id"])


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid, primary_key=True)


def _reference(name: str, table: str, *, ondelete: str | None = None, primary_key: bool = False) -> sa.Column[object]:
    return sa.Column(
        name, sa.Uuid, sa.ForeignKey(f"{table}.id", ondelete=ondelete), nullable=False, primary_key=primary_key
    )


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
