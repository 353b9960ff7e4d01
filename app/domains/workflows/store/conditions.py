"""What a condition that is false does to the steps after it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.workflows.store.records import StepRun

_SKIP_DESCENDANTS = text(
    """
    WITH RECURSIVE after (number) AS (
      SELECT unnest(releases) FROM workflow_steps WHERE execution_id = :execution AND sequence_number = :number
      UNION
      SELECT unnest(s.releases) FROM workflow_steps s JOIN after ON s.sequence_number = after.number
      WHERE s.execution_id = :execution),
    locked AS (
      SELECT sequence_number FROM workflow_steps
      WHERE execution_id = :execution AND sequence_number IN (SELECT number FROM after) AND state = 'pending'
      ORDER BY sequence_number FOR UPDATE),
    skipped AS (
      UPDATE workflow_steps s SET state = 'skipped', completed_at = :now FROM locked
      WHERE s.execution_id = :execution AND s.sequence_number = locked.sequence_number
      RETURNING s.owner_id, s.step_name, s.sink),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
      SELECT owner_id, :execution, :now, step_name, 'pending', 'skipped' FROM skipped)
    UPDATE workflow_executions SET unmet_sinks = unmet_sinks - (SELECT count(*) FROM skipped WHERE sink)
    WHERE id = :execution RETURNING unmet_sinks
    """
)


def skip_descendants(session: Session, step: StepRun) -> int:
    """Skip every step after this one, also those with other dependencies; returns the sinks that are left."""
    row = session.execute(
        _SKIP_DESCENDANTS, {"execution": step.execution.id, "number": step.number, "now": now(session)}
    )
    return int(row.scalar_one())
