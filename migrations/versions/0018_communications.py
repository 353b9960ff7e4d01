"""Text messages beside mails, links that show a secret once, teams with members and channels."""

import sqlalchemy as sa
from alembic import op

from migrations.tenancy import keep_updated_at, protect

revision = "0018_communications"
down_revision = "0017_licensing"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
CHANNEL = "channel IN ('mail', 'sms')"
CHANNEL_STATUS = "status IN ('queued', 'delivered', 'failed', 'withdrawn')"
TOUCHED = ("secret_links", "teams", "team_channels", "notification_channels", "notification_recipients")


def _owned() -> list[sa.Column[object]]:
    return [
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
    ]


def _reference(name: str, table: str, *, nullable: bool = False, **options: object) -> sa.Column[object]:
    """A column that refers to the id of a table's row and goes with it."""
    return sa.Column(name, sa.Uuid, sa.ForeignKey(f"{table}.id", ondelete="CASCADE"), nullable=nullable, **options)


def upgrade() -> None:
    _text_messages()
    _secret_links()
    _teams()
    _notifications()
    for table in TOUCHED:
        protect(table)
        keep_updated_at(table)
    protect("team_members")


def _text_messages() -> None:
    for table in ("message_templates", "messages"):
        op.add_column(table, sa.Column("channel", sa.Text, nullable=False, server_default="mail"))
        op.create_check_constraint(op.f(f"ck_{table}_channel"), table, CHANNEL)
    op.drop_constraint(op.f("uq_message_templates_owner_id_name_locale"), "message_templates")
    op.create_unique_constraint(
        op.f("uq_message_templates_owner_id_channel_name_locale"),
        "message_templates",
        ["owner_id", "channel", "name", "locale"],
    )
    op.create_index("ix_message_templates_list", "message_templates", ["owner_id", "created_at", "id"])
    for column in ("recipient", "template", "status"):
        op.create_index(f"ix_messages_{column}", "messages", ["owner_id", column, "created_at", "id"])


def _secret_links() -> None:
    op.create_table(
        "secret_links",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("takes_over", sa.Boolean, nullable=False),
        sa.Column("recipient", sa.Text),
        _reference("message_id", "messages", nullable=True),
        sa.Column("views_left", sa.Integer, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        *_owned(),
        sa.UniqueConstraint("token_hash", name=op.f("uq_secret_links_token_hash")),
        sa.CheckConstraint("views_left > 0", name=op.f("ck_secret_links_views_left")),
    )
    op.create_index("ix_secret_links_expires_at", "secret_links", ["expires_at"])
    op.create_index("ix_secret_links_message_id", "secret_links", ["message_id"])


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        *_owned(),
        sa.UniqueConstraint("owner_id", "code", name=op.f("uq_teams_owner_id_code")),
    )
    op.create_index("ix_teams_list", "teams", ["owner_id", "created_at", "id"])
    op.create_table(
        "team_members",
        _reference("team_id", "teams", primary_key=True),
        _reference("user_id", "users", primary_key=True),
        sa.Column("owner_id", sa.Uuid, nullable=False),
    )
    op.create_index("ix_team_members_user_id", "team_members", ["user_id"])
    op.create_table(
        "team_channels",
        sa.Column("id", sa.Uuid, primary_key=True),
        _reference("team_id", "teams"),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        *_owned(),
    )
    op.create_index("ix_team_channels_team_id", "team_channels", ["team_id"])


def _notifications() -> None:
    op.create_table(
        "notification_channels",
        sa.Column("id", sa.Uuid, primary_key=True),
        _reference("notification_id", "notifications"),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("secret", sa.Text),
        sa.Column("status", sa.Text, nullable=False, server_default="queued"),
        sa.Column("error", sa.Text),
        sa.Column("sent_at", TIME),
        *_owned(),
        sa.CheckConstraint(CHANNEL_STATUS, name=op.f("ck_notification_channels_status")),
    )
    op.create_index("ix_notification_channels_notification_id", "notification_channels", ["notification_id"])
    op.execute(
        """
        INSERT INTO notification_channels (id, notification_id, service, status, error, sent_at, owner_id)
        SELECT gen_random_uuid(), id, 'mail', CASE WHEN status = 'sending' THEN 'queued' ELSE status END, error, sent_at,
          owner_id
        FROM notifications
        """
    )
    op.create_table(
        "notification_recipients",
        sa.Column("id", sa.Uuid, primary_key=True),
        _reference("notification_id", "notifications"),
        _reference("user_id", "users"),
        sa.Column("read_at", TIME),
        *_owned(),
        sa.UniqueConstraint(
            "notification_id", "user_id", name=op.f("uq_notification_recipients_notification_id_user_id")
        ),
    )
    place = ["owner_id", "user_id", "created_at", "id"]
    op.create_index("ix_notification_recipients_list", "notification_recipients", place)
    op.create_index(
        "ix_notification_recipients_unread",
        "notification_recipients",
        place,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("ix_notification_recipients_user_id", "notification_recipients", ["user_id"])


def downgrade() -> None:
    for table in (
        "notification_recipients",
        "notification_channels",
        "team_channels",
        "team_members",
        "teams",
        "secret_links",
    ):
        op.drop_table(table)
    for column in ("status", "template", "recipient"):
        op.drop_index(f"ix_messages_{column}")
    op.drop_index("ix_message_templates_list")
    op.execute("DELETE FROM message_templates WHERE channel <> 'mail'")
    op.execute("DELETE FROM messages WHERE channel <> 'mail'")
    for table in ("messages", "message_templates"):
        # what is built on the column goes with it
        op.drop_column(table, "channel")
    op.create_unique_constraint(
        op.f("uq_message_templates_owner_id_name_locale"), "message_templates", ["owner_id", "name", "locale"]
    )
