"""Invoices and payments: yearly series, invoices with their lines, payables, payments, refunds, payment methods."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, searchable

revision = "0020_invoices"
down_revision = "0019_subscriptions"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
MONEY = sa.Numeric(18, 3)
FINE = sa.Numeric(20, 6)
TABLES = ("invoices", "payables", "payable_sources", "payment_methods", "payments", "refunds", "gateway_events")
CURRENCY = "currency ~ '^[A-Z]{3}$'"
CAPTURED = sa.text("status IN ('succeeded', 'partially_refunded')")
SEARCHED = "lower(invoice_number || ' ' || billed_name)"


def upgrade() -> None:
    _years()
    _invoices()
    _invoice_lines()
    _payables()
    _payable_sources()
    _payment_methods()
    _payments()
    _refunds()
    _gateway_events()
    for table in TABLES:
        protect(table)
        keep_updated_at(table)
    # what was invoiced does not change any more
    protect("invoice_lines", privileges="SELECT, INSERT")
    searchable("invoices", "uuid", seen=f"owner_id = {OWNER}")


def downgrade() -> None:
    op.execute("DROP FUNCTION invoices_found(text, int)")
    for table in reversed(("invoices", "invoice_lines", *TABLES[1:])):
        op.drop_table(table)
    op.drop_index("uq_invoice_series_own", table_name="invoice_series")
    op.execute("DELETE FROM invoice_series WHERE billing_account_id IS NULL")
    op.alter_column("invoice_series", "billing_account_id", nullable=False)
    op.drop_column("invoice_series", "year")


def _years() -> None:
    op.add_column("invoice_series", sa.Column("year", sa.SmallInteger))
    # numbers that were given out without a year count as this one's
    op.execute("UPDATE invoice_series SET year = extract(year FROM updated_at) WHERE next_number > 1")
    op.alter_column("invoice_series", "billing_account_id", nullable=True)
    op.create_index(
        "uq_invoice_series_own",
        "invoice_series",
        ["owner_id"],
        unique=True,
        postgresql_where=sa.text("billing_account_id IS NULL"),
    )


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("invoice_number", sa.Text, nullable=False),
        sa.Column("series_id", sa.Uuid, nullable=False),
        sa.Column("series_year", sa.SmallInteger, nullable=False),
        sa.Column("series_number", sa.Integer, nullable=False),
        sa.Column("issued_for", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("billing_account_id", sa.Uuid),
        sa.Column("subscription_id", sa.Uuid),
        sa.Column("credited_invoice_id", sa.Uuid),
        sa.Column("billed_name", sa.Text, nullable=False),
        sa.Column("billed_email", sa.Text),
        sa.Column("billed_to", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("notes", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("prices_include_tax", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("subtotal", MONEY, nullable=False),
        sa.Column("discount_amount", MONEY, nullable=False),
        sa.Column("net_amount", MONEY, nullable=False),
        sa.Column("tax_amount", MONEY, nullable=False),
        sa.Column("total_amount", MONEY, nullable=False),
        sa.Column("credited_amount", MONEY, nullable=False, server_default="0"),
        sa.Column("period_start", TIME),
        sa.Column("period_end", TIME),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("due_at", TIME, nullable=False),
        sa.Column("paid_at", TIME),
        sa.Column("voided_at", TIME),
        sa.Column("overdue_at", TIME),
        sa.Column("search_text", sa.Text, sa.Computed(SEARCHED, persisted=True), nullable=False),
        *_row(),
        _refers("invoices", "series_id", "invoice_series"),
        _refers("invoices", "customer_id", "customers"),
        _refers("invoices", "billing_account_id", "billing_accounts"),
        _refers("invoices", "credited_invoice_id", "invoices"),
        sa.UniqueConstraint("owner_id", "invoice_number", name=op.f("uq_invoices_owner_id_invoice_number")),
        sa.UniqueConstraint(
            "series_id", "series_year", "series_number", name=op.f("uq_invoices_series_id_series_year_series_number")
        ),
        sa.UniqueConstraint("owner_id", "issued_for", name=op.f("uq_invoices_owner_id_issued_for")),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f("ck_invoices_kind")),
        sa.CheckConstraint(
            "(kind = 'credit_note') = (credited_invoice_id IS NOT NULL)", name=op.f("ck_invoices_credited_invoice")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'open', 'paid', 'void', 'uncollectible')", name=op.f("ck_invoices_status")
        ),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_invoices_currency")),
        sa.CheckConstraint("total_amount = net_amount + tax_amount", name=op.f("ck_invoices_total_amount")),
        sa.CheckConstraint("(kind = 'invoice') = (total_amount >= 0)", name=op.f("ck_invoices_sign")),
        sa.CheckConstraint(
            "credited_amount BETWEEN 0 AND greatest(total_amount, 0)", name=op.f("ck_invoices_credited_amount")
        ),
        sa.CheckConstraint("series_number >= 1", name=op.f("ck_invoices_series_number")),
    )
    op.create_index("ix_invoices_list", "invoices", ["owner_id", "created_at", "id"])
    op.create_index("ix_invoices_status", "invoices", ["owner_id", "status", "created_at", "id"])
    op.create_index("ix_invoices_customer_id", "invoices", ["customer_id", "created_at", "id"])
    op.create_index("ix_invoices_subscription_id", "invoices", ["subscription_id", "created_at", "id"])
    op.create_index("ix_invoices_billing_account_id", "invoices", ["billing_account_id"])
    op.create_index("ix_invoices_credited_invoice_id", "invoices", ["credited_invoice_id"])
    op.create_index(
        "ix_invoices_overdue",
        "invoices",
        ["due_at", "id"],
        postgresql_where=sa.text("status = 'open' AND overdue_at IS NULL"),
    )
    op.create_index(
        "ix_invoices_search",
        "invoices",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _invoice_lines() -> None:
    op.create_table(
        "invoice_lines",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("invoice_id", sa.Uuid, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("credits_position", sa.Integer),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("quantity", FINE, nullable=False),
        sa.Column("unit_price", FINE, nullable=False),
        sa.Column("subtotal", MONEY, nullable=False),
        sa.Column("discount_amount", MONEY, nullable=False),
        sa.Column("net_amount", MONEY, nullable=False),
        sa.Column("tax_rate", sa.Numeric(6, 3), nullable=False),
        sa.Column("tax_category", sa.Text, nullable=False),
        sa.Column("tax_amount", MONEY, nullable=False),
        sa.Column("total_amount", MONEY, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        _refers("invoice_lines", "invoice_id", "invoices"),
        sa.UniqueConstraint("invoice_id", "position", name=op.f("uq_invoice_lines_invoice_id_position")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_invoice_lines_position")),
        sa.CheckConstraint("total_amount = net_amount + tax_amount", name=op.f("ck_invoice_lines_total_amount")),
        sa.CheckConstraint("tax_category IN ('S', 'Z', 'E', 'AE', 'O')", name=op.f("ck_invoice_lines_tax_category")),
    )


def _payables() -> None:
    op.create_table(
        "payables",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("due_at", TIME),
        sa.Column("paid_at", TIME),
        sa.Column("next_attempt_at", TIME),
        sa.Column("collecting_since", TIME),
        *_row(),
        _refers("payables", "customer_id", "customers"),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'dunning', 'given_up', 'withdrawn')", name=op.f("ck_payables_status")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_payables_amount")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_payables_currency")),
        sa.CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name=op.f("ck_payables_paid_at")),
    )
    op.create_index("ix_payables_list", "payables", ["owner_id", "created_at", "id"])
    op.create_index("ix_payables_status", "payables", ["owner_id", "status", "created_at", "id"])
    op.create_index("ix_payables_customer_id", "payables", ["customer_id", "created_at", "id"])
    op.create_index(
        "ix_payables_to_collect",
        "payables",
        ["next_attempt_at"],
        postgresql_where=sa.text("status IN ('open', 'dunning') AND next_attempt_at IS NOT NULL"),
    )


def _payable_sources() -> None:
    op.create_table(
        "payable_sources",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("payable_id", sa.Uuid, nullable=False),
        *_row(),
        sa.ForeignKeyConstraint(
            ["payable_id"],
            ["payables.id"],
            name=op.f("fk_payable_sources_payable_id_payables"),
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.UniqueConstraint(
            "owner_id", "source_type", "source_id", name=op.f("uq_payable_sources_owner_id_source_type_source_id")
        ),
        sa.CheckConstraint("source_type IN ('quote', 'order', 'invoice')", name=op.f("ck_payable_sources_source_type")),
    )
    op.create_index("ix_payable_sources_payable_id", "payable_sources", ["payable_id"])


def _payment_methods() -> None:
    op.create_table(
        "payment_methods",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("customer_id", sa.Uuid, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("customer_reference", sa.Text),
        sa.Column("label", sa.Text, nullable=False, server_default=""),
        sa.Column("status", sa.Text, nullable=False, server_default="active"),
        sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("refused_reason", sa.Text),
        *_row(),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_payment_methods_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("status IN ('active', 'refused', 'removed')", name=op.f("ck_payment_methods_status")),
        sa.CheckConstraint("NOT is_default OR status = 'active'", name=op.f("ck_payment_methods_default")),
    )
    op.create_index(
        "uq_payment_methods_reference",
        "payment_methods",
        ["customer_id", "gateway", "reference"],
        unique=True,
        postgresql_where=sa.text("status <> 'removed'"),
    )
    op.create_index(
        "uq_payment_methods_default",
        "payment_methods",
        ["customer_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_index("ix_payment_methods_list", "payment_methods", ["owner_id", "customer_id", "created_at", "id"])


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("payable_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="pending"),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("refunded_amount", MONEY, nullable=False, server_default="0"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("payment_method", sa.Text, nullable=False),
        sa.Column("method_id", sa.Uuid),
        sa.Column("customer_reference", sa.Text),
        sa.Column("is_off_session", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("asked_at", TIME),
        sa.Column("look_at", TIME, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("is_awaiting_customer", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("captured_at", TIME),
        sa.Column("failed_at", TIME),
        sa.Column("failure_code", sa.Text),
        sa.Column("failure_reason", sa.Text),
        sa.Column("is_hard_decline", sa.Boolean, nullable=False, server_default=sa.false()),
        *_row(),
        _refers("payments", "payable_id", "payables"),
        sa.ForeignKeyConstraint(
            ["method_id"],
            ["payment_methods.id"],
            name=op.f("fk_payments_method_id_payment_methods"),
            ondelete="SET NULL",
        ),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_payments_idempotency_key")),
        sa.CheckConstraint(
            "status IN ('pending', 'succeeded', 'failed', 'cancelled', 'partially_refunded', 'refunded')",
            name=op.f("ck_payments_status"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("refunded_amount BETWEEN 0 AND amount", name=op.f("ck_payments_refunded_amount")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_payments_currency")),
        sa.CheckConstraint("(status = 'failed') = (failed_at IS NOT NULL)", name=op.f("ck_payments_failed_at")),
        sa.CheckConstraint(
            "captured_at IS NOT NULL OR status NOT IN ('succeeded', 'partially_refunded', 'refunded')",
            name=op.f("ck_payments_captured_at"),
        ),
    )
    op.create_index("uq_payments_captured", "payments", ["payable_id"], unique=True, postgresql_where=CAPTURED)
    op.create_index(
        "uq_payments_pending",
        "payments",
        ["payable_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("uq_payments_reference", "payments", ["gateway", "reference"], unique=True)
    op.create_index("ix_payments_list", "payments", ["owner_id", "created_at", "id"])
    op.create_index("ix_payments_status", "payments", ["owner_id", "status", "created_at", "id"])
    op.create_index("ix_payments_payable_id", "payments", ["payable_id", "created_at", "id"])
    op.create_index("ix_payments_requested_by", "payments", ["owner_id", "requested_by"])
    op.create_index("ix_payments_method_id", "payments", ["method_id"])
    op.create_index("ix_payments_to_look_at", "payments", ["look_at"], postgresql_where=sa.text("status = 'pending'"))


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="pending"),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("idempotency_key", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("look_at", TIME, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("failure_reason", sa.Text),
        *_row(),
        _refers("refunds", "payment_id", "payments"),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_refunds_idempotency_key")),
        sa.UniqueConstraint("payment_id", "requested_by", name=op.f("uq_refunds_payment_id_requested_by")),
        sa.CheckConstraint("status IN ('pending', 'succeeded', 'failed')", name=op.f("ck_refunds_status")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.CheckConstraint(CURRENCY, name=op.f("ck_refunds_currency")),
    )
    op.create_index("ix_refunds_list", "refunds", ["payment_id", "created_at", "id"])
    op.create_index("ix_refunds_to_look_at", "refunds", ["look_at"], postgresql_where=sa.text("status = 'pending'"))


def _gateway_events() -> None:
    op.create_table(
        "gateway_events",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("gateway", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payment_id", sa.Uuid, nullable=False),
        sa.Column("occurred_at", TIME, nullable=False),
        *_row(),
        _refers("gateway_events", "payment_id", "payments"),
        sa.UniqueConstraint("gateway", "event_id", name=op.f("uq_gateway_events_gateway_event_id")),
    )
    op.create_index("ix_gateway_events_payment_id", "gateway_events", ["payment_id", "created_at", "id"])


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def _row() -> list[sa.Column]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
