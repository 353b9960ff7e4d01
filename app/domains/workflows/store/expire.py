"""An execution that took longer than it may: what runs fails, what waits is cancelled, and it is settled."""

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

_OVERDUE = text(
    """
    SELECT max_duration_seconds AS longest, CAST(snapshot ->> 'deadline_seconds' AS double precision) AS deadline,
      state = 'running' AND busy_seconds + extract(epoch FROM :now - coalesce(busy_since, started_at))
        > max_duration_seconds AS took_too_long,
      created_at + make_interval(secs => CAST(snapshot ->> 'deadline_seconds' AS double precision)) <= :now AS too_late
    FROM workflow_executions
    WHERE id = :execution AND state IN ('running', 'waiting', 'paused') AND stopping IS NULL
    """
)

_FAIL_RUNNING = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET state = 'failed', token = NULL, lease_until = NULL, completed_at = :now,
        error_message = :error, error_type = 'ExecutionTimeout'
      WHERE execution_id = :execution AND state = 'running'
      RETURNING execution_id, sequence_number, step_name, task, CAST(definition AS text) AS definition, critical, attempts,
        idempotency_key, started_at, completed_at),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, error)
      SELECT e.owner_id, e.id, :now, step_name, 'running', 'failed', attempts, :error
      FROM s JOIN workflow_executions e ON e.id = s.execution_id)
    SELECT s.*, e.owner_id, e.workflow_name, e.correlation_id, e.context, e.state, e.rollback, e.stopping, e.error
    FROM s JOIN workflow_executions e ON e.id = s.execution_id ORDER BY s.sequence_number
    """
)


def expire(database: Database, *, owner_id: UUID, execution_id: int) -> bool:
    """Stop an overdue execution; its workers' leases are gone, so what they still do is not committed."""
    with database.transaction(owner_id) as session:
        at = now(session)
        row = session.execute(_OVERDUE, {"execution": execution_id, "now": at}).one_or_none()
        if row is None or not (row.took_too_long or row.too_late):
            return False
        message = (
            f"the execution was not over within its {row.deadline:g} seconds"
            if row.too_late
            else f"the execution took longer than its {row.longest:g} seconds"
        )
        failed = session.execute(_FAIL_RUNNING, {"execution": execution_id, "now": at, "error": message}).all()
        for row in failed:
            tell_ended(session, _failed(row, message))
        stop(session, execution_id, why="failure", error={"step": None, "type": "ExecutionTimeout", "message": message})
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
