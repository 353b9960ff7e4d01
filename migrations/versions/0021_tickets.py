"""Tickets, what is said and what happens in them, and how soon they are to be answered and resolved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, searchable

revision = "0021_tickets"
down_revision = "0020_invoices"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ACTORS = "('customer', 'tenant', 'partner', 'platform')"
PRIORITY = "priority IN ('low', 'normal', 'high', 'urgent')"
STATUS = "status IN ('open', 'in_progress', 'waiting', 'resolved', 'closed')"
TYPE = (
    "ticket_type IN ('general_inquiry', 'billing_issue', 'technical_support', 'installation_request', 'outage_report', "
    "'service_upgrade', 'service_downgrade', 'cancellation_request', 'equipment_issue', 'speed_issue', 'network_issue', "
    "'connectivity_issue')"
)
ROUTE = (
    "(origin_type, target_type) IN (('customer', 'tenant'), ('tenant', 'partner'), ('tenant', 'platform'), "
    "('partner', 'platform'), ('partner', 'tenant'), ('platform', 'partner'))"
)
EVENT = "type IN ('created', 'changed', 'status_changed', 'message_added', 'installation_approved')"
SEARCHED = "lower(ticket_number || ' ' || title)"


def upgrade() -> None:
    _sla_targets()
    _tickets()
    _messages()
    _events()
    for table in ("sla_targets", "tickets", "ticket_messages"):
        protect(table)
        keep_updated_at(table)
    protect("ticket_events", privileges="SELECT, INSERT")
    searchable("tickets", "uuid", seen=f"owner_id = {OWNER}")


def downgrade() -> None:
    op.execute("DROP FUNCTION tickets_found(text, int)")
    for table in ("ticket_events", "ticket_messages", "tickets", "sla_targets"):
        op.drop_table(table)


def _sla_targets() -> None:
    op.create_table(
        "sla_targets",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("first_response_minutes", sa.Integer, nullable=False),
        sa.Column("resolution_minutes", sa.Integer, nullable=False),
        *_owned(),
        sa.UniqueConstraint("owner_id", "priority", name=op.f("uq_sla_targets_owner_id_priority")),
        sa.CheckConstraint(PRIORITY, name=op.f("ck_sla_targets_priority")),
        sa.CheckConstraint(
            "first_response_minutes BETWEEN 1 AND resolution_minutes", name=op.f("ck_sla_targets_minutes")
        ),
    )
    op.create_index("ix_sla_targets_list", "sla_targets", ["owner_id", "created_at", "id"])


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("ticket_number", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("tenant_id", sa.Uuid),
        sa.Column("origin_type", sa.Text, nullable=False),
        sa.Column("target_type", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("ticket_type", sa.Text),
        sa.Column("status", sa.Text, nullable=False, server_default="open"),
        sa.Column("assigned_team", sa.Text),
        sa.Column("service_address", sa.Text),
        sa.Column("affected_services", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("device_serial_numbers", JSONB, nullable=False, server_default=sa.text("'[]'")),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("sla_due_date", TIME, nullable=False),
        sa.Column("clock_stopped_at", TIME),
        sa.Column("paused_seconds", sa.Integer, nullable=False, server_default="0"),
        sa.Column("first_response_at", TIME),
        sa.Column("resolution_time_minutes", sa.Integer),
        sa.Column("resolved_at", TIME),
        sa.Column("closed_at", TIME),
        sa.Column("approved_at", TIME),
        sa.Column("search_text", sa.Text, sa.Computed(SEARCHED, persisted=True), nullable=False),
        *_owned(),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_tickets_customer_id_customers")),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_tickets_owner_id_key")),
        sa.UniqueConstraint("ticket_number", name=op.f("uq_tickets_ticket_number")),
        sa.CheckConstraint("ticket_number ~ '^TCK-[0-9A-F]{12}$'", name=op.f("ck_tickets_ticket_number")),
        sa.CheckConstraint(ROUTE, name=op.f("ck_tickets_route")),
        sa.CheckConstraint("origin_type <> 'customer' OR customer_id IS NOT NULL", name=op.f("ck_tickets_customer_id")),
        sa.CheckConstraint(PRIORITY, name=op.f("ck_tickets_priority")),
        sa.CheckConstraint(TYPE, name=op.f("ck_tickets_ticket_type")),
        sa.CheckConstraint(STATUS, name=op.f("ck_tickets_status")),
        sa.CheckConstraint(
            "(status IN ('closed', 'resolved', 'waiting')) = (clock_stopped_at IS NOT NULL)",
            name=op.f("ck_tickets_clock_stopped_at"),
        ),
        sa.CheckConstraint(
            "(status IN ('closed', 'resolved')) = (resolution_time_minutes IS NOT NULL)",
            name=op.f("ck_tickets_resolution_time_minutes"),
        ),
        sa.CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_tickets_closed_at")),
        sa.CheckConstraint("status <> 'resolved' OR resolved_at IS NOT NULL", name=op.f("ck_tickets_resolved_at")),
        sa.CheckConstraint("paused_seconds >= 0", name=op.f("ck_tickets_paused_seconds")),
        sa.CheckConstraint(
            "approved_at IS NULL OR ticket_type = 'installation_request'", name=op.f("ck_tickets_approved_at")
        ),
    )
    place = ["created_at", "id"]
    op.create_index("ix_tickets_list", "tickets", ["owner_id", *place])
    op.create_index("ix_tickets_status", "tickets", ["owner_id", "status", *place])
    op.create_index("ix_tickets_assigned_team", "tickets", ["owner_id", "assigned_team", *place])
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id", *place])
    op.create_index(
        "ix_tickets_search",
        "tickets",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )


def _messages() -> None:
    op.create_table(
        "ticket_messages",
        sa.Column("id", sa.Uuid, primary_key=True),
        _ticket_id(),
        sa.Column("reply_to_id", sa.Uuid),
        sa.Column("author_type", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attachments", JSONB, nullable=False, server_default=sa.text("'[]'")),
        *_owned(),
        sa.UniqueConstraint("ticket_id", "id", name=op.f("uq_ticket_messages_ticket_id_id")),
        sa.ForeignKeyConstraint(
            ["ticket_id", "reply_to_id"],
            ["ticket_messages.ticket_id", "ticket_messages.id"],
            name=op.f("fk_ticket_messages_ticket_id_reply_to_id_ticket_messages"),
        ),
        sa.CheckConstraint(f"author_type IN {ACTORS}", name=op.f("ck_ticket_messages_author_type")),
    )
    op.create_index("ix_ticket_messages_list", "ticket_messages", ["ticket_id", "created_at", "id"])


def _events() -> None:
    op.create_table(
        "ticket_events",
        sa.Column("id", sa.Uuid, primary_key=True),
        _ticket_id(),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("data", JSONB, nullable=False, server_default=sa.text("'{}'")),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(EVENT, name=op.f("ck_ticket_events_type")),
    )
    op.create_index("ix_ticket_events_list", "ticket_events", ["ticket_id", "created_at", "id"])


def _ticket_id() -> sa.Column[object]:
    return sa.Column("ticket_id", sa.Uuid, sa.ForeignKey("tickets.id", ondelete="CASCADE"), nullable=False)


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]
