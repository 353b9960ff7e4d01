"""What the end of a child means for the step that started it: its ledger, and that it looks again.

Nothing is decided here. The child's row is locked before its parent's, everywhere; a parent reads its children without a lock.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.queue import send_task
from app.domains.workflows.store.start import send_ready
from app.domains.workflows.store.tasks import SETTLE_TASK
from app.domains.workflows.store.wake import wake
from pipelines.definition import StepType

CHILD_EFFECT = "execution"
"""The kind of the effect that a started child is in its parent's ledger."""

CHILD_TASK = f"engine.{StepType.SUB_WORKFLOW.value}"
"""Under this name the undo of a child travels, whatever its step is called by."""

_CHILD = text(
    """
    SELECT id, parent_id, parent_number, state, rollback, stopping, owner_id FROM workflow_executions
    WHERE id = :execution AND parent_id IS NOT NULL
    """
)

# A look that is under way holds this row and may have read that the child still runs: it is waited for.
_STEP = text(
    """
    SELECT s.state, e.stopping, e.rollback FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.execution_id = :parent AND s.sequence_number = :number FOR UPDATE OF s
    """
)

_LOOK_AGAIN = text(
    """
    UPDATE workflow_steps SET not_before = NULL, sent_at = now(), tries = 0
    WHERE execution_id = :parent AND sequence_number = :number AND unmet = 0 AND token IS NULL RETURNING route
    """
)

# a paused execution wakes nothing; when it is resumed, what is due is woken
_DUE_LATER = text(
    """
    UPDATE workflow_steps SET wake_at = :now
    WHERE execution_id = :parent AND sequence_number = :number AND state = 'waiting'
    """
)

_STOPPING = text("SELECT stopping FROM workflow_executions WHERE id = :parent")

_CROSS_OFF = text(
    """
    UPDATE execution_effects SET state = 'undone', undone_at = :now
    WHERE execution_id = :parent AND sequence_number = :number AND kind = :kind AND reference = :child
      AND state IN ('intended', 'confirmed')
    """
)


_WRITE_AGAIN = text(
    """
    UPDATE execution_effects f SET state = 'intended', undone_at = NULL FROM workflow_executions c
    WHERE c.id = :execution AND f.execution_id = c.parent_id AND f.sequence_number = c.parent_number AND f.kind = :kind
      AND f.reference = CAST(c.id AS text) AND f.state = 'undone'
    """
)


def leaves_nothing(child: Any) -> bool:
    """Whether nothing is left of an ended child (its state, rollback and stopping): undone, or stopped before it did anything."""
    if child.rollback == "none":
        return bool(child.state == "cancelled" and child.stopping != "terminate")
    return bool(child.rollback == "done" and child.state in {"failed", "cancelled"})


def child_reopened(session: Session, execution_id: int) -> None:
    """A person lets a child go on of which nothing was left: there is something to undo again in its parent's ledger."""
    session.execute(_WRITE_AGAIN, {"execution": execution_id, "kind": CHILD_EFFECT})


def child_ended(session: Session, execution_id: int) -> None:
    """Tell the parent's step, if this execution has a parent, in the transaction in which it ends."""
    child = session.execute(_CHILD, {"execution": execution_id}).one_or_none()
    if child is None:
        return
    where = {"parent": child.parent_id, "number": child.parent_number}
    step = session.execute(_STEP, where).one_or_none()
    if step is None:
        return
    if leaves_nothing(child):
        session.execute(_CROSS_OFF, {**where, "kind": CHILD_EFFECT, "child": str(execution_id), "now": now(session)})
    if step.state == "waiting":
        if not wake(session, child.parent_id, [child.parent_number]):
            session.execute(_DUE_LATER, {**where, "now": now(session)})
    elif step.state in {"pending", "compensating"}:
        # it was sent already, but whoever got the message now passed over the row that is locked here
        route = session.execute(_LOOK_AGAIN, where).scalar_one_or_none()
        if route is not None:
            send_ready(session, child.owner_id, child.parent_id, [route], undo=step.state == "compensating")
    # asked after the execution's row was locked by the wake: who stops it later settles after this commit
    if session.execute(_STOPPING, where).scalar_one_or_none() is not None:
        send_task(session, SETTLE_TASK, str(child.owner_id), child.parent_id)
