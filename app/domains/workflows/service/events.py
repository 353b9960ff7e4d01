"""Telling waits and triggers of the events in the outbox: each event once, whoever does it and however many."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.events import CLOUD_EVENT_COLUMNS, document_of
from app.core.world import World
from app.domains.workflows.service.triggers import start_by_event
from app.domains.workflows.store import listeners, mailbox

log = logging.getLogger(__name__)

BATCH = 500

_UNHANDLED = text(
    """
    SELECT position FROM outbox WHERE handled_at IS NULL AND (handle_after IS NULL OR handle_after <= now())
    ORDER BY position LIMIT :batch
    """
)

# Nobody waits for most events and nothing is triggered by them: those are done with in one statement.
_SORT_OUT = text(
    """
    WITH o AS (
      SELECT position, owner_id, type, subject FROM outbox WHERE position = ANY(:positions) AND handled_at IS NULL
      FOR UPDATE SKIP LOCKED),
    wanted AS (
      SELECT position, owner_id FROM o WHERE EXISTS (
          SELECT FROM workflow_triggers t WHERE t.event_type = o.type AND t.is_active
            AND (t.owner_id IS NULL OR t.owner_id = o.owner_id))
        OR EXISTS (SELECT FROM workflow_steps s WHERE s.owner_id = o.owner_id AND s.awaits = o.type
          AND s.state IN ('pending', 'waiting'))
        OR EXISTS (SELECT FROM workflow_steps s WHERE s.subjects @> ARRAY[o.subject] AND s.owner_id = o.owner_id)),
    done AS (
      UPDATE outbox SET handled_at = now() FROM o
      WHERE outbox.position = o.position AND NOT EXISTS (SELECT FROM wanted w WHERE w.position = o.position))
    SELECT position, owner_id FROM wanted ORDER BY position
    """
)

_TAKE = text(
    f"""
    UPDATE outbox SET handled_at = now()
    WHERE position = (SELECT position FROM outbox WHERE position = :position AND handled_at IS NULL FOR UPDATE SKIP LOCKED)
    RETURNING {CLOUD_EVENT_COLUMNS}, execution_id
    """  # noqa: S608 - constants
)

_LATER = text("UPDATE outbox SET handle_after = now() + interval '10 seconds' WHERE position = :position")


def handle_events(world: World) -> int:
    """Hand one batch of new events to waits, waiting conditions and triggers; returns how many events there were."""
    with world.across.transaction() as session:
        positions = session.execute(_UNHANDLED, {"batch": BATCH}).scalars().all()
        if not positions:
            return 0
        mailbox.hold_alone(session)
        wanted = session.execute(_SORT_OUT, {"positions": positions}).all()
    for row in wanted:
        _handle(world, row.owner_id, row.position)
    return len(positions)


def _handle(world: World, owner_id: UUID, position: int) -> None:
    try:
        with world.database.transaction(owner_id) as session:
            row = session.execute(_TAKE, {"position": position}).one_or_none()
            if row is not None:
                _tell(session, row)
    except Exception:
        # whatever it is must not keep the events behind it; this one comes again
        log.exception("event %s could not be handed on; trying again later", position)
        with world.across.transaction() as session:
            session.execute(_LATER, {"position": position})


def _tell(session: Session, row: Any) -> None:
    event = document_of(row)
    awaited_by = listeners.tell(session, event)
    caused_by = set() if row.execution_id is None else {row.execution_id}
    start_by_event(session, event, of=caused_by | awaited_by)
