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
from app.domains.workflows.store.places import has_place
from app.domains.workflows.store.start import begin, send_ready
from app.domains.workflows.store.wake import run_on

MOST = 100
"""Executions let in by one transaction; there is rarely more than one place."""

_NEXT = text(
    """
    SELECT id, owner_id, state, concurrency_key, concurrency_limit, counts_parked FROM workflow_executions
    WHERE owner_id = :owner AND concurrency_key = :key AND queued_at IS NOT NULL AND state IN ('pending', 'waiting')
    ORDER BY queued_at, id LIMIT 1 FOR NO KEY UPDATE
    """
)

_READY = text(
    """
    UPDATE workflow_steps SET sent_at = now(), tries = 0
    WHERE execution_id = :execution AND state = 'pending' AND unmet = 0 RETURNING route
    """
)


def admit(database: Database, *, owner_id: UUID, key: str) -> int:
    """Begin, or let go on, what queues under the key, as long as there are places; returns how many."""
    with database.transaction(owner_id) as session:
        for admitted in range(MOST):
            if not _admit_one(session, owner_id, key):
                return admitted
    return MOST


def _admit_one(session: Session, owner_id: UUID, key: str) -> bool:
    row: Any = session.execute(_NEXT, {"owner": owner_id, "key": key}).one_or_none()
    if row is None or not has_place(session, owner_id, key, limit=row.concurrency_limit):
        return False
    if row.state == "pending":
        return begin(session, row.id, resend_after=port(session, Settings).resend_after)
    run_on(session, row, at=now(session))
    routes = session.execute(_READY, {"execution": row.id}).scalars().all()
    send_ready(session, row.owner_id, row.id, routes)
    return True
