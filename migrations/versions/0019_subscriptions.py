"""Plans with their prices; subscriptions of customers beside those of tenants, in all their states; renewals that were paid.

What stands keeps working while it runs: every new column may be missing or has a default, and no column goes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import keep_updated_at, protect

revision = "0019_subscriptions"
down_revision = "0018_communications"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MONEY = sa.Numeric(18, 4)
CURRENCY = "currency ~ '^[A-Z]{3}$'"
CYCLES = "billing_cycle IN ('monthly', 'annual', 'one_time')"
STATES = "status IN ('pending', 'trialing', 'active', 'past_due', 'expiring', 'suspended', 'expired', 'cancelled')"
FORMER_STATES = "status IN ('active', 'expiring', 'expired', 'cancelled')"
BY_THE_MONTH = "renews_automatically AND billing_cycle = 'monthly'"
TO_ANNOUNCE = (
    "status = 'active' AND notice_sent_for IS DISTINCT FROM current_period_end "
    f"AND NOT is_set_to_end AND NOT ({BY_THE_MONTH})"
)
TO_EXPIRE = (
    "status IN ('active', 'expiring', 'past_due', 'suspended') "
    f"AND (status = 'suspended' OR is_set_to_end OR NOT ({BY_THE_MONTH}))"
)
TO_RENEW = f"status IN ('active', 'expiring', 'past_due') AND {BY_THE_MONTH} AND NOT is_set_to_end"
CREATED_FOR = "created_for IS NOT NULL AND status NOT IN ('expired', 'cancelled')"

TABLES = ("plans", "plan_prices", "subscription_extensions")
ADDED_CHECKS = {
    "quantity": "quantity >= 1",
    "trial_days": "trial_days >= 0",
    "payer": "customer_id IS NOT NULL OR billing_account_id IS NOT NULL",
    "trial": "status <> 'trialing' OR trial_ends_at IS NOT NULL",
}
ADDED_COLUMNS = (
    "customer_id",
    "plan_id",
    "quantity",
    "time_zone",
    "trial_days",
    "trial_ends_at",
    "is_set_to_end",
    "started_at",
    "suspended_at",
    "created_for",
    "renewal_quote_id",
)


def upgrade() -> None:
    _plans()
    _subscriptions()
    _subscription_indexes()
    _extensions()
    for table in TABLES:
        protect(table)
        keep_updated_at(table)


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("successor_id", sa.Uuid),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("billing_cycle", sa.Text, nullable=False),
        sa.Column("trial_days", sa.Integer, nullable=False, server_default="0"),
        sa.Column("renews_automatically", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("products", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("license_template_code", sa.Text),
        *_row(),
        sa.ForeignKeyConstraint(["successor_id"], ["plans.id"], name=op.f("fk_plans_successor_id_plans")),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_plans_owner_id_code")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_plans_currency")),
        sa.CheckConstraint(CYCLES, name=op.f("ck_plans_billing_cycle")),
        sa.CheckConstraint("trial_days >= 0", name=op.f("ck_plans_trial_days")),
        sa.CheckConstraint("successor_id <> id", name=op.f("ck_plans_successor")),
    )
    op.create_index("ix_plans_list", "plans", ["owner_id", "created_at", "id"])
    op.create_index("ix_plans_successor_id", "plans", ["successor_id"])
    op.create_table(
        "plan_prices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("plan_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("billing_cycle", sa.Text, nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        *_row(),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_prices_plan_id_plans"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "plan_id", "currency", "billing_cycle", name=op.f("uq_plan_prices_plan_id_currency_billing_cycle")
        ),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_plan_prices_currency")),
        sa.CheckConstraint(CYCLES, name=op.f("ck_plan_prices_billing_cycle")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_plan_prices_amount")),
    )


def _subscriptions() -> None:
    for column in (
        sa.Column("customer_id", sa.Uuid),
        sa.Column("plan_id", sa.Uuid),
        sa.Column("quantity", sa.Integer, nullable=False, server_default="1"),
        sa.Column("time_zone", sa.Text),
        sa.Column("trial_days", sa.Integer, nullable=False, server_default="0"),
        sa.Column("trial_ends_at", TIME),
        sa.Column("is_set_to_end", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("started_at", TIME),
        sa.Column("suspended_at", TIME),
        sa.Column("created_for", sa.Text),
        sa.Column("renewal_quote_id", sa.Uuid),
    ):
        op.add_column("subscriptions", column)
    for column in ("billing_account_id", "tenant_id"):
        op.alter_column("subscriptions", column, nullable=True)
    for column, table in (("customer_id", "customers"), ("plan_id", "plans")):
        op.create_foreign_key(op.f(f"fk_subscriptions_{column}_{table}"), "subscriptions", table, [column], ["id"])
    for name, condition in ADDED_CHECKS.items():
        op.create_check_constraint(op.f(f"ck_subscriptions_{name}"), "subscriptions", condition)
    _states(STATES)


def _states(condition: str) -> None:
    op.drop_constraint(op.f("ck_subscriptions_status"), "subscriptions")
    op.create_check_constraint(op.f("ck_subscriptions_status"), "subscriptions", condition)


def _subscription_indexes() -> None:
    op.create_index(
        "uq_subscriptions_created_for",
        "subscriptions",
        ["owner_id", "created_for"],
        unique=True,
        postgresql_where=sa.text(CREATED_FOR),
    )
    op.create_index("ix_subscriptions_list", "subscriptions", ["owner_id", "created_at", "id"])
    op.create_index("ix_subscriptions_status", "subscriptions", ["owner_id", "status", "created_at", "id"])
    op.create_index("ix_subscriptions_customer_id", "subscriptions", ["customer_id", "created_at", "id"])
    op.create_index("ix_subscriptions_plan_id", "subscriptions", ["plan_id", "created_at", "id"])
    for name in ("ix_subscriptions_to_announce", "ix_subscriptions_to_expire"):
        op.drop_index(name, "subscriptions")
    for name, columns, condition in (
        ("ix_subscriptions_to_announce", ["current_period_end"], TO_ANNOUNCE),
        ("ix_subscriptions_to_expire", ["current_period_end"], TO_EXPIRE),
        ("ix_subscriptions_to_renew", ["current_period_end", "id"], TO_RENEW),
        ("ix_subscriptions_on_trial", ["trial_ends_at", "id"], "status = 'trialing'"),
    ):
        op.create_index(name, "subscriptions", columns, postgresql_where=sa.text(condition))


def _extensions() -> None:
    op.create_table(
        "subscription_extensions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subscription_id", sa.Uuid, nullable=False),
        sa.Column("quote_id", sa.Uuid, nullable=False),
        sa.Column("term_months", sa.Integer, nullable=False),
        sa.Column("period_start", TIME, nullable=False),
        sa.Column("period_end", TIME, nullable=False),
        sa.Column("former_period_start", TIME, nullable=False),
        sa.Column("former_period_end", TIME, nullable=False),
        sa.Column("former_status", sa.Text, nullable=False),
        sa.Column("former_plan_id", sa.Uuid),
        sa.Column("former_amount", MONEY, nullable=False),
        sa.Column("extended_for", sa.Text),
        sa.Column("restored_at", TIME),
        *_row(),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscriptions.id"],
            name=op.f("fk_subscription_extensions_subscription_id_subscriptions"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("owner_id", "quote_id", name=op.f("uq_subscription_extensions_owner_id_quote_id")),
        sa.CheckConstraint("term_months >= 1", name=op.f("ck_subscription_extensions_term_months")),
        sa.CheckConstraint("period_end > period_start", name=op.f("ck_subscription_extensions_period")),
    )
    op.create_index(
        "ix_subscription_extensions_subscription_id",
        "subscription_extensions",
        ["subscription_id", "created_at", "id"],
    )


def downgrade() -> None:
    op.drop_table("subscription_extensions")
    # a subscription without account or tenant has no place in the former table
    op.execute("DELETE FROM subscriptions WHERE billing_account_id IS NULL OR tenant_id IS NULL")
    op.execute(
        """
        UPDATE subscriptions SET status = CASE status
          WHEN 'pending' THEN 'cancelled' WHEN 'suspended' THEN 'expired' ELSE 'active' END
        WHERE status IN ('pending', 'trialing', 'past_due', 'suspended')
        """
    )
    for name in ("ix_subscriptions_to_announce", "ix_subscriptions_to_expire", "ix_subscriptions_to_renew"):
        op.drop_index(name, "subscriptions")
    for name in ("ix_subscriptions_on_trial", "ix_subscriptions_list", "ix_subscriptions_status"):
        op.drop_index(name, "subscriptions")
    for name in ("payer", "trial"):
        op.drop_constraint(op.f(f"ck_subscriptions_{name}"), "subscriptions")
    _states(FORMER_STATES)
    for column in ADDED_COLUMNS:
        # what is built on the column goes with it
        op.drop_column("subscriptions", column)
    for column in ("billing_account_id", "tenant_id"):
        op.alter_column("subscriptions", column, nullable=False)
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
    op.drop_table("plan_prices")
    op.drop_table("plans")


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
