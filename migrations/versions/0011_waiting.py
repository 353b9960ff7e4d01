"""What an execution waits for: timers, signals, events, children, elements; triggers and schedules; switches."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from migrations.tenancy import OWNER, grant, protect

revision = "0011_waiting"
down_revision = "0010_sales"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
STOPPING = "stopping IN ('failure', 'cancel', 'end', 'terminate', 'rerun')"
STOPPING_BEFORE = "stopping IN ('failure', 'cancel', 'end')"


def _execution_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("waiting", sa.Integer, nullable=False, server_default="0"),
        sa.Column("busy_seconds", sa.Double, nullable=False, server_default="0"),
        sa.Column("busy_since", TIME),
        sa.Column("deadline_at", TIME),
        sa.Column("concurrency_key", sa.Text),
        sa.Column("concurrency_limit", sa.Integer),
        sa.Column("counts_parked", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("queued_at", TIME),
        sa.Column("start_key", sa.Text),
        sa.Column("parent_number", sa.Integer),
        sa.Column("depth", sa.Integer, nullable=False, server_default="0"),
        sa.Column("inline", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("event", JSONB),
        sa.Column("rerun", JSONB),
    ]


def _step_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("parent_number", sa.Integer),
        sa.Column("item", JSONB),
        sa.Column("item_index", sa.Integer),
        sa.Column("elements", sa.Integer),
        sa.Column("child_id", sa.BigInteger),
        sa.Column("awaits", sa.Text),
        sa.Column("subjects", ARRAY(sa.Text)),
        sa.Column("due_at", TIME),
        sa.Column("deadline_at", TIME),
        sa.Column("wake_at", TIME),
        sa.Column("throttled_by", sa.Text),
    ]


def upgrade() -> None:
    for column in _execution_columns():
        op.add_column("workflow_executions", column)
    for column in _step_columns():
        op.add_column("workflow_steps", column)
    _constrain(STOPPING)
    _indexes()
    op.add_column("outbox", sa.Column("execution_id", sa.BigInteger))
    op.add_column("outbox", sa.Column("handled_at", TIME))
    op.add_column("outbox", sa.Column("handle_after", TIME))
    op.execute("UPDATE outbox SET handled_at = now()")
    op.create_index("ix_outbox_unhandled", "outbox", ["position"], postgresql_where=sa.text("handled_at IS NULL"))
    op.create_index("ix_outbox_type", "outbox", ["owner_id", "type", "position"])
    _signals()
    _triggers()
    op.create_table(
        "engine_switches",
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("reason", sa.Text),
        sa.Column("switched_by", sa.Text),
        sa.Column("at", TIME, nullable=False),
        sa.Column("owner_id", sa.Uuid),
        sa.UniqueConstraint("owner_id", name=op.f("uq_engine_switches_owner_id"), postgresql_nulls_not_distinct=True),
    )
    protect("engine_switches", readable="owner_id IS NULL")
    op.create_table(
        "elections",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Uuid, nullable=False),
        sa.Column("until", TIME, nullable=False),
    )
    grant("elections")


def _constrain(stopping: str) -> None:
    op.drop_constraint(op.f("ck_workflow_executions_stopping"), "workflow_executions")
    op.create_check_constraint(op.f("ck_workflow_executions_stopping"), "workflow_executions", stopping)


def _indexes() -> None:
    # None of a step's partial indexes names a column that an ordinary step ever sets: its updates stay within the page.
    for column, columns in (
        ("wake_at", ["wake_at"]),
        ("awaits", ["owner_id", "awaits"]),
        ("throttled_by", ["throttled_by", "owner_id", "execution_id", "sequence_number"]),
    ):
        where = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_workflow_steps_{column}", "workflow_steps", columns, postgresql_where=where)
    op.create_index(
        "ix_workflow_steps_subjects",
        "workflow_steps",
        ["subjects"],
        postgresql_using="gin",
        postgresql_where=sa.text("subjects IS NOT NULL"),
    )
    for name, columns, where, unique in (
        ("deadline", ["deadline_at"], "deadline_at IS NOT NULL AND completed_at IS NULL", False),
        ("queued", ["owner_id", "concurrency_key", "queued_at"], "queued_at IS NOT NULL", False),
        ("running_key", ["owner_id", "concurrency_key"], "concurrency_key IS NOT NULL AND completed_at IS NULL", False),
        ("parent", ["parent_id"], "parent_id IS NOT NULL", False),
        ("start_key", ["owner_id", "workflow_id", "start_key"], "start_key IS NOT NULL", True),
    ):
        op.create_index(
            f"ix_workflow_executions_{name}",
            "workflow_executions",
            columns,
            unique=unique,
            postgresql_where=sa.text(where),
        )


def _signals() -> None:
    op.create_table(
        "execution_signals",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "execution_id", sa.BigInteger, sa.ForeignKey("workflow_executions.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("step_name", sa.Text),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("sent_by", sa.Text),
        sa.Column("at", TIME, nullable=False),
        sa.Column("consumed_by", sa.Integer),
        sa.Column("consumed_at", TIME),
        sa.Column("owner_id", sa.Uuid, nullable=False),
    )
    op.create_index("ix_execution_signals_execution", "execution_signals", ["execution_id", "id"])
    protect("execution_signals")


def _triggers() -> None:
    op.create_table(
        "workflow_triggers",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("workflow_id", sa.Integer, sa.ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("event_type", sa.Text),
        sa.Column("condition", sa.Text),
        sa.Column("context", JSONB, nullable=False),
        sa.Column("schedule", sa.Text),
        sa.Column("timezone", sa.Text, nullable=False, server_default="UTC"),
        sa.Column("next_at", TIME),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("last_fired_at", TIME),
        sa.Column("last_error", sa.Text),
        sa.Column("owner_id", sa.Uuid),
        sa.CheckConstraint("(event_type IS NULL) <> (schedule IS NULL)", name=op.f("ck_workflow_triggers_kind")),
        sa.UniqueConstraint("workflow_id", "position", name=op.f("uq_workflow_triggers_workflow_id_position")),
    )
    op.create_index(
        "ix_workflow_triggers_event",
        "workflow_triggers",
        ["event_type"],
        postgresql_where=sa.text("event_type IS NOT NULL AND is_active"),
    )
    op.create_index(
        "ix_workflow_triggers_next",
        "workflow_triggers",
        ["next_at"],
        postgresql_where=sa.text("next_at IS NOT NULL AND is_active"),
    )
    protect("workflow_triggers", own=f"owner_id = {OWNER}", readable="owner_id IS NULL")


def downgrade() -> None:
    for table in ("elections", "engine_switches", "workflow_triggers", "execution_signals"):
        op.drop_table(table)
    op.drop_index("ix_outbox_type", "outbox")
    op.drop_index("ix_outbox_unhandled", "outbox")
    op.drop_column("outbox", "handle_after")
    op.drop_column("outbox", "handled_at")
    op.drop_column("outbox", "execution_id")
    op.execute("UPDATE workflow_executions SET stopping = 'cancel' WHERE stopping IN ('terminate', 'rerun')")
    _constrain(STOPPING_BEFORE)
    for column in reversed(_step_columns()):
        op.drop_column("workflow_steps", column.name)
    for column in reversed(_execution_columns()):
        op.drop_column("workflow_executions", column.name)
