"""Parking: a step that waits holds no worker, no message and no task with an ETA; its row says what wakes it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.finish import LeaseLost
from app.domains.workflows.store.records import StepRun
from app.domains.workflows.store.rest import rest
from app.domains.workflows.store.stored import as_json

_PARK = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET state = 'waiting', token = NULL, lease_until = NULL, not_before = NULL, sent_at = NULL,
        tries = 0, attempts = 0, started_at = coalesce(started_at, :now), worker = :worker, celery_task_id = :task_id,
        input_data = coalesce(CAST(:input AS jsonb), input_data), child_id = coalesce(:child, child_id),
        awaits = :awaits, subjects = coalesce(CAST(:subjects AS text[]), subjects), due_at = :due_at, deadline_at = :deadline_at,
        wake_at = :wake_at
      WHERE execution_id = :execution AND sequence_number = :number AND state = :before
        AND token IS NOT DISTINCT FROM :token AND attempts = :made
      RETURNING owner_id, step_name),
    e AS (UPDATE workflow_executions SET waiting = waiting + 1 FROM s WHERE id = :execution)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, worker, task_id)
    SELECT owner_id, :execution, :now, step_name, 'pending', 'waiting', :worker, :task_id FROM s RETURNING owner_id
    """
)


_FORGET = text(
    """
    UPDATE workflow_steps SET awaits = NULL, subjects = CAST(:subjects AS text[]), wake_at = NULL
    WHERE execution_id = :execution AND sequence_number = :number
      AND (awaits IS NOT NULL OR subjects IS NOT NULL OR wake_at IS NOT NULL OR CAST(:subjects AS text[]) IS NOT NULL)
    """
)


def forget(session: Session, step: StepRun, *, subjects: Collection[str] = ()) -> None:
    """What the step waited for concerns it no longer; `subjects`: whose events were its own affair, and stay so."""
    where = {"execution": step.execution.id, "number": step.number}
    session.execute(_FORGET, {**where, "subjects": sorted(subjects) if subjects else None})


def park(
    session: Session,
    step: StepRun,
    delivery: Delivery,
    *,
    wake_at: datetime | None = None,
    awaits: str | None = None,
    subjects: Collection[str] | None = None,
    due_at: datetime | None = None,
    deadline_at: datetime | None = None,
    child_id: int | None = None,
) -> Outcome:
    """Let the claimed step wait. Raises LeaseLost when the row is no longer ours.

    `wake_at`: when the timer lets it look again, in business time; `awaits`: an event or signal of that name does; `subjects`:
    so does any event about one of them, or, where none are given, of those before. `due_at` and `deadline_at` are kept for its
    next look, `child_id` for good.
    """
    parked = session.execute(
        _PARK,
        {
            "execution": delivery.execution_id,
            "number": delivery.number,
            "before": step.held.state,
            "token": step.held.token,
            "made": step.held.attempts,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "input": None
            if step.input is None
            else as_json(step.input, "input", limit=port(session, Settings).workflow_output_limit),
            "child": child_id,
            "awaits": awaits,
            "subjects": sorted(subjects) if subjects else None,
            "due_at": due_at,
            "deadline_at": deadline_at,
            "wake_at": wake_at,
            "now": now(session),
        },
    ).one_or_none()
    if parked is None:
        raise LeaseLost
    # one that has looked in vain waits as before
    rest(session, delivery.execution_id, is_news=step.started_at is None)
    return Outcome()
