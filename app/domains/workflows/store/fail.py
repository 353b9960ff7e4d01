"""An attempt that failed: put back for another, or failed for good. Written after the attempt's own work was rolled back."""

from __future__ import annotations

import traceback as tracebacks
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.finish import LeaseLost, end_step, finish, tell_ended
from app.domains.workflows.store.park import forget
from app.domains.workflows.store.records import Observers, StepRun
from app.domains.workflows.store.siblings import no_more_attempts
from app.domains.workflows.store.stop import stop
from pipelines.plan import Hop, Route

MESSAGE_LIMIT = 2_000
TRACEBACK_LIMIT = 8_000
COUNTDOWN_LIMIT = 60
"""Seconds up to which a retry travels as a message with a countdown; a later one is sent when it is due."""

_PUT_BACK = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET state = CASE WHEN :undo THEN state ELSE 'pending' END,
        attempts = CASE WHEN :undo THEN attempts ELSE :attempt END,
        undo_attempts = CASE WHEN :undo THEN :attempt ELSE undo_attempts END,
        token = NULL, lease_until = NULL, throttled_by = NULL, not_before = :not_before,
        sent_at = CASE WHEN :travels THEN now() + make_interval(secs => :delay) END, tries = 0, worker = :worker,
        celery_task_id = :task_id, started_at = coalesce(started_at, CAST(:started AS timestamptz)), error_message = :error,
        error_type = :error_type, error_traceback = :traceback
      WHERE execution_id = :execution AND sequence_number = :number AND state = :before
        AND token IS NOT DISTINCT FROM :token
        AND CASE WHEN :undo THEN undo_attempts ELSE attempts END = :made
      RETURNING owner_id, step_name),
    e AS (
      UPDATE workflow_executions SET check_at = least(check_at, now() + make_interval(secs => :delay)) FROM s WHERE id = :execution)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, task_id, error)
    SELECT owner_id, :execution, :began, step_name, 'pending', 'running', :attempt, :worker, :task_id, NULL FROM s
    WHERE :in_one_transaction
    UNION ALL
    SELECT owner_id, :execution, :now, step_name, 'running', 'retrying', :attempt, :worker, :task_id, :error FROM s
    RETURNING owner_id
    """
)


def describe(step: StepRun, error: BaseException) -> str:
    """Put the error into the step, in words; returns the traceback's text."""
    step.error_message = (words(error) or type(error).__name__)[:MESSAGE_LIMIT]
    step.error_type = type(error).__name__
    parts = [
        "".join([*tracebacks.format_tb(each.__traceback__), f"{type(each).__name__}: {words(each)}\n"])
        for each in _chain(error)
    ]
    return _storable("\nwhich led to\n\n".join(parts))[-TRACEBACK_LIMIT:]


def _chain(error: BaseException) -> list[BaseException]:
    """What it came of, the first cause first, and the error itself."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return chain[::-1]


def words(error: BaseException) -> str:
    """What an error says; of a database's error only its first line, since its details quote the rows' values."""
    diagnosis = _diagnosis(error)
    return _storable(str(error) if diagnosis is None else str(diagnosis.message_primary or type(error).__name__))


def _diagnosis(error: BaseException) -> Any:
    return getattr(getattr(error, "orig", error), "diag", None)


def _storable(message: str) -> str:
    """Without what PostgreSQL does not store."""
    return message.encode("utf-8", "replace").decode().replace("\x00", "")


def said(step: StepRun) -> str:
    """A step's error in one line."""
    return f"{step.error_type}: {step.error_message}"


def put_back(session: Session, step: StepRun, delivery: Delivery, error: BaseException, *, delay: float) -> Outcome:
    """Another attempt follows in `delay` seconds; not of an element whose step fails anyway."""
    if step.parent_number is not None and not delivery.undo and no_more_attempts(session, step):
        return fail_for_good(session, step, delivery, error)
    traceback = describe(step, error)
    at = now(session)
    not_before = at + timedelta(seconds=delay)
    row = session.execute(
        _PUT_BACK,
        {
            "execution": delivery.execution_id,
            "number": delivery.number,
            "undo": delivery.undo,
            "attempt": step.attempt,
            "made": step.held.attempts,
            "before": step.held.state,
            "token": step.held.token,
            "not_before": not_before,
            # what travels with a countdown counts as sent when it arrives
            "travels": delay <= COUNTDOWN_LIMIT,
            "delay": delay,
            # a step that waits has begun once it is parked: until then its next attempt is its first look
            "started": None if step.step.is_parking else at,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "error": step.error_message,
            "error_type": step.error_type,
            "traceback": traceback,
            "now": at,
            # the beginning of such an attempt was rolled back with it
            "in_one_transaction": step.held.token is None and not delivery.undo,
            "began": step.claimed_at or at,
        },
    ).first()
    if row is None:
        raise LeaseLost
    if not delivery.undo and (observer := port(session, Observers).of(step.execution)):
        observer.step_retrying(session, step.execution, step)
    ready = {step.number: Route((Hop(step.number, step.task),))} if delay <= COUNTDOWN_LIMIT else {}
    return Outcome(ready=ready, error=said(step), retry_in=delay, undo=delivery.undo)


def fail_for_good(session: Session, step: StepRun, delivery: Delivery, error: BaseException) -> Outcome:
    """No attempt follows. A critical step stops its execution; after another what depends on it goes on, with null."""
    traceback = describe(step, error)
    step.output = None
    if step.step.is_parking or step.child_id is not None:
        forget(session, step)
    if not step.critical:
        outcome = end_step(session, step, delivery, to="failed", traceback=traceback)
        outcome.error = said(step)
        return outcome
    # the step's row before the execution's: everybody locks in this order
    finish(session, step, delivery, to="failed", traceback=traceback, release=False)
    tell_ended(session, step)
    about = {"step": step.name, "type": step.error_type, "message": step.error_message}
    stop(session, step.execution.id, why="failure", error=about)
    return Outcome(error=said(step), settle=True)
