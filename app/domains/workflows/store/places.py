"""Concurrency keys: at most so many executions run under one key of a tenant, the others queue and go on in their order.

Who asks for a place and who gives one back hold the key's lock to the end of their transaction, so the count is exact.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.queue import send_task

ADMIT_TASK = "engine.admit"

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner || ':' || :key, 7452))")

_TAKEN = text(
    """
    SELECT count(*) FROM workflow_executions
    WHERE owner_id = :owner AND concurrency_key = :key AND completed_at IS NULL
      AND (state IN ('running', 'paused') OR state = 'waiting' AND counts_parked)
    """
)


def hold(session: Session, owner_id: UUID, key: str) -> None:
    """Take the key's lock: whoever has asked for a place before has one by now, or can be seen to queue."""
    session.execute(_LOCK, {"owner": str(owner_id), "key": key})


def has_place(session: Session, owner_id: UUID, key: str, *, limit: int) -> bool:
    """Whether one more may run under the key; holds the key's lock."""
    hold(session, owner_id, key)
    return int(session.execute(_TAKEN, {"owner": owner_id, "key": key}).scalar_one()) < limit


def leave_place(session: Session, owner_id: UUID, key: str) -> None:
    """A place is free once this is committed: who has waited longest is let in then (the timer is the net)."""
    send_task(session, ADMIT_TASK, str(owner_id), key)
