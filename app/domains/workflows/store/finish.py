"""The commit of a step: status, output, history, and what it makes ready, in one statement; the last one settles.

The dependents are locked in step order before they are counted down, so two steps that end at once never deadlock and
exactly one of them finds a join ready.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import CAUSED_BY, emit
from app.core.ports import port
from app.core.settings import Settings
from app.core.statements import execute
from app.domains.workflows.store.concerns import CONDITION_TASK, expect
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.parent import child_ended
from app.domains.workflows.store.places import leave_place
from app.domains.workflows.store.records import Execution, Observers, StepRun
from app.domains.workflows.store.rest import rest
from app.domains.workflows.store.siblings import let_in_next, stop_rest
from app.domains.workflows.store.stored import as_json
from pipelines.errors import StepFailed
from pipelines.operations import Catalogue
from pipelines.plan import Hop, Route

_DONE = """
    WITH done AS (
      UPDATE workflow_steps SET state = %(to)s, token = NULL, lease_until = NULL, not_before = NULL,
        throttled_by = NULL, completed_at = %(now)s, started_at = coalesce(started_at, %(started)s), worker = %(worker)s,
        celery_task_id = %(task_id)s, {outcome}
      WHERE execution_id = %(execution)s AND sequence_number = %(number)s AND state = %(before)s
        AND token IS NOT DISTINCT FROM %(token)s AND {attempts} = %(made)s
      RETURNING releases, sink, step_name, owner_id)
"""

_FORWARD = """
    attempts = %(attempt)s, input_data = coalesce(%(input)s::jsonb, input_data), output_data = %(output)s::jsonb,
    error_message = %(error)s, error_type = %(error_type)s, error_traceback = %(traceback)s
"""

# by arrays: joined, the planner may read all steps of the execution to find these
_RELEASE = """,
    locked AS (
      SELECT s.sequence_number FROM workflow_steps s
      WHERE s.execution_id = %(execution)s AND s.sequence_number = ANY((SELECT releases FROM done)::int[])
        AND s.state = %(waiting)s
      ORDER BY s.sequence_number FOR UPDATE OF s),
    freed AS (
      UPDATE workflow_steps s SET unmet = s.unmet - 1, sent_at = CASE WHEN s.unmet = 1 THEN now() ELSE s.sent_at END
      WHERE s.execution_id = %(execution)s AND s.sequence_number = ANY(ARRAY(SELECT sequence_number FROM locked))
        AND s.state = %(waiting)s
      RETURNING s.sequence_number, s.unmet, s.route, s.definition ->> 'timeout_seconds' IS NOT NULL AS is_bounded),
    ready AS (SELECT sequence_number, route, is_bounded FROM freed WHERE unmet = 0)
"""

_HISTORY = """,
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, task_id,
        error, released)
      {began}
      SELECT owner_id, %(execution)s, %(now)s, step_name, %(shown_before)s, %(to)s, %(attempt)s, %(worker)s, %(task_id)s,
        %(error)s, {released} FROM done)
"""

_BEGAN = """
      SELECT owner_id, %(execution)s, %(began)s, step_name, 'pending', 'running', %(attempt)s, %(worker)s, %(task_id)s,
        NULL, NULL::int[] FROM done UNION ALL
"""

_SINKS = """,
    sinks AS (
      UPDATE workflow_executions e SET unmet_sinks = e.unmet_sinks - 1 FROM done
      WHERE e.id = %(execution)s AND done.sink RETURNING e.unmet_sinks)
"""

_FOUND = """
    SELECT (SELECT count(*) FROM done) AS done, {ready} AS ready, {sinks} AS unmet_sinks, e.stopping, e.waiting,
      {broken} AS broken
    FROM workflow_executions e WHERE e.id = %(execution)s
"""


@cache
def _finish(*, undo: bool, began: bool, release: bool, sink: bool) -> str:
    """The one statement of a step's end, with only those parts that this end needs: each part is planned and run.

    `began`: its beginning belongs into the history, too. `release`: it may have dependents to count down. `sink`: it may
    be one of the steps with which the execution ends.
    """
    return "".join(
        (
            _DONE.format(
                outcome="undo_attempts = %(attempt)s" if undo else _FORWARD,
                attempts="undo_attempts" if undo else "attempts",
            ),
            _RELEASE if release else "",
            _HISTORY.format(
                began=_BEGAN if began else "",
                released="(SELECT array_agg(sequence_number ORDER BY sequence_number) FROM ready)"
                if release
                else "NULL::int[]",
            ),
            _SINKS if sink else "",
            _FOUND.format(
                ready="(SELECT jsonb_agg(jsonb_build_array(sequence_number, route, is_bounded)) FROM ready)"
                if release
                else "NULL::jsonb",
                sinks="(SELECT unmet_sinks FROM sinks)" if sink else "NULL::int",
                broken=_BROKEN if undo else "false",
            ),
        )
    )


_BROKEN = """EXISTS (
        SELECT FROM workflow_steps WHERE execution_id = %(execution)s AND state = 'compensation_failed')"""

_COMPLETE = """
    WITH e AS (
      UPDATE workflow_executions SET state = 'completed', completed_at = %(now)s, check_at = NULL, waiting = 0,
        result = (SELECT coalesce(jsonb_object_agg(step_name, output_data), '{}') FROM workflow_steps
                  WHERE execution_id = %(execution)s AND state = 'completed' AND sequence_number >= 0)
      WHERE id = %(execution)s AND state = 'running' AND (stopping IS NULL OR stopping = 'end')
      RETURNING owner_id, concurrency_key, parent_id),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state)
      SELECT owner_id, %(execution)s, %(now)s, 'running', 'completed' FROM e)
    SELECT owner_id, concurrency_key, parent_id FROM e
"""


class LeaseLost(StepFailed):
    """Somebody else took the step: what this worker did is not committed."""

    def __init__(self) -> None:
        super().__init__("the lease was lost; another worker has the step", permanent=True)


class Finished:
    """What the finish statement found out."""

    __slots__ = ("bounded", "broken", "ready", "stopping", "unmet_sinks", "waiting")

    def __init__(self, row: Any) -> None:
        self.ready = {number: Route.from_json(route) for number, route, _ in row.ready or ()}
        self.bounded = {number for number, _, is_bounded in row.ready or () if is_bounded}
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
    at, limit = now(session), port(session, Settings).workflow_output_limit
    started = step.started_at or step.claimed_at or at
    began = step.held.token is None and not delivery.undo and to != "skipped"
    query = _finish(
        undo=delivery.undo, began=began, release=release and step.has_dependents, sink=release and step.is_sink
    )
    row = execute(
        session,
        query,
        {
            "execution": delivery.execution_id,
            "number": delivery.number,
            "to": to,
            "before": step.held.state,
            "made": step.held.attempts,
            "shown_before": "running" if began else step.held.state,
            "waiting": "compensating" if delivery.undo else "pending",
            "token": step.held.token,
            "now": at,
            "started": started,
            "began": step.claimed_at or at,
            "attempt": step.attempt,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "input": None if step.input is None else as_json(step.input, "input", limit=limit),
            "output": as_json(step.output, "output", limit=limit) if step.output is not None else None,
            "error": step.error_message,
            "error_type": step.error_type,
            "traceback": traceback,
        },
    ).fetchone()
    if row is None or not row.done:
        raise LeaseLost
    step.state, step.started_at, step.completed_at = to, started, at
    return Finished(row)


def settle_completed(session: Session, execution: Execution) -> bool:
    """The last step is done: running -> completed. False when something else decided before."""
    at: datetime = now(session)
    row = execute(session, _COMPLETE, {"execution": execution.id, "now": at}).fetchone()
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
    if row.parent_id is not None:
        child_ended(session, execution.id)
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
    ready = finished.ready
    if conditions := [number for number in finished.bounded if ready[number].hops[0].task == CONDITION_TASK]:
        expect(session, step, conditions)
    if step.parent_number is not None:
        ready |= let_in_next(session, step) if to == "completed" else stop_rest(session, step)
    if finished.unmet_sinks == 0:
        settle_completed(session, step.execution)
    elif finished.waiting and not ready:
        rest(session, step.execution.id)
    return Outcome(ready=ready, inline=_inline(session, step, finished))


def _inline(session: Session, step: StepRun, finished: Finished) -> frozenset[int]:
    """What this worker may go on with itself: nothing that has a queue or a time limit of its own."""
    if not step.execution.inline:
        return frozenset()
    operations = port(session, Catalogue)

    def has_own(hop: Hop) -> bool:
        operation = operations.get(hop.task)
        return hop.queue is not None or (operation is not None and operation.timeout_seconds is not None)

    return frozenset(
        number
        for number, route in finished.ready.items()
        if number not in finished.bounded and not has_own(route.hops[0])
    )


def tell_ended(session: Session, step: StepRun) -> None:
    """Tell the observer how the step ended."""
    if observer := port(session, Observers).of(step.execution):
        observer.step_ended(session, step.execution, step)
