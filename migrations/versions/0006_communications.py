"""Message templates, messages to customers, notifications to teams."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import keep_updated_at, protect

revision = "0006_communications"
down_revision = "0005_workflows"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
STATUS = "status IN ('queued', 'sending', 'delivered', 'failed', 'withdrawn')"
SEVERITY = "severity IN ('info', 'success', 'warning', 'critical')"
UNDELIVERED = sa.text("status IN ('queued', 'sending')")


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]


def _outgoing() -> list[sa.Column[object]]:
    return [
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("token", sa.Uuid),
        sa.Column("lease_until", TIME),
        sa.Column("sent_at", TIME),
        sa.Column("error", sa.Text),
        *_owned(),
    ]


def upgrade() -> None:
    op.create_table(
        "message_templates",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False, server_default="en"),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        *_owned(),
        sa.UniqueConstraint(
            "owner_id",
            "name",
            "locale",
            name=op.f("uq_message_templates_owner_id_name_locale"),
        ),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        *_outgoing(),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_messages_owner_id_key")),
        sa.CheckConstraint(STATUS, name=op.f("ck_messages_status")),
    )
    op.create_index(
        "ix_messages_undelivered",
        "messages",
        ["next_attempt_at"],
        postgresql_where=UNDELIVERED,
    )
    op.create_index("ix_messages_list", "messages", ["owner_id", "created_at", "id"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        *_outgoing(),
        sa.UniqueConstraint("owner_id", "key", name=op.f("uq_notifications_owner_id_key")),
        sa.CheckConstraint(STATUS, name=op.f("ck_notifications_status")),
        sa.CheckConstraint(SEVERITY, name=op.f("ck_notifications_severity")),
    )
    op.create_index(
        "ix_notifications_undelivered",
        "notifications",
        ["next_attempt_at"],
        postgresql_where=UNDELIVERED,
    )
    op.create_index(
        "ix_notifications_list",
        "notifications",
        ["owner_id", "team", "created_at", "id"],
    )
    for table in ("message_templates", "messages", "notifications"):
        protect(table)
        keep_updated_at(table)


def downgrade() -> None:
    for table in ("notifications", "messages", "message_templates"):
        op.drop_table(table)
