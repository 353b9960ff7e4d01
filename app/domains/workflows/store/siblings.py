"""What the end of one element of a step with for_each means for the others: the next one is let in, or no more are.

Both are decided after the element's own end has locked the step's row, so of an element that fails and one that lets the next one
in beside it, the later sees what the earlier did. Elements are taken with SKIP LOCKED: one that is at work is let finish.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.workflows.rules import element_numbers
from app.domains.workflows.store.records import StepRun
from pipelines.plan import Route

# As many are open as the step's row still counts: fewer than may run at a time, and none of them waits to be let in.
_NEXT = text(
    """
    WITH next AS (
      SELECT s.sequence_number FROM workflow_steps s
      WHERE s.execution_id = :execution AND s.sequence_number > :number AND s.sequence_number < :end
        AND s.state = :state AND s.unmet = 1
        AND (SELECT unmet FROM workflow_steps WHERE execution_id = :execution AND sequence_number = :parent) >= :at_a_time
      ORDER BY s.sequence_number LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE workflow_steps s SET unmet = 0, sent_at = now(), tries = 0 FROM next
    WHERE s.execution_id = :execution AND s.sequence_number = next.sequence_number
    RETURNING s.sequence_number, s.route
    """
)

# One between two attempts that has begun something outside goes on to its end: else half of it would be left.
_STOP_REST = text(
    """
    WITH rest AS (
      SELECT s.sequence_number FROM workflow_steps s
      WHERE s.execution_id = :execution AND s.sequence_number >= :first AND s.sequence_number < :end
        AND s.state = 'pending' AND s.token IS NULL AND NOT EXISTS (
          SELECT FROM execution_effects f WHERE f.execution_id = :execution AND f.sequence_number = s.sequence_number
            AND f.state = 'intended')
      ORDER BY s.sequence_number FOR UPDATE OF s SKIP LOCKED),
    cancelled AS (
      UPDATE workflow_steps s SET state = 'cancelled', completed_at = :now, not_before = NULL, throttled_by = NULL,
        sent_at = NULL FROM rest
      WHERE s.execution_id = :execution AND s.sequence_number = rest.sequence_number
      RETURNING s.owner_id, s.step_name, s.sequence_number),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
      SELECT owner_id, :execution, :now, step_name, 'pending', 'cancelled' FROM cancelled ORDER BY sequence_number)
    UPDATE workflow_steps SET unmet = unmet - n.count, sent_at = CASE WHEN unmet = n.count THEN now() ELSE sent_at END,
      error_message = coalesce(error_message, :error)
    FROM (SELECT count(*) FROM cancelled) n
    WHERE execution_id = :execution AND sequence_number = :parent AND state = 'pending'
    RETURNING sequence_number, route, unmet
    """
)


_IS_OVER = text(
    """
    SELECT p.error_message IS NOT NULL AND NOT EXISTS (
      SELECT FROM execution_effects f WHERE f.execution_id = :execution AND f.sequence_number = :number AND f.state = 'intended')
    FROM workflow_steps p WHERE p.execution_id = :execution AND p.sequence_number = :parent
    """
)


# After a stop between two elements: as many as may run at a time are open again, those first that were before.
_GO_ON = text(
    """
    WITH own AS (
      SELECT sequence_number, unmet FROM workflow_steps
      WHERE execution_id = :execution AND sequence_number >= :first AND sequence_number < :end AND state = 'pending'),
    open AS (
      SELECT sequence_number FROM own ORDER BY unmet, sequence_number
      LIMIT greatest(:at_a_time, (SELECT count(*) FROM own WHERE unmet = 0)))
    UPDATE workflow_steps s SET unmet = 0, tries = 0,
      sent_at = CASE WHEN s.not_before IS NULL OR s.not_before <= :now THEN now() END
    FROM open WHERE s.execution_id = :execution AND s.sequence_number = open.sequence_number
    RETURNING s.sequence_number, s.route, s.sent_at IS NOT NULL AS is_sent
    """
)

_FIRST_FAILED = text(
    """
    SELECT item_index, error_message FROM workflow_steps
    WHERE execution_id = :execution AND sequence_number >= :first AND sequence_number < :end AND state = 'failed'
    ORDER BY completed_at, sequence_number LIMIT 1
    """
)


def let_in_next(session: Session, step: StepRun, *, undo: bool = False) -> dict[int, Route]:
    """Make the next element ready that waits for its turn; none where all are open that are left."""
    rows = session.execute(
        _NEXT,
        {
            **_where(step),
            "state": "compensating" if undo else "pending",
            "at_a_time": step.step.max_parallel,
        },
    )
    return {row.sequence_number: Route.from_json(row.route) for row in rows}


def stop_rest(session: Session, step: StepRun) -> dict[int, Route]:
    """After an element that failed for good: cancel those that have not begun; their step, if nothing else is left."""
    ready = _stop_rest(session, _where(step), element_error(step.item_index, step.error_message))
    return {number: Route.from_json(route) for number, route in ready.items()}


def go_on(session: Session, execution_id: int, number: int, *, at_a_time: int) -> dict[int, Any]:
    """The elements of this step go on after a stop, during which ends of theirs let nobody in; returns the routes of what is ready.

    All steps of the execution are locked.
    """
    where = _among(execution_id, number)
    ready: dict[int, Any] = {}
    if (first := session.execute(_FIRST_FAILED, where).one_or_none()) is not None:
        ready |= _stop_rest(session, where, element_error(first.item_index, first.error_message))
    rows = session.execute(_GO_ON, {**where, "at_a_time": at_a_time, "now": now(session)})
    return ready | {row.sequence_number: row.route for row in rows if row.is_sent}


def no_more_attempts(session: Session, step: StepRun) -> bool:
    """Whether another attempt of this element is to no purpose: its step fails because of another one."""
    return bool(session.execute(_IS_OVER, _where(step)).scalar_one())


def element_error(index: int | None, message: str | None) -> str:
    """What an element's failure is for its step."""
    return f"element {index}: {message}"


def _stop_rest(session: Session, where: dict[str, Any], error: str) -> dict[int, Any]:
    rows = session.execute(_STOP_REST, {**where, "error": error, "now": now(session)})
    return {row.sequence_number: row.route for row in rows if not row.unmet}


def _where(step: StepRun) -> dict[str, Any]:
    assert step.parent_number is not None
    return {**_among(step.execution.id, step.parent_number), "number": step.number}


def _among(execution_id: int, parent: int) -> dict[str, Any]:
    numbers = element_numbers(parent)
    return {"execution": execution_id, "parent": parent, "first": numbers.start, "end": numbers.stop}
