"""The executions of a bulk operation: which are to be asked, are waited for, and got past what had failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import Select, insert, literal, text
from sqlalchemy.orm import Session

from app.domains.workflows.models import BulkItem, BulkOperation, WorkflowExecution

LOOKED_AT_ONCE = 500
TAKEN_FOR_SECONDS = 30.0
"""Who took an execution and has not asked it after so long has died."""

STATES = ("pending", "taken", "asked", "past", "failed", "refused")

_RUNNING = text(
    "SELECT id, owner_id FROM bulk_operations WHERE state = 'running' ORDER BY paced_at NULLS FIRST, id LIMIT :limit"
)

_COUNTS = text("SELECT state, count(*) AS many FROM bulk_items WHERE bulk_id = :bulk GROUP BY state")

_TAKE = text(
    """
    WITH next AS (
      SELECT execution_id FROM bulk_items WHERE bulk_id = :bulk AND state = 'pending'
      ORDER BY execution_id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE bulk_items i SET state = 'taken', taken_at = now() FROM next
    WHERE i.bulk_id = :bulk AND i.execution_id = next.execution_id RETURNING i.execution_id
    """
)

_TAKE_LOST = text(
    """
    UPDATE bulk_items SET taken_at = now() WHERE (bulk_id, execution_id) IN (
      SELECT bulk_id, execution_id FROM bulk_items
      WHERE bulk_id = :bulk AND state = 'taken' AND taken_at < now() - make_interval(secs => :seconds)
      FOR UPDATE SKIP LOCKED)
    RETURNING execution_id
    """
)

_LOCK = text(
    """
    SELECT i.execution_id FROM bulk_items i JOIN bulk_operations b ON b.id = i.bulk_id
    WHERE i.bulk_id = :bulk AND i.execution_id = :execution AND i.state = 'taken' AND b.state = 'running'
    FOR UPDATE OF i SKIP LOCKED
    """
)

_ASKED = text(
    """
    UPDATE bulk_items SET state = :state, target_id = :target, watched = CAST(:watched AS jsonb), message = :message,
      asked_at = :at
    WHERE bulk_id = :bulk AND execution_id = :execution
    """
)

_BECAME = text(
    """
    SELECT i.execution_id, e.state, e.rollback, e.error ->> 'message' AS error, jsonb_array_length(i.watched) AS watched,
      (SELECT count(DISTINCT h.step_name) FROM execution_events h
       WHERE h.execution_id = e.id AND h.at >= i.asked_at AND h.to_state IN ('completed', 'skipped')
         AND h.step_name IN (SELECT jsonb_array_elements_text(i.watched))) AS through,
      EXISTS (SELECT FROM execution_events h
              WHERE h.execution_id = e.id AND h.at >= i.asked_at AND h.to_state = 'failed'
                AND h.step_name IN (SELECT jsonb_array_elements_text(i.watched))) AS failed_again
    FROM bulk_items i JOIN workflow_executions e ON e.id = coalesce(i.target_id, i.execution_id)
    WHERE i.bulk_id = :bulk AND i.state = 'asked' ORDER BY i.looked_at NULLS FIRST, i.execution_id LIMIT :limit
    """
)

_LOOKED = text(
    """
    UPDATE bulk_items i SET looked_at = :at, state = r.state, message = coalesce(r.message, i.message)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (execution bigint, state text, message text)
    WHERE i.bulk_id = :bulk AND i.execution_id = r.execution
    """
)


class Goal(Enum):
    """When a verb got an execution where it was to get."""

    ACCEPTED = "accepted"
    PAST_FAILED = "past what had failed"
    CANCELLED = "cancelled, with nothing left"
    ENDED = "ended"
    UNDONE = "rolled back"


def fill(session: Session, bulk: BulkOperation, found: Select[Any]) -> None:
    """Write down which executions it is about."""
    chosen = found.with_only_columns(literal(bulk.id), WorkflowExecution.id, WorkflowExecution.owner_id)
    session.execute(insert(BulkItem).from_select(["bulk_id", "execution_id", "owner_id"], chosen))


def running(session: Session, *, limit: int) -> Sequence[Any]:
    """Id and owner of the operations that are under way, the one longest not worked on first."""
    return session.execute(_RUNNING, {"limit": limit}).all()


def counts(session: Session, bulk_id: int) -> Mapping[str, int]:
    """How many of its executions are in each state."""
    found = {row.state: int(row.many) for row in session.execute(_COUNTS, {"bulk": bulk_id})}
    return {state: found.get(state, 0) for state in STATES}


def take(session: Session, bulk_id: int, *, limit: int) -> list[int]:
    """The next executions, taken by this pass."""
    return sorted(session.execute(_TAKE, {"bulk": bulk_id, "limit": limit}).scalars())


def take_lost(session: Session, bulk_id: int) -> list[int]:
    """Those that a pass took which then died."""
    return sorted(session.execute(_TAKE_LOST, {"bulk": bulk_id, "seconds": TAKEN_FOR_SECONDS}).scalars())


def lock(session: Session, bulk_id: int, execution_id: int) -> bool:
    """Whether the taken execution is still to be asked, by whoever holds its row now."""
    row = session.execute(_LOCK, {"bulk": bulk_id, "execution": execution_id})
    return row.one_or_none() is not None


def asked(
    session: Session,
    bulk_id: int,
    execution_id: int,
    *,
    state: str,
    target: int | None,
    watched: Sequence[str],
    message: str | None,
    at: datetime,
) -> None:
    """The verb was done, or refused with a message; `watched`: the steps that had failed."""
    session.execute(
        _ASKED,
        {
            "bulk": bulk_id,
            "execution": execution_id,
            "state": state,
            "target": target,
            "watched": json.dumps(list(watched)),
            "message": message,
            "at": at,
        },
    )


def look(session: Session, bulk_id: int, goal: Goal, *, at: datetime) -> None:
    """See what became of those that were asked, the longest not looked at first."""
    rows = session.execute(_BECAME, {"bulk": bulk_id, "limit": LOOKED_AT_ONCE}).all()
    if not rows:
        return
    looked = [
        {"execution": row.execution_id, "state": (state := _became(goal, row))} | _why(state, row) for row in rows
    ]
    session.execute(_LOOKED, {"bulk": bulk_id, "rows": json.dumps(looked), "at": at})


def _why(state: str, row: Any) -> dict[str, Any]:
    return {"message": row.error} if state == "failed" else {}


def _became(goal: Goal, row: Any) -> str:
    """What an asked execution counts as now."""
    has_ended = row.state in {"completed", "failed", "cancelled"}
    if goal is Goal.PAST_FAILED:
        if row.watched and row.through == row.watched:
            return "past"
        if row.failed_again:
            return "failed"
        return ("past" if row.state == "completed" else "failed") if has_ended else "asked"
    if goal is Goal.UNDONE:
        # none: what was to run again after it does
        return {"done": "past", "none": "past", "incomplete": "failed"}.get(row.rollback, "asked")
    if row.rollback == "incomplete" and has_ended and goal is Goal.CANCELLED:
        return "failed"
    return "past" if has_ended else "asked"
