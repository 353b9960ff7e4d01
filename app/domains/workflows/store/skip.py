"""Passing over steps of an execution that is under way: a worker skips each when its turn comes, and releases what follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domains.workflows.store.start import send_ready
from app.domains.workflows.store.wake import wake

# a step at work holds its row: it is not to be had
_LOCK = text(
    """
    SELECT sequence_number, step_name, state, unmet, child_id, elements FROM workflow_steps
    WHERE execution_id = :execution AND step_name = ANY(:names) AND sequence_number >= 0
    ORDER BY sequence_number FOR UPDATE SKIP LOCKED
    """
)

_PASS_OVER = text(
    """
    UPDATE workflow_steps s SET is_passed_over = true, not_before = NULL, tries = 0,
      sent_at = CASE WHEN s.unmet = 0 AND s.state = 'pending' THEN now() ELSE s.sent_at END
    WHERE s.execution_id = :execution AND s.sequence_number = ANY(:numbers)
    RETURNING s.owner_id, s.sequence_number, s.state, s.route, s.unmet = 0 AND s.state = 'pending' AS is_ready
    """
)


def lock(session: Session, execution_id: int, names: Sequence[str]) -> list[Any]:
    """The steps of these names that nobody works on, locked: number, name, state, unmet, child, elements."""
    return list(session.execute(_LOCK, {"execution": execution_id, "names": list(names)}))


def pass_over(session: Session, execution_id: int, numbers: Sequence[int]) -> None:
    """Mark these locked steps, pending or parked, and send those whose turn it is."""
    marked = session.execute(_PASS_OVER, {"execution": execution_id, "numbers": list(numbers)}).all()
    ready = [row.route for row in marked if row.is_ready]
    if ready:
        send_ready(session, marked[0].owner_id, execution_id, ready)
    wake(session, execution_id, [row.sequence_number for row in marked if row.state == "waiting"])
