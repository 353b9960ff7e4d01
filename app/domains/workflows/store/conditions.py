"""What a condition that is false does to the steps after it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

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
      ORDER BY sequence_number FOR UPDATE)
    UPDATE workflow_steps s SET is_passed_over = true FROM locked
    WHERE s.execution_id = :execution AND s.sequence_number = locked.sequence_number
    """
)


def pass_over_descendants(session: Session, step: StepRun) -> None:
    """Every step after this one will be skipped, also those with other dependencies.

    Each when its turn comes: until then it counts down like any other, so that what runs beside it is waited for.
    """
    session.execute(_SKIP_DESCENDANTS, {"execution": step.execution.id, "number": step.number})
