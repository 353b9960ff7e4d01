"""An execution of which nothing runs any more but parked steps is parked with them: `waiting`, out of the sweeper's sight."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import emit
from app.domains.workflows.store.places import leave_place

# before anything is counted: whoever wakes one of its steps holds this row, and what he wrote is to be seen
_LOCK = text("SELECT FROM workflow_executions WHERE id = :execution FOR NO KEY UPDATE")

_REST = text(
    """
    WITH e AS (
      UPDATE workflow_executions x SET state = 'waiting', check_at = NULL, busy_since = NULL,
        busy_seconds = busy_seconds + greatest(0, extract(epoch FROM :now - coalesce(busy_since, started_at)))
      WHERE id = :execution AND state = 'running' AND stopping IS NULL AND waiting > 0 AND NOT EXISTS (
        SELECT FROM workflow_steps s WHERE s.execution_id = x.id
          AND (s.state = 'running' OR s.state = 'pending' AND s.unmet = 0))
      RETURNING id, owner_id, workflow_name, correlation_id, concurrency_key, counts_parked),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state)
      SELECT owner_id, :execution, :now, 'running', 'waiting' FROM e)
    SELECT e.*, (SELECT jsonb_agg(step_name ORDER BY sequence_number) FROM workflow_steps
                 WHERE execution_id = :execution AND state = 'waiting') AS steps FROM e
    """
)


def rest(session: Session, execution_id: int, *, is_news: bool = True) -> bool:
    """Running -> waiting, when parked steps are all that there is to come. `is_news`: whether anybody is told.

    Two that end at once may both find the other at work; then the sweeper calls this.
    """
    at = now(session)
    session.execute(_LOCK, {"execution": execution_id})
    row = session.execute(_REST, {"execution": execution_id, "now": at}).one_or_none()
    if row is None:
        return False
    if is_news:
        about = {
            "execution_id": execution_id,
            "workflow": row.workflow_name,
            "correlation_id": row.correlation_id,
            "steps": row.steps,
        }
        emit(session, "workflow.waiting", f"execution/{execution_id}", about, owner_id=row.owner_id)
    if row.concurrency_key is not None and not row.counts_parked:
        leave_place(session, row.owner_id, row.concurrency_key)
    return True
