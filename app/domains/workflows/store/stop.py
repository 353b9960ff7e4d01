"""Why nothing new starts any more: a critical failure, a cancel or terminate, an end by condition, a re-run to come."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.domains.workflows.store.parent import child_ended
from app.domains.workflows.store.records import Execution, Observers

# NO KEY: a step at work that refers to the execution by its effects and history is let finish. It may hold what the observer
# of the stop then waits for, such as the row of an order.
_STOP = text(
    """
    WITH before AS (
      SELECT id, state FROM workflow_executions
      WHERE id = :execution AND (
        state IN ('running', 'waiting', 'paused') AND stopping IS NULL
        OR state = 'paused' AND :why = 'cancel'
        OR state IN ('running', 'waiting', 'paused') AND :why = 'terminate' AND stopping <> 'terminate'
        OR state = 'failed' AND rollback = 'none' AND :why = 'cancel'
        OR :for_parent AND :why = 'cancel' AND rollback = 'none'
          AND (state = 'completed' OR state = 'cancelled' AND stopping = 'terminate')) FOR NO KEY UPDATE)
    UPDATE workflow_executions x SET completed_at = NULL, queued_at = NULL, stopping = :why, check_at = now(),
      state = CASE WHEN before.state = 'paused' AND :why IN ('failure', 'end') THEN 'paused' ELSE 'running' END,
      busy_since = CASE WHEN before.state = 'running' THEN busy_since ELSE :now END,
      error = coalesce(CAST(:error AS jsonb), x.error),
      rollback = CASE WHEN :why = 'cancel' OR (:why = 'failure' AND rollback_on_failure) THEN 'pending'
        WHEN :why = 'terminate' AND rollback = 'pending' THEN 'none'
        WHEN :why = 'terminate' AND rollback = 'running' THEN 'incomplete' ELSE rollback END
    FROM before WHERE x.id = before.id
    RETURNING x.id, x.owner_id, x.workflow_name, x.correlation_id, x.context, x.state, x.rollback, x.stopping, x.error,
      before.state AS was
    """
)

_HISTORY = text(
    """
    INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, error)
    VALUES (:owner_id, :execution, :now, :was, :to, :error)
    """
)

_CANCEL_PENDING = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET state = 'cancelled', completed_at = :now, is_wanted = false, queued_at = NULL,
        error = jsonb_build_object('step', NULL, 'type', CAST(:type AS text), 'message', CAST(:reason AS text))
      WHERE id = :execution AND state = 'pending' RETURNING owner_id),
    s AS (
      UPDATE workflow_steps SET state = 'cancelled' FROM e WHERE execution_id = :execution AND state = 'pending')
    INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, error)
    SELECT owner_id, :execution, :now, 'pending', 'cancelled', :reason FROM e RETURNING owner_id
    """
)

_SHOWN = {
    "failure": "failing",
    "cancel": "cancelling",
    "end": "ending",
    "terminate": "terminating",
    "rerun": "rerunning",
}


def cancel_pending(session: Session, execution_id: int, *, reason: str, error_type: str = "Cancelled") -> bool:
    """One that has not begun is over at once, with nothing to undo. False when it has begun."""
    parameters = {"execution": execution_id, "now": now(session), "reason": reason, "type": error_type}
    if session.execute(_CANCEL_PENDING, parameters).one_or_none() is None:
        return False
    child_ended(session, execution_id)
    return True


def stop(
    session: Session, execution_id: int, *, why: str, error: dict[str, Any] | None = None, for_parent: bool = False
) -> Execution | None:
    """Let nothing new start. None when it does not run, or is already stopping for another reason.

    A cancel also takes an execution that failed without a rollback: it is opened again, to be undone; `for_parent`, since the
    execution that started it is undone, also one that completed or was terminated. A terminate also ends a
    rollback under way. What fails while the execution is paused is settled when it is resumed.

    `why`: failure, cancel, end, terminate or rerun; `error`: step, type and message, kept on the execution.
    """
    at = now(session)
    row = session.execute(
        _STOP,
        {
            "execution": execution_id,
            "why": why,
            "error": None if error is None else json.dumps(error),
            "for_parent": for_parent,
            "now": at,
        },
    ).one_or_none()
    if row is None:
        return None
    execution = Execution.of(row.id, row)
    execution.for_parent = for_parent
    session.execute(
        _HISTORY,
        {
            "owner_id": execution.owner_id,
            "execution": execution_id,
            "now": at,
            "was": row.was,
            "to": _SHOWN[why],
            "error": (error or {}).get("message"),
        },
    )
    if why in {"failure", "cancel"} and (observer := port(session, Observers).of(execution)):
        observer.stopping(session, execution)
    return execution
