"""Speaking to an execution that waits, or will: signals, and answers to approvals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Forbidden
from app.core.events import canonical
from app.core.ids import new_id
from app.domains.workflows import queries
from app.domains.workflows.errors import ExecutionNotFound, WrongState
from app.domains.workflows.models import WorkflowExecution
from app.domains.workflows.store import mailbox
from app.domains.workflows.store.wake import wake
from pipelines.state import ENDED_EXECUTIONS

# Also those whose turn has not come: else one could begin, look and park before the letter is committed.
_LISTENING = text(
    """
    SELECT sequence_number FROM workflow_steps
    WHERE execution_id = :execution AND step_type = 'wait' AND regexp_replace(definition ->> 'event', '^(crm|billing)[.]', '') = :name
      AND state IN ('pending', 'waiting') AND sequence_number >= 0
    ORDER BY sequence_number FOR UPDATE
    """
)

_ASKED = text(
    """
    SELECT sequence_number, step_name, definition FROM workflow_steps s
    WHERE execution_id = :execution AND step_type = 'approval' AND state IN ('pending', 'waiting') AND started_at IS NOT NULL
      AND (CAST(:step AS text) IS NULL OR step_name = :step)
      AND NOT EXISTS (
        SELECT FROM execution_signals a WHERE a.execution_id = s.execution_id AND a.name = :answer
          AND a.step_name = s.step_name AND a.at >= s.started_at)
    ORDER BY sequence_number FOR UPDATE
    """
)


def signal(
    session: Session,
    *,
    execution_id: int,
    name: str,
    data: dict[str, Any] | None = None,
    sent_by: str | None = None,
    reason: str | None = None,
) -> None:
    """Say something to an execution: the first wait for an event of that name takes it, now or when it begins.

    Raises ExecutionNotFound, and WrongState when it has ended.
    """
    execution = _going(session, execution_id)
    at = now(session)
    letter = {
        "id": str(new_id()),
        "source": "signal",
        "type": name,
        "subject": f"execution/{execution_id}",
        "time": at.isoformat(),
        "data": data or {},
        "sent_by": sent_by,
    }
    mailbox.put(
        session,
        owner_id=execution.owner_id,
        execution_id=execution_id,
        name=canonical(name),
        payload=letter,
        sent_by=sent_by,
    )
    audit.record(session, "execution.signal", f"execution/{execution_id}", after={"name": name}, reason=reason)
    wake(
        session,
        execution_id,
        session.execute(_LISTENING, {"execution": execution_id, "name": canonical(name)}).scalars().all(),
    )
    session.expire(execution)


def answer(
    session: Session,
    *,
    execution_id: int,
    approved: bool,
    may: Callable[[str], bool],
    step_name: str | None = None,
    comment: str | None = None,
    answered_by: str | None = None,
) -> None:
    """Answer the approval that an execution asks for; `step_name` where it asks for several.

    `may`: whether the answerer has a permission. Raises ExecutionNotFound, WrongState when nothing (or more than one thing)
    is asked, and Forbidden without the permission that the step names.
    """
    execution = _going(session, execution_id)
    if execution.stopping is not None:
        message = f"Execution {execution_id} is being stopped: it asks nobody any more."
        raise WrongState(message)
    asked = session.execute(_ASKED, {"execution": execution_id, "step": step_name, "answer": mailbox.ANSWER}).all()
    if not asked:
        which = f"Its step {step_name}" if step_name else f"Execution {execution_id}"
        message = f"{which} does not wait for an approval."
        raise WrongState(message)
    if len(asked) > 1:
        message = (
            f"Execution {execution_id} asks for several approvals; name one: {', '.join(a.step_name for a in asked)}."
        )
        raise WrongState(message)
    step = asked[0]
    permission = step.definition["permission"]
    if not may(permission):
        message = f"Answering {step.step_name} needs the permission {permission}."
        raise Forbidden(message)
    payload = {"approved": approved, "by": answered_by, "comment": comment, "at": now(session).isoformat()}
    mailbox.put(
        session,
        owner_id=execution.owner_id,
        execution_id=execution_id,
        name=mailbox.ANSWER,
        payload=payload,
        step_name=step.step_name,
        sent_by=answered_by,
    )
    verb = "approve" if approved else "reject"
    audit.record(
        session, f"execution.{verb}", f"execution/{execution_id}", reason=comment, after={"step": step.step_name}
    )
    wake(session, execution_id, [step.sequence_number])
    session.expire(execution)


def _going(session: Session, execution_id: int) -> WorkflowExecution:
    execution = queries.execution(session, execution_id)
    if execution is None:
        raise ExecutionNotFound(execution_id)
    if execution.state in ENDED_EXECUTIONS:
        message = f"Execution {execution_id} is {execution.state}: it listens to nobody any more."
        raise WrongState(message)
    return execution
