"""The commit of a step: status, output, history, and what it makes ready, in one statement; the last one settles.

The dependents are locked in step order before they are counted down, so two steps that end at once never deadlock and
exactly one of them finds a join ready.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import CAUSED_BY, emit
from app.core.ports import port
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.places import leave_place
from app.domains.workflows.store.records import Execution, Observers, StepRun
from app.domains.workflows.store.rest import rest
from pipelines.errors import StepFailed
from pipelines.plan import Route

OUTPUT_LIMIT = 1024 * 1024
"""Bytes of JSON in one step's output or in a context."""

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL in JSON text; a backslash that is itself escaped begins none."""

_FINISH = text(
    """
    WITH done AS (
      UPDATE workflow_steps SET state = :to, token = NULL, lease_until = NULL, not_before = NULL, completed_at = :now,
        started_at = coalesce(started_at, :started), worker = :worker, celery_task_id = :task_id,
        attempts = CASE WHEN :undo THEN attempts ELSE :attempt END,
        undo_attempts = CASE WHEN :undo THEN :attempt ELSE undo_attempts END,
        input_data = coalesce(CAST(:input AS jsonb), input_data),
        output_data = CASE WHEN :undo THEN output_data ELSE CAST(:output AS jsonb) END,
        error_message = CASE WHEN :undo THEN error_message ELSE :error END,
        error_type = CASE WHEN :undo THEN error_type ELSE :error_type END,
        error_traceback = CASE WHEN :undo THEN error_traceback ELSE :traceback END
      WHERE execution_id = :execution AND sequence_number = :number AND state = :before
        AND token IS NOT DISTINCT FROM :token AND CASE WHEN :undo THEN undo_attempts ELSE attempts END = :made
      RETURNING releases, sink, step_name, owner_id),
    locked AS (
      SELECT s.sequence_number FROM workflow_steps s, done
      WHERE s.execution_id = :execution AND s.sequence_number = ANY(done.releases) AND s.state = :waiting
        AND :release
      ORDER BY s.sequence_number FOR UPDATE OF s),
    freed AS (
      UPDATE workflow_steps s SET unmet = s.unmet - 1, sent_at = CASE WHEN s.unmet = 1 THEN now() ELSE s.sent_at END
      FROM locked
      WHERE s.execution_id = :execution AND s.sequence_number = locked.sequence_number AND s.state = :waiting
      RETURNING s.sequence_number, s.unmet, s.route),
    ready AS (SELECT sequence_number, route FROM freed WHERE unmet = 0),
    began AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, task_id)
      SELECT owner_id, :execution, :started, step_name, 'pending', 'running', :attempt, :worker, :task_id FROM done
      WHERE :began),
    ended AS (
      INSERT INTO execution_events
        (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, task_id, error, released)
      SELECT owner_id, :execution, :now, step_name, :shown_before, :to, :attempt, :worker, :task_id, :error,
        (SELECT array_agg(sequence_number ORDER BY sequence_number) FROM ready) FROM done),
    sinks AS (
      UPDATE workflow_executions e SET unmet_sinks = e.unmet_sinks - 1 FROM done
      WHERE e.id = :execution AND done.sink AND :release RETURNING e.unmet_sinks)
    SELECT (SELECT count(*) FROM done) AS done,
      (SELECT jsonb_agg(jsonb_build_array(sequence_number, route)) FROM ready) AS ready,
      (SELECT unmet_sinks FROM sinks) AS unmet_sinks,
      (SELECT stopping FROM workflow_executions WHERE id = :execution) AS stopping,
      (SELECT waiting FROM workflow_executions WHERE id = :execution) AS waiting,
      :undo AND EXISTS (SELECT FROM workflow_steps WHERE execution_id = :execution AND state = 'compensation_failed')
        AS broken
    """
)

_COMPLETE = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET state = 'completed', completed_at = :now, check_at = NULL,
        result = (SELECT coalesce(jsonb_object_agg(step_name, output_data), '{}') FROM workflow_steps
                  WHERE execution_id = :execution AND state = 'completed' AND sequence_number >= 0)
      WHERE id = :execution AND state = 'running' AND (stopping IS NULL OR stopping = 'end')
      RETURNING owner_id, concurrency_key),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state)
      SELECT owner_id, :execution, :now, 'running', 'completed' FROM e)
    SELECT owner_id, concurrency_key FROM e
    """
)


class LeaseLost(StepFailed):
    """Somebody else took the step: what this worker did is not committed."""

    def __init__(self) -> None:
        super().__init__("the lease was lost; another worker has the step", permanent=True)


class Finished:
    """What the finish statement found out."""

    __slots__ = ("broken", "ready", "stopping", "unmet_sinks", "waiting")

    def __init__(self, row: Any) -> None:
        self.ready = {number: Route.from_json(route) for number, route in row.ready or ()}
        self.unmet_sinks: int | None = row.unmet_sinks
        self.stopping: str | None = row.stopping
        self.waiting: int = row.waiting
        self.broken: bool = row.broken


def finish(
    session: Session, step: StepRun, delivery: Delivery, *, to: str, traceback: str | None = None, release: bool = True
) -> Finished:
    """Commit a step as completed, failed, skipped or compensated. Raises LeaseLost when the row is no longer ours.

    `release`: count its dependents down; not after a failure that stops the execution.
    """
    session.info[CAUSED_BY] = delivery.execution_id
    at = now(session)
    started = step.started_at or at
    in_one_transaction = step.held.token is None and not delivery.undo
    row = session.execute(
        _FINISH,
        {
            "execution": delivery.execution_id,
            "number": delivery.number,
            "undo": delivery.undo,
            "release": release,
            "to": to,
            "before": step.held.state,
            "made": step.held.attempts,
            "shown_before": "running" if in_one_transaction and to != "skipped" else step.held.state,
            "began": in_one_transaction and to != "skipped",
            "waiting": "compensating" if delivery.undo else "pending",
            "token": step.held.token,
            "now": at,
            "started": started,
            "attempt": step.attempt,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "input": None if step.input is None else as_json(step.input, "input"),
            "output": as_json(step.output, "output") if step.output is not None else None,
            "error": step.error_message,
            "error_type": step.error_type,
            "traceback": traceback,
        },
    ).one()
    if not row.done:
        raise LeaseLost
    step.state, step.started_at, step.completed_at = to, started, at
    return Finished(row)


def settle_completed(session: Session, execution: Execution) -> bool:
    """The last step is done: running -> completed. False when something else decided before."""
    at: datetime = now(session)
    row = session.execute(_COMPLETE, {"execution": execution.id, "now": at}).one_or_none()
    if row is None:
        return False
    execution.state = "completed"
    if row.concurrency_key is not None:
        leave_place(session, row.owner_id, row.concurrency_key)
    emit(
        session,
        "workflow.completed",
        f"execution/{execution.id}",
        {
            "execution_id": execution.id,
            "workflow": execution.workflow_name,
            "correlation_id": execution.correlation_id,
        },
        owner_id=row.owner_id,
    )
    if observer := port(session, Observers).of(execution):
        observer.settled(session, execution)
    return True


def end_step(session: Session, step: StepRun, delivery: Delivery, *, to: str, traceback: str | None = None) -> Outcome:
    """Finish a step that went forward, tell the observer, and complete the execution when it was the last.

    Of an execution that is stopping nothing becomes ready; this step could be the last that it waited for.
    """
    session.flush()
    finished = finish(session, step, delivery, to=to, traceback=traceback)
    tell_ended(session, step)
    if finished.stopping:
        return Outcome(settle=True)
    if finished.unmet_sinks == 0:
        settle_completed(session, step.execution)
    elif finished.waiting and not finished.ready:
        rest(session, step.execution.id)
    return Outcome(ready=finished.ready)


def tell_ended(session: Session, step: StepRun) -> None:
    """Tell the observer how the step ended."""
    if observer := port(session, Observers).of(step.execution):
        observer.step_ended(session, step.execution, step)


def as_json(value: Any, what: str) -> str:
    """JSON text of a step's data. Raises StepFailed (permanent) when it is not JSON or too large."""
    try:
        document = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(document.encode())
    except (TypeError, ValueError) as error:
        # an encoding error would quote the value
        why = "it holds half of a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        message = f"the {what} is not JSON: {why}"
        raise StepFailed(message, permanent=True) from None
    if size > OUTPUT_LIMIT:
        message = f"the {what} is {size} bytes of JSON; the limit is {OUTPUT_LIMIT}"
        raise StepFailed(message, permanent=True)
    if _NUL.search(document):
        message = f"the {what} holds a NUL character, which PostgreSQL does not store"
        raise StepFailed(message, permanent=True)
    return document
