"""Billing: accounts, invoice series, subscriptions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import keep_updated_at, protect

revision = "0008_billing"
down_revision = "0007_deployments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "billing_accounts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="open"),
        *_row(),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_billing_accounts_tenant_id")),
        sa.CheckConstraint("status IN ('open', 'closed')", name=op.f("ck_billing_accounts_status")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_billing_accounts_currency")),
    )
    op.create_index("ix_billing_accounts_owner_id", "billing_accounts", ["owner_id", "created_at", "id"])
    op.create_table(
        "invoice_series",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("billing_account_id", sa.Uuid, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("next_number", sa.Integer, nullable=False, server_default="1"),
        *_row(),
        sa.UniqueConstraint("billing_account_id", name=op.f("uq_invoice_series_billing_account_id")),
        sa.CheckConstraint("next_number >= 1", name=op.f("ck_invoice_series_next_number")),
        _account("invoice_series"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("billing_account_id", sa.Uuid, nullable=False),
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("service_codes", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("status", sa.Text, nullable=False, server_default="active"),
        sa.Column("amount", sa.Numeric(18, 4), nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("billing_cycle", sa.Text, nullable=False),
        sa.Column("anchor_day", sa.SmallInteger, nullable=False),
        sa.Column("current_period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_period_end", sa.DateTime(timezone=True)),
        sa.Column("renews_automatically", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("notice_sent_for", sa.DateTime(timezone=True)),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        *_row(),
        sa.CheckConstraint(
            "status IN ('active', 'expiring', 'expired', 'cancelled')", name=op.f("ck_subscriptions_status")
        ),
        sa.CheckConstraint(
            "billing_cycle IN ('monthly', 'annual', 'one_time')", name=op.f("ck_subscriptions_billing_cycle")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_subscriptions_currency")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_subscriptions_amount")),
        sa.CheckConstraint("anchor_day BETWEEN 1 AND 31", name=op.f("ck_subscriptions_anchor_day")),
        sa.CheckConstraint("current_period_end > current_period_start", name=op.f("ck_subscriptions_period")),
        _account("subscriptions"),
    )
    op.create_index("ix_subscriptions_billing_account_id", "subscriptions", ["billing_account_id"])
    op.create_index("ix_subscriptions_tenant_id", "subscriptions", ["tenant_id"])
    op.create_index(
        "ix_subscriptions_to_announce",
        "subscriptions",
        ["current_period_end"],
        postgresql_where=sa.text("status = 'active' AND notice_sent_for IS DISTINCT FROM current_period_end"),
    )
    op.create_index(
        "ix_subscriptions_to_expire",
        "subscriptions",
        ["current_period_end"],
        postgresql_where=sa.text("status IN ('active', 'expiring') AND NOT renews_automatically"),
    )
    for table in ("billing_accounts", "invoice_series", "subscriptions"):
        protect(table)
        keep_updated_at(table)


def downgrade() -> None:
    for table in ("subscriptions", "invoice_series", "billing_accounts"):
        op.drop_table(table)


def _account(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["billing_account_id"],
        ["billing_accounts.id"],
        name=op.f(f"fk_{table}_billing_account_id_billing_accounts"),
        ondelete="CASCADE",
    )


def _row() -> list[sa.Column]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    ]
