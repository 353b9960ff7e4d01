"""Letting in who has waited longest for a place under a concurrency key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import Database
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.store.places import has_place, hold
from app.domains.workflows.store.start import begin, send_ready
from app.domains.workflows.store.wake import run_on

MOST = 100
"""Executions let in by one transaction; there is rarely more than one place."""

# While the engine is off, what has begun goes on past those that have not. SKIP LOCKED: whoever holds such a row asks for a
# place itself, and waits for the key's lock.
_NEXT = text(
    """
    SELECT id, owner_id, state, concurrency_key, concurrency_limit, counts_parked FROM workflow_executions
    WHERE owner_id = :owner AND concurrency_key = :key AND queued_at IS NOT NULL AND (
      state = 'waiting' OR state = 'pending' AND :may_begin AND NOT EXISTS (
        SELECT FROM engine_switches w WHERE w.owner_id IS NULL OR w.owner_id = :owner))
    ORDER BY queued_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    """
)

# SKIP LOCKED: whoever wakes such a step waits for the execution's row, which is held here, and sends it then
_READY = text(
    """
    WITH ready AS (
      SELECT sequence_number FROM workflow_steps
      WHERE execution_id = :execution AND state = 'pending' AND unmet = 0
      ORDER BY sequence_number FOR UPDATE SKIP LOCKED)
    UPDATE workflow_steps s SET sent_at = now(), tries = 0 FROM ready
    WHERE s.execution_id = :execution AND s.sequence_number = ready.sequence_number RETURNING s.route
    """
)


def admit(database: Database, *, owner_id: UUID, key: str) -> int:
    """Begin, or let go on, what queues under the key, as long as there are places; returns how many."""
    with database.transaction(owner_id) as session:
        hold(session, owner_id, key)
        for admitted in range(MOST):
            if not _admit_one(session, owner_id, key):
                return admitted
    return MOST


def _admit_one(session: Session, owner_id: UUID, key: str) -> bool:
    settings = port(session, Settings)
    where = {"owner": owner_id, "key": key, "may_begin": settings.workflow_engine_enabled}
    row: Any = session.execute(_NEXT, where).one_or_none()
    if row is None or not has_place(session, owner_id, key, limit=row.concurrency_limit):
        return False
    if row.state == "pending":
        return begin(session, row.id, resend_after=settings.resend_after, in_turn=True)
    run_on(session, row, at=now(session))
    routes = session.execute(_READY, {"execution": row.id}).scalars().all()
    send_ready(session, row.owner_id, row.id, routes)
    return True
