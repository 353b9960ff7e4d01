"""An execution that took longer than it may: what runs or is parked fails, what has not begun is cancelled, and it is settled."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.clock import now
from app.core.db import Database
from app.domains.workflows.store.finish import tell_ended
from app.domains.workflows.store.records import Execution, Held, StepRun
from app.domains.workflows.store.settle import settle
from app.domains.workflows.store.stop import stop

ASKED_AGAIN_SECONDS = 30.0
"""How long the timer leaves an execution past its deadline alone before it asks for its end again."""

# `deadline_at` as the timer has moved it when it asked: after a retry it is far off again, and a message that comes late asks in vain
_OVERDUE = text(
    """
    SELECT max_duration_seconds AS longest, CAST(snapshot ->> 'deadline_seconds' AS double precision) AS deadline,
      state = 'running' AND busy_seconds + extract(epoch FROM :now - coalesce(busy_since, started_at))
        > max_duration_seconds AS took_too_long,
      deadline_at <= :now + make_interval(secs => :asked_again)
        AND created_at + make_interval(secs => CAST(snapshot ->> 'deadline_seconds' AS double precision)) <= :now AS too_late
    FROM workflow_executions
    WHERE id = :execution AND state IN ('running', 'waiting', 'paused') AND stopping IS NULL
    """
)

# the timer moves it on while it asks; a retry counts from what was meant
_RESTORE_DEADLINE = text(
    """
    UPDATE workflow_executions
    SET deadline_at = created_at + make_interval(secs => CAST(snapshot ->> 'deadline_seconds' AS double precision))
    WHERE id = :execution AND deadline_at IS NOT NULL
    """
)

# a step that waits for an execution is left to the settle: the child is stopped first
_FAIL_BEGUN = text(
    """
    WITH began AS (
      SELECT sequence_number, state FROM workflow_steps
      WHERE execution_id = :execution AND (state = 'running' OR state = 'waiting' AND child_id IS NULL)
      ORDER BY sequence_number FOR UPDATE),
    s AS (
      UPDATE workflow_steps x SET state = 'failed', token = NULL, lease_until = NULL, completed_at = :now, wake_at = NULL,
        awaits = NULL, subjects = NULL, error_message = :error, error_type = 'ExecutionTimeout'
      FROM began WHERE x.execution_id = :execution AND x.sequence_number = began.sequence_number
      RETURNING x.execution_id, x.sequence_number, step_name, task, CAST(definition AS text) AS definition, critical,
        attempts, idempotency_key, started_at, completed_at, began.state AS before),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, error)
      SELECT e.owner_id, e.id, :now, step_name, before, 'failed', attempts, :error
      FROM s JOIN workflow_executions e ON e.id = s.execution_id)
    SELECT s.*, e.owner_id, e.workflow_name, e.correlation_id, e.context, e.state, e.rollback, e.stopping, e.error
    FROM s JOIN workflow_executions e ON e.id = s.execution_id ORDER BY s.sequence_number
    """
)


def expire(database: Database, *, owner_id: UUID, execution_id: int) -> bool:
    """Stop an overdue execution; its workers' leases are gone, so what they still do is not committed."""
    with database.transaction(owner_id) as session:
        at = now(session)
        row = session.execute(
            _OVERDUE, {"execution": execution_id, "now": at, "asked_again": ASKED_AGAIN_SECONDS}
        ).one_or_none()
        if row is None or not (row.took_too_long or row.too_late):
            return False
        message = (
            f"the execution was not over within its {row.deadline:g} seconds"
            if row.too_late
            else f"the execution took longer than its {row.longest:g} seconds"
        )
        failed = session.execute(_FAIL_BEGUN, {"execution": execution_id, "now": at, "error": message}).all()
        for row in failed:
            tell_ended(session, _failed(row, message))
        stop(session, execution_id, why="failure", error={"step": None, "type": "ExecutionTimeout", "message": message})
        session.execute(_RESTORE_DEADLINE, {"execution": execution_id})
    return settle(database, owner_id=owner_id, execution_id=execution_id)


def _failed(row: Any, message: str) -> StepRun:
    return StepRun(
        execution=Execution.of(row.execution_id, row),
        number=row.sequence_number,
        name=row.step_name,
        task=row.task,
        definition=row.definition,
        critical=row.critical,
        state="failed",
        held=Held("failed", None, row.attempts),
        idempotency_key=str(row.idempotency_key),
        attempt=row.attempts,
        error_message=message,
        error_type="ExecutionTimeout",
        started_at=row.started_at,
        completed_at=row.completed_at,
    )
