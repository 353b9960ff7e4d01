"""Why nothing new starts any more: a critical failure, a cancel, an end by condition."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.domains.workflows.store.records import Execution, Observers

_STOP = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET stopping = :why, error = coalesce(CAST(:error AS jsonb), error), check_at = now(),
        rollback = CASE WHEN :why = 'cancel' OR (:why = 'failure' AND rollback_on_failure) THEN 'pending' ELSE rollback END
      WHERE id = :execution AND state = 'running' AND stopping IS NULL
      RETURNING id, owner_id, workflow_name, correlation_id, context, state, rollback, stopping, error)
    SELECT * FROM e
    """
)

_HISTORY = text(
    """
    INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, error)
    VALUES (:owner_id, :execution, :now, 'running', :to, :error)
    """
)

_SHOWN = {"failure": "failing", "cancel": "cancelling", "end": "ending"}


def stop(session: Session, execution_id: int, *, why: str, error: dict[str, Any] | None = None) -> Execution | None:
    """Let nothing new start. None when it does not run, or is already stopping for another reason.

    `why`: failure, cancel or end; `error`: step, type and message, kept on the execution.
    """
    row = session.execute(
        _STOP, {"execution": execution_id, "why": why, "error": None if error is None else json.dumps(error)}
    ).one_or_none()
    if row is None:
        return None
    execution = Execution(*row)
    session.execute(
        _HISTORY,
        {
            "owner_id": execution.owner_id,
            "execution": execution_id,
            "now": now(session),
            "to": _SHOWN[why],
            "error": (error or {}).get("message"),
        },
    )
    if why != "end" and (observer := port(session, Observers).of(execution)):
        observer.stopping(session, execution)
    return execution
