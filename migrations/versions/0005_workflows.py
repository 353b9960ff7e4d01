"""Workflows, their versions, executions, steps, history and effects."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from migrations.tenancy import OWNER, keep_updated_at, protect, system_role

revision = "0005_workflows"
down_revision = "0004_catalog"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.func.now()
SECONDS = "(EXTRACT(epoch FROM completed_at - started_at))::numeric(14,6)"


def _timestamps() -> list[sa.Column[object]]:
    return [sa.Column(name, TIME, nullable=False, server_default=NOW) for name in ("created_at", "updated_at")]


def upgrade() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("tags", JSONB, nullable=False, server_default="[]"),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text),
        sa.Column("owner_id", sa.Uuid),
        *_timestamps(),
        sa.CheckConstraint("name ~ '^[a-z][a-z0-9_]*$'", name=op.f("ck_workflows_name")),
        sa.UniqueConstraint(
            "owner_id", "name", name=op.f("uq_workflows_owner_id_name"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_table(
        "workflow_versions",
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("workflow_id", sa.Integer, sa.ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("document", JSONB, nullable=False),
        sa.Column("created_by", sa.Text),
        sa.Column("owner_id", sa.Uuid),
        sa.Column("created_at", TIME, nullable=False, server_default=NOW),
        sa.UniqueConstraint("workflow_id", "version", name=op.f("uq_workflow_versions_workflow_id_version")),
    )
    op.create_table(
        "workflow_executions",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("workflow_id", sa.Integer, sa.ForeignKey("workflows.id"), nullable=False),
        sa.Column("workflow_name", sa.Text, nullable=False),
        sa.Column("workflow_version", sa.Text, nullable=False),
        sa.Column("snapshot", JSONB, nullable=False),
        sa.Column("key", sa.Uuid, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("rollback", sa.Text, nullable=False, server_default="none"),
        sa.Column("stopping", sa.Text),
        sa.Column("rollback_on_failure", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("is_wanted", sa.Boolean, nullable=False, server_default="true"),
        sa.Column("unmet_sinks", sa.Integer, nullable=False),
        sa.Column("context", JSONB, nullable=False),
        sa.Column("result", JSONB),
        sa.Column("error", JSONB),
        sa.Column("trigger_type", sa.Text, nullable=False),
        sa.Column("trigger_source", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.Column("labels", JSONB, nullable=False, server_default="{}"),
        sa.Column("parent_id", sa.BigInteger),
        sa.Column("max_duration_seconds", sa.Double),
        sa.Column("check_at", TIME),
        sa.Column("check_tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("started_at", TIME),
        sa.Column("completed_at", TIME),
        sa.Column("duration_seconds", sa.Numeric(14, 6), sa.Computed(SECONDS, persisted=True)),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        *_timestamps(),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_workflow_executions_state"),
        ),
        sa.CheckConstraint(
            "rollback IN ('none', 'pending', 'running', 'done', 'incomplete')",
            name=op.f("ck_workflow_executions_rollback"),
        ),
        sa.CheckConstraint("stopping IN ('failure', 'cancel', 'end')", name=op.f("ck_workflow_executions_stopping")),
        sa.CheckConstraint(
            "trigger_type IN ('api', 'manual', 'event', 'scheduled', 'parent', 'order')",
            name=op.f("ck_workflow_executions_trigger_type"),
        ),
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_workflow_executions_check",
        "workflow_executions",
        ["check_at"],
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_workflow_executions_wanted",
        "workflow_executions",
        ["id"],
        postgresql_where=sa.text("state = 'pending' AND is_wanted"),
    )
    op.create_index("ix_workflow_executions_list", "workflow_executions", ["owner_id", "created_at", "id"])
    op.create_index("ix_workflow_executions_state", "workflow_executions", ["owner_id", "state", "created_at", "id"])
    op.create_index("ix_workflow_executions_workflow", "workflow_executions", ["workflow_id", "created_at", "id"])
    op.create_index("ix_workflow_executions_correlation", "workflow_executions", ["owner_id", "correlation_id"])
    op.create_table(
        "workflow_steps",
        sa.Column(
            "execution_id",
            sa.BigInteger,
            sa.ForeignKey("workflow_executions.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("sequence_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("step_name", sa.Text, nullable=False),
        sa.Column("step_type", sa.Text, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("definition", JSONB, nullable=False),
        sa.Column("critical", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("unmet", sa.Integer, nullable=False),
        sa.Column("releases", ARRAY(sa.Integer), nullable=False),
        sa.Column("reads", ARRAY(sa.Integer), nullable=False),
        sa.Column("route", JSONB, nullable=False),
        sa.Column("sink", sa.Boolean, nullable=False),
        sa.Column("is_passed_over", sa.Boolean, nullable=False, server_default="false"),
        sa.Column("idempotency_key", sa.Uuid, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_count", sa.Integer, sa.Computed("greatest(attempts - 1, 0)", persisted=True), nullable=False),
        sa.Column("undo_attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("not_before", TIME),
        sa.Column("sent_at", TIME),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("token", sa.Uuid),
        sa.Column("lease_until", TIME),
        sa.Column("worker", sa.Text),
        sa.Column("celery_task_id", sa.Text),
        sa.Column("input_data", JSONB),
        sa.Column("output_data", JSONB),
        sa.Column("error_message", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("error_traceback", sa.Text),
        sa.Column("started_at", TIME),
        sa.Column("completed_at", TIME),
        sa.Column("duration_seconds", sa.Numeric(14, 6), sa.Computed(SECONDS, persisted=True)),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'running', 'retrying', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', "
            "'compensating', 'compensated', 'compensation_failed')",
            name=op.f("ck_workflow_steps_state"),
        ),
        sa.CheckConstraint("unmet >= 0", name=op.f("ck_workflow_steps_unmet")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "execution_effects",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "execution_id", sa.BigInteger, sa.ForeignKey("workflow_executions.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("sequence_number", sa.Integer, nullable=False),
        sa.Column("step_name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("undo_operation", sa.Text),
        sa.Column("undo_params", JSONB),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("undone_at", TIME),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.CheckConstraint(
            "state IN ('intended', 'confirmed', 'undone', 'kept')", name=op.f("ck_execution_effects_state")
        ),
    )
    op.create_index("ix_execution_effects_execution", "execution_effects", ["execution_id", "sequence_number", "id"])
    _execution_events()
    built_in = f"owner_id = {OWNER}"
    for table in ("workflows", "workflow_versions"):
        protect(table, own=built_in, readable="owner_id IS NULL")
    for table in ("workflow_executions", "workflow_steps", "execution_effects"):
        protect(table)
    for table in ("workflows", "workflow_executions"):
        keep_updated_at(table)


def _execution_events() -> None:
    op.create_table(
        "execution_events",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("execution_id", sa.BigInteger, nullable=False),
        sa.Column("step_name", sa.Text),
        sa.Column("from_state", sa.Text),
        sa.Column("to_state", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer),
        sa.Column("worker", sa.Text),
        sa.Column("task_id", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("released", ARRAY(sa.Integer)),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("id", "at", name=op.f("pk_execution_events")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_execution_events_execution", "execution_events", ["execution_id", "id"])
    protect("execution_events", privileges="SELECT, INSERT")
    # Partitions are reached through their parent only. The default one is a net: a history row is never refused.
    op.execute("CREATE TABLE execution_events_rest PARTITION OF execution_events DEFAULT")
    op.execute("ALTER TABLE execution_events_rest ENABLE ROW LEVEL SECURITY")
    op.execute(
        """
        CREATE FUNCTION add_execution_event_partitions(from_month date, months int) RETURNS int
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE first date := date_trunc('month', from_month); part text; made int := 0;
        BEGIN
          FOR i IN 0 .. least(months, 120) - 1 LOOP
            part := 'execution_events_' || to_char(first + make_interval(months => i), 'YYYY_MM');
            IF to_regclass(part) IS NULL THEN
              EXECUTE format('CREATE TABLE %I PARTITION OF execution_events FOR VALUES FROM (%L) TO (%L)', part,
                (first + make_interval(months => i))::timestamp AT TIME ZONE 'UTC',
                (first + make_interval(months => i + 1))::timestamp AT TIME ZONE 'UTC');
              EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
              made := made + 1;
            END IF;
          END LOOP;
          RETURN made;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION add_execution_event_partitions(date, int) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION add_execution_event_partitions(date, int) TO {system_role()}")
    op.execute("SELECT add_execution_event_partitions(current_date, 3)")


def downgrade() -> None:
    for table in (
        "execution_events",
        "execution_effects",
        "workflow_steps",
        "workflow_executions",
        "workflow_versions",
        "workflows",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION add_execution_event_partitions(date, int)")
