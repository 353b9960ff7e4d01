"""An execution that took longer than it may: what runs fails, what waits is cancelled, and it is settled."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.core.clock import now
from app.core.db import Database
from app.domains.workflows.store.settle import settle
from app.domains.workflows.store.stop import stop

_OVERDUE = text(
    """
    SELECT max_duration_seconds FROM workflow_executions
    WHERE id = :execution AND state = 'running' AND stopping IS NULL
      AND started_at + make_interval(secs => max_duration_seconds) < :now
    """
)

_FAIL_RUNNING = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET state = 'failed', token = NULL, lease_until = NULL, completed_at = :now,
        error_message = :error, error_type = 'ExecutionTimeout'
      WHERE execution_id = :execution AND state = 'running' RETURNING owner_id, step_name, attempts)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, error)
    SELECT owner_id, :execution, :now, step_name, 'running', 'failed', attempts, :error FROM s
    """
)


def expire(database: Database, *, owner_id: UUID, execution_id: int) -> bool:
    """Stop an overdue execution; its workers' leases are gone, so what they still do is not committed."""
    with database.transaction(owner_id) as session:
        at = now(session)
        limit = session.execute(_OVERDUE, {"execution": execution_id, "now": at}).scalar_one_or_none()
        if limit is None:
            return False
        message = f"the execution took longer than its {limit:g} seconds"
        session.execute(_FAIL_RUNNING, {"execution": execution_id, "now": at, "error": message})
        stop(session, execution_id, why="failure", error={"step": None, "type": "ExecutionTimeout", "message": message})
    return settle(database, owner_id=owner_id, execution_id=execution_id)
