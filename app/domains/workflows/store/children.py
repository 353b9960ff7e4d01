"""A step whose work is an execution of its own: the child is started, waited for, and stopped or undone with its parent.

The step's look starts the child and parks; the child's end wakes it (store.parent), and it looks again. What the child did is one effect
in the parent's ledger, intended from the moment at which it started. Parents never lock children: what is to happen to
them happens in transactions of their own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import Database
from app.core.ports import port
from app.core.queue import send_task
from app.core.settings import Settings
from app.domains.workflows.errors import InvalidContext, WorkflowNotFound
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.effects import Undo
from app.domains.workflows.store.finish import end_step
from app.domains.workflows.store.launch import Parent, launch
from app.domains.workflows.store.parent import CHILD_EFFECT, CHILD_TASK, leaves_nothing
from app.domains.workflows.store.park import park
from app.domains.workflows.store.records import StepRun
from app.domains.workflows.store.stop import cancel_pending, stop
from app.domains.workflows.store.tasks import SETTLE_TASK, STOP_CHILDREN_TASK
from pipelines.errors import StepFailed
from pipelines.expressions import Scope, resolve

LOOK_AFTER = timedelta(minutes=1)
"""A parked parent looks by itself after so long, and then ever more seldom: a net, since the child's end wakes it."""

LOOK_AT_LEAST = timedelta(hours=1)

TIMED_OUT = ("ExecutionTimeout", "ExecutionDeadline")
"""Errors of executions that took too long: what they left running is stopped, whether they are rolled back or not."""

_DEPTH = text("SELECT depth FROM workflow_executions WHERE id = :execution")

_CHILD = text(
    """
    SELECT id, workflow_name, state, rollback, stopping, result, error ->> 'message' AS error, completed_at, parent_id
    FROM workflow_executions WHERE id = :child
    """
)

_INTEND = text(
    """
    INSERT INTO execution_effects (owner_id, execution_id, sequence_number, step_name, kind, reference, summary, system,
      undo_operation, undo_params, state, at)
    VALUES (:owner_id, :execution, :number, :step, :kind, :child, :summary, 'turnup', :task,
      CAST(:undo AS jsonb), 'intended', :now)
    """
)

_CONFIRM = text(
    """
    UPDATE execution_effects SET state = 'confirmed', at = :now
    WHERE execution_id = :execution AND sequence_number = :number AND kind = :kind AND reference = :child
      AND state = 'intended'
    """
)

_PARK_UNDO = text(
    """
    UPDATE workflow_steps SET not_before = :later, sent_at = NULL, tries = 0, undo_attempts = 0, worker = :worker,
      celery_task_id = :task_id
    WHERE execution_id = :execution AND sequence_number = :number AND state = 'compensating' AND token IS NULL
    """
)

# `why` NULL: the child is let finish
_TO_STOP = text(
    """
    SELECT id, why FROM (
      SELECT c.id, CASE
          WHEN s.state = 'compensating' AND p.stopping IS DISTINCT FROM 'terminate' THEN 'cancel'
          WHEN c.completed_at IS NOT NULL OR c.stopping = 'terminate' THEN NULL
          WHEN p.stopping = 'terminate' THEN 'terminate'
          WHEN c.stopping IS NOT NULL THEN NULL
          WHEN p.stopping = 'cancel' OR p.stopping = 'failure' AND p.rollback_on_failure THEN 'cancel'
          WHEN p.stopping = 'failure' AND p.error ->> 'type' = ANY(:timed_out) THEN 'terminate'
          WHEN p.stopping IS NULL AND s.state IN ('pending', 'waiting') AND s.deadline_at <= :now THEN 'cancel' END AS why
      FROM workflow_executions p
      JOIN workflow_executions c ON c.parent_id = p.id
      JOIN workflow_steps s ON s.execution_id = p.id AND s.sequence_number = c.parent_number
      WHERE p.id = :execution AND (c.completed_at IS NULL OR s.state = 'compensating' AND c.rollback = 'none')) found
    WHERE why IS NOT NULL ORDER BY id
    """
)

_ANY_OPEN = text(
    "SELECT EXISTS (SELECT FROM workflow_executions WHERE parent_id = :execution AND completed_at IS NULL)"
)

_ENDED_MEANWHILE = text(
    """
    WITH ended AS (
      SELECT s.sequence_number, c.id, c.state, c.result, s.step_name || ': ' || (c.error ->> 'message') AS error, s.state AS before
      FROM workflow_steps s JOIN workflow_executions c ON c.id = s.child_id
      WHERE s.execution_id = :execution AND s.step_type = 'sub_workflow' AND s.state IN ('pending', 'waiting')
        AND c.state IN ('completed', 'failed')),
    done AS (
      UPDATE workflow_steps s SET state = ended.state, completed_at = :now, wake_at = NULL, sent_at = NULL,
        output_data = CASE WHEN ended.state = 'completed' THEN
          jsonb_build_object('execution_id', ended.id, 'status', ended.state, 'result', ended.result) END,
        error_message = CASE WHEN ended.state = 'failed' THEN ended.error END,
        error_type = CASE WHEN ended.state = 'failed' THEN 'ChildFailed' END
      FROM ended WHERE s.execution_id = :execution AND s.sequence_number = ended.sequence_number
      RETURNING s.owner_id, s.sequence_number, s.step_name, ended.before, s.state, ended.id),
    effects AS (
      UPDATE execution_effects f SET state = 'confirmed', at = :now FROM done
      WHERE f.execution_id = :execution AND f.sequence_number = done.sequence_number AND f.kind = :kind
        AND f.reference = CAST(done.id AS text) AND f.state = 'intended' AND done.state = 'completed'),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
      SELECT owner_id, :execution, :now, step_name, before, state FROM done)
    SELECT sequence_number, state FROM done
    """
)

_FORGET_ENDED = text(
    """
    UPDATE workflow_steps s SET child_id = NULL, deadline_at = NULL FROM workflow_executions c
    WHERE s.execution_id = :execution AND s.sequence_number = ANY(:numbers) AND c.id = s.child_id
      AND c.state IN ('failed', 'cancelled')
    """
)


class ChildFailed(StepFailed):
    """The child did not complete, or could not be started."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class ChildNotUndone(StepFailed):
    """Something is left of the child, and only a person can help."""

    def __init__(self, child: Any) -> None:
        super().__init__(f"the rollback of {_named(child)} is incomplete; retry that one first", permanent=True)


def look(session: Session, step: StepRun, delivery: Delivery, scope: Scope) -> Outcome:
    """Start the child, or see whether it has ended; else the step parks (again).

    Raises ChildFailed for a child that ended in any other way than completed, or cannot be started.
    """
    if step.child_id is None:
        return _start(session, step, delivery, scope)
    found = awaited(session, step, delivery)
    if isinstance(found, Outcome):
        return found
    step.output = {"execution_id": found.id, "status": found.state, "result": found.result}
    return end_step(session, step, delivery, to="completed")


def awaited(session: Session, step: StepRun, delivery: Delivery) -> Any:
    """The step's child, its effect confirmed, once it has completed; until then the outcome of parking (again).

    Raises ChildFailed for a child that ended in any other way.
    """
    at = now(session)
    child = child_of(session, step)
    is_late = step.deadline_at is not None and step.deadline_at <= at
    if child.completed_at is None:
        if is_late:
            send_task(session, STOP_CHILDREN_TASK, str(delivery.owner_id), delivery.execution_id)
        return wait_on(session, step, delivery)
    if child.state != "completed":
        raise ChildFailed(_why(step, child, is_late=is_late))
    where = {"execution": delivery.execution_id, "number": step.number, "kind": CHILD_EFFECT, "child": str(child.id)}
    session.execute(_CONFIRM, {**where, "now": at})
    return child


def child_of(session: Session, step: StepRun) -> Any:
    """The execution that a step waits for: its state and what else `_CHILD` reads. Raises ChildFailed when it is gone."""
    child = session.execute(_CHILD, {"child": step.child_id}).one_or_none()
    if child is None:
        message = f"its execution {step.child_id} is no longer there"
        raise ChildFailed(message)
    return child


def wait_for(
    session: Session, step: StepRun, delivery: Delivery, child_id: int, *, subjects: Collection[str] = ()
) -> Outcome:
    """Let the step wait for an execution from now on. Events about `subjects` wake it, too."""
    timeout = step.step.timeout_seconds
    at = now(session)
    step.deadline_at = None if timeout is None else at + timedelta(seconds=timeout)
    return park(
        session,
        step,
        delivery,
        wake_at=_next_look(step, at),
        deadline_at=step.deadline_at,
        child_id=child_id,
        subjects=subjects,
    )


def wait_on(session: Session, step: StepRun, delivery: Delivery) -> Outcome:
    """Let the step that has looked in vain wait as before."""
    return park(
        session,
        step,
        delivery,
        wake_at=_next_look(step, now(session)),
        deadline_at=step.deadline_at,
        child_id=step.child_id,
    )


def depth_below(session: Session, step: StepRun, what: str) -> int:
    """How deep the step's own execution is nested. Raises ChildFailed when it may have no child."""
    depth = int(session.execute(_DEPTH, {"execution": step.execution.id}).scalar_one())
    limit = port(session, Settings).workflow_nesting_limit
    if depth >= limit:
        message = f"{what} would be nested {depth + 1} deep; the limit is {limit}"
        raise ChildFailed(message)
    return depth


def intend(session: Session, step: StepRun, child_id: int, workflow: str) -> None:
    """Write a child that has just been started into its parent's ledger."""
    session.execute(
        _INTEND,
        {
            "owner_id": step.execution.owner_id,
            "execution": step.execution.id,
            "number": step.number,
            "step": step.name,
            "kind": CHILD_EFFECT,
            "child": str(child_id),
            "summary": f"workflow {workflow}, as execution {child_id}",
            "task": CHILD_TASK,
            "undo": json.dumps({"execution_id": child_id}),
            "now": now(session),
        },
    )


def _start(session: Session, step: StepRun, delivery: Delivery, scope: Scope) -> Outcome:
    workflow = step.step.workflow or ""
    execution = step.execution
    depth = depth_below(session, step, workflow)
    context = resolve(dict(step.step.context), scope)
    step.input = {"workflow": workflow, "context": context}
    try:
        child_id = launch(
            session,
            workflow=workflow,
            context=context,
            trigger_type="parent",
            trigger_source=f"execution/{execution.id}/{step.name}",
            correlation_id=execution.correlation_id,
            parent=Parent(execution.id, step.number, depth),
        )
    except (WorkflowNotFound, InvalidContext) as error:
        raise ChildFailed(_in_words(error)) from None
    intend(session, step, child_id, workflow)
    return wait_for(session, step, delivery, child_id)


def _next_look(step: StepRun, at: datetime) -> datetime:
    waited = at - (step.started_at or at)
    later = at + max(LOOK_AFTER, min(waited, LOOK_AT_LEAST))
    return later if step.deadline_at is None or step.deadline_at <= at else min(later, step.deadline_at)


def _in_words(error: WorkflowNotFound | InvalidContext) -> str:
    faults = "; ".join(f"{fault.pointer}: {fault.message}" for fault in error.faults)
    return f"{error} {faults}".strip()


def _named(child: Any) -> str:
    return f"{child.workflow_name} (execution {child.id})"


def _why(step: StepRun, child: Any, *, is_late: bool) -> str:
    if is_late and child.state == "cancelled":
        return f"timed out after {step.step.timeout_seconds:g} seconds; {_named(child)} was cancelled"
    return f"{_named(child)} {'was cancelled' if child.state == 'cancelled' else 'failed'}: {child.error}"


def park_undo(session: Session, step: StepRun, delivery: Delivery, undos: Sequence[Undo]) -> Outcome | None:
    """Wait until the children are undone; None when they are. No attempt is spent on waiting.

    Raises ChildNotUndone when the rollback of one is incomplete.
    """
    found = [session.execute(_CHILD, {"child": undo.params["execution_id"]}).one_or_none() for undo in undos]
    left = [child for child in found if child is not None and (child.completed_at is None or not leaves_nothing(child))]
    for child in left:
        if child.completed_at is not None and child.rollback == "incomplete":
            raise ChildNotUndone(child)
    if not left:
        return None
    at = now(session)
    session.execute(
        _PARK_UNDO,
        {
            "execution": delivery.execution_id,
            "number": step.number,
            "later": at + LOOK_AFTER,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
        },
    )
    send_task(session, STOP_CHILDREN_TASK, str(delivery.owner_id), delivery.execution_id)
    return Outcome(undo=True)


def stop_children(database: Database, *, owner_id: UUID, execution_id: int) -> int:
    """Stop the children that this execution no longer wants, each in a transaction of its own; returns how many.

    Of one that is cancelled or rolls back they are cancelled, and reopened to be undone where they have completed; of one that is
    terminated they are terminated. Doing it twice does no harm.
    """
    with database.transaction(owner_id) as session:
        about = {"execution": execution_id, "timed_out": list(TIMED_OUT), "now": now(session)}
        wanted = session.execute(_TO_STOP, about).all()
    stopped = 0
    for child in wanted:
        with database.transaction(owner_id) as session:
            stopped += _stop(session, child.id, why=child.why, parent_id=execution_id)
    return stopped


def _stop(session: Session, child_id: int, *, why: str, parent_id: int) -> bool:
    reason = f"execution {parent_id}, which started it, no longer needs it"
    if cancel_pending(session, child_id, reason=reason):
        return True
    about = {"step": None, "type": "Cancelled" if why == "cancel" else "Terminated", "message": reason}
    stopped = stop(session, child_id, why=why, error=about, for_parent=True)
    if stopped is not None:
        send_task(session, SETTLE_TASK, str(stopped.owner_id), child_id)
    return stopped is not None


def any_open(session: Session, execution_id: int) -> bool:
    """Whether a child has not ended."""
    return bool(session.execute(_ANY_OPEN, {"execution": execution_id}).scalar_one())


def record_ended(session: Session, execution_id: int) -> dict[int, str]:
    """In an execution that is stopping nobody looks again: write what their children's ends mean for parked steps.

    Returns the states of those steps by number; children that were cancelled count for nothing.
    """
    rows = session.execute(_ENDED_MEANWHILE, {"execution": execution_id, "kind": CHILD_EFFECT, "now": now(session)})
    return {row.sequence_number: row.state for row in rows}


def reset(session: Session, execution_id: int, numbers: Collection[int]) -> None:
    """Steps that run again start a new child, unless their child has completed or still runs."""
    session.execute(_FORGET_ENDED, {"execution": execution_id, "numbers": sorted(numbers)})
