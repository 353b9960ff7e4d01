"""Verbs over a search: bulk operations and their executions; the search by what failed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.tenancy import keep_updated_at, protect

revision = "0013_bulk"
down_revision = "0012_integrations"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_index(
        "ix_workflow_executions_error",
        "workflow_executions",
        ["owner_id", "created_at", "id"],
        postgresql_where=sa.text("error IS NOT NULL"),
    )
    op.create_table(
        "bulk_operations",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("filters", JSONB, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="running"),
        sa.Column("stopped_because", sa.Text),
        sa.Column("canary", sa.Integer, nullable=False),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("stop_at", sa.Double),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("permissions", JSONB, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("paced_at", TIME),
        sa.Column("completed_at", TIME),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.CheckConstraint("state IN ('running', 'stopped', 'completed')", name=op.f("ck_bulk_operations_state")),
    )
    op.create_index(
        "ix_bulk_operations_running", "bulk_operations", ["id"], postgresql_where=sa.text("state = 'running'")
    )
    op.create_index("ix_bulk_operations_list", "bulk_operations", ["owner_id", "created_at", "id"])
    op.create_table(
        "bulk_items",
        sa.Column(
            "bulk_id",
            sa.BigInteger,
            sa.ForeignKey("bulk_operations.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column(
            "execution_id",
            sa.BigInteger,
            sa.ForeignKey("workflow_executions.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("target_id", sa.BigInteger),
        sa.Column("watched", JSONB),
        sa.Column("message", sa.Text),
        sa.Column("taken_at", TIME),
        sa.Column("asked_at", TIME),
        sa.Column("looked_at", TIME),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'taken', 'asked', 'past', 'failed', 'refused')", name=op.f("ck_bulk_items_state")
        ),
    )
    op.create_index(
        "ix_bulk_items_open",
        "bulk_items",
        ["bulk_id", "state", "execution_id"],
        postgresql_where=sa.text("state IN ('pending', 'taken', 'asked')"),
    )
    for table in ("bulk_operations", "bulk_items"):
        protect(table)
    keep_updated_at("bulk_operations")


def downgrade() -> None:
    op.drop_table("bulk_items")
    op.drop_table("bulk_operations")
    op.drop_index("ix_workflow_executions_error", "workflow_executions")
