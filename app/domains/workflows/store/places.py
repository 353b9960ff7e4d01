"""Concurrency keys: at most so many executions run under one key of a tenant, the others queue and go on in their order.

Who asks for a place and who gives one back hold the key's lock to the end of their transaction, so the count is exact.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import locks
from app.core.locks import Space
from app.core.queue import send_task

ADMIT_TASK = "engine.admit"

_OWN = text(
    "SELECT owner_id, concurrency_key, concurrency_limit FROM workflow_executions WHERE id = :execution FOR NO KEY UPDATE"
)

# one that queues to go on is waiting, too
_TAKEN = text(
    """
    SELECT count(*) FROM workflow_executions
    WHERE owner_id = :owner AND concurrency_key = :key AND completed_at IS NULL AND id IS DISTINCT FROM :beside
      AND (state IN ('running', 'paused') OR state = 'waiting' AND counts_parked AND queued_at IS NULL)
    """
)


_BEHIND = text(
    """
    SELECT EXISTS (
      SELECT FROM workflow_executions x JOIN workflow_executions own
        ON x.owner_id = own.owner_id AND x.concurrency_key = own.concurrency_key
      WHERE own.id = :execution AND x.queued_at IS NOT NULL AND (x.queued_at, x.id) < (own.queued_at, own.id))
    """
)


def hold(session: Session, owner_id: UUID, key: str) -> None:
    """Take the key's lock: whoever has asked for a place before has one by now, or can be seen to queue."""
    locks.hold(session, Space.CONCURRENCY_KEYS, key, owner_id=owner_id)


def has_place(session: Session, owner_id: UUID, key: str, *, limit: int, beside: int | None = None) -> bool:
    """Whether one more may run under the key, `beside`: other than this execution; holds the key's lock."""
    hold(session, owner_id, key)
    taken = session.execute(_TAKEN, {"owner": owner_id, "key": key, "beside": beside}).scalar_one()
    return int(taken) < limit


def has_own_place(session: Session, execution_id: int) -> bool:
    """Whether this execution, whose row is locked, may go on beside the others under its key; True for one without a key."""
    row: Any = session.execute(_OWN, {"execution": execution_id}).one()
    return row.concurrency_key is None or has_place(
        session, row.owner_id, row.concurrency_key, limit=row.concurrency_limit, beside=execution_id
    )


def queues_behind(session: Session, execution_id: int) -> bool:
    """Whether others queue under this execution's key who came before it."""
    return bool(session.execute(_BEHIND, {"execution": execution_id}).scalar_one())


def leave_place(session: Session, owner_id: UUID, key: str) -> None:
    """A place is free once this is committed: who has waited longest is let in then (the timer is the net)."""
    send_task(session, ADMIT_TASK, str(owner_id), key)
