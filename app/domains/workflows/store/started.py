"""A call whose work is an execution: the step waits for its end as one waits for a child, and the operation tells the output.

An execution that nobody had begun becomes a child of the step's: it begins with it, and is stopped and undone with it. One
that somebody else began is waited for and left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.store import start as starts
from app.domains.workflows.store.call import StepCall
from app.domains.workflows.store.children import (
    ChildFailed,
    awaited,
    child_of,
    depth_below,
    intend,
    wait_for,
    wait_on,
)
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.records import StepRun
from pipelines.operations import Operation, Started

# nobody has begun it, and nobody does before this commits
_ADOPT = text(
    """
    UPDATE workflow_executions SET parent_id = :parent, parent_number = :number, depth = :depth
    WHERE id = :child AND parent_id IS NULL AND state = 'pending' RETURNING workflow_name
    """
)


def look(call: StepCall, delivery: Delivery, operation: Operation, params: Mapping[str, Any]) -> Outcome | None:
    """Call the operation, or see what came of what it started. None: the step has its output; else it parks (again).

    Raises ChildFailed for an own execution that did not complete or can be nobody's child, and what the operation raises.
    """
    session, step = call.session, call.step
    if step.child_id is None:
        answer = operation.function(call, **params)
        if isinstance(answer, Started):
            return _wait_for(session, step, delivery, answer)
        step.output = dict(answer or {})
        return None
    child = child_of(session, step)
    is_own = child.parent_id == step.execution.id
    if is_own and isinstance(parked := awaited(session, step, delivery), Outcome):
        return parked
    found = operation.finds(call, **params) if operation.finds else None
    if found is not None:
        step.output = dict(found)
        return None
    if is_own:
        message = f"execution {child.id} has completed, and {operation.name} finds nothing of it"
        raise ChildFailed(message)
    if step.deadline_at is not None and step.deadline_at <= now(session):
        message = f"timed out after {step.step.timeout_seconds:g} seconds; execution {child.id} is somebody else's and goes on"
        raise ChildFailed(message)
    return wait_on(session, step, delivery)


def _wait_for(session: Session, step: StepRun, delivery: Delivery, started: Started) -> Outcome:
    if started.is_own:
        _adopt(session, step, started.execution_id)
    subjects = () if started.subject is None else (started.subject,)
    return wait_for(session, step, delivery, started.execution_id, subjects=subjects)


def _adopt(session: Session, step: StepRun, child_id: int) -> None:
    """Make it a child and begin it; it stays somebody else's who was faster."""
    depth = depth_below(session, step, f"execution {child_id}")
    where = {"parent": step.execution.id, "number": step.number, "depth": depth + 1, "child": child_id}
    workflow = session.execute(_ADOPT, where).scalar_one_or_none()
    if workflow is None:
        return
    if step.step.compensate is None:
        # a step with an undo of its own says itself what becomes of it
        intend(session, step, child_id, workflow)
    starts.begin(session, child_id, resend_after=port(session, Settings).resend_after)
