"""Domain events: CloudEvents 1.0 documents, written in the transaction that caused them, published after its commit.

The outbox is append-only. The relay (tasks.loops) publishes at least once, in order per subject.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import BigInteger, Identity, Index, Text, Uuid, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core import event_types
from app.core.clock import now
from app.core.db import OWNER, Base, Owned
from app.core.errors import Conflict, Fault, Invalid
from app.core.ids import new_id
from app.core.ports import ports
from app.core.queue import wake
from app.core.settings import Settings
from app.core.statements import execute

RELAY_LOCK = 0x7452_0001
_INSERT = """
    INSERT INTO outbox (id, type, subject, at, data, execution_id, owner_id)
    VALUES (%(id)s, %(type)s, %(subject)s, %(at)s, %(data)s::jsonb, %(execution)s, %(owner)s)
"""
_ACCEPT = """
    INSERT INTO outbox (id, type, subject, at, data, source, owner_id)
    VALUES (%(id)s, %(type)s, %(subject)s, %(at)s, %(data)s::jsonb, %(source)s, %(owner)s)
    ON CONFLICT (id) DO NOTHING
"""
_ALONE = text("SELECT pg_try_advisory_xact_lock(:key)")

CHANNELS = "turnup:*"
"""Each event wakes the channel of its subject; whoever wants to hear of all of them listens to this pattern."""

SOURCE = "/turnup"
CAUSED_BY = "caused_by"
"""Under this name a session's `info` holds the execution for whose step it works."""

MOST_BYTES = 256 * 1024
"""Of an event's data: every bus takes so much, with what is around it."""


class EventTooLarge(Invalid):
    """The data of an event are larger than any bus has to take."""


class EventIdTaken(Conflict):
    """The source raised another event under this id."""


class OutboxEvent(Owned, Base):
    """One event on its way to the bus. `position` orders what one transaction after another wrote.

    `execution_id`: the execution whose step caused it; `source`: who raised it, when it was not Turnup. `handled_at`: when
    triggers and waits were told of it; `handle_after`: not before, since it went wrong.
    """

    __tablename__ = "outbox"
    # the relay reads what is not published yet, oldest first
    __table_args__ = (
        Index("ix_outbox_unpublished", "position", postgresql_where="published_at IS NULL"),
        # what triggers and waits have not been told of yet
        Index("ix_outbox_unhandled", "position", postgresql_where="handled_at IS NULL"),
        # what a wait that begins late looks back for
        Index("ix_outbox_type", "owner_id", "type", "position"),
    )

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(Uuid, unique=True)
    type: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    execution_id: Mapped[int | None] = mapped_column(BigInteger)
    source: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    handle_after: Mapped[datetime | None]


def emit(
    session: Session, event_type: str, subject: str, data: dict[str, Any], *, owner_id: UUID | None = None
) -> UUID:
    """Write an event of a type (`order.submitted`) about a subject (`order/42`); returns its id.

    `data` must be JSON-serialisable, free of secrets and no more than MOST_BYTES (EventTooLarge), and what the catalogue says
    of the type (app.core.event_types), which is checked where TURNUP_CHECK_EVENTS is on. It is published after the commit,
    or not at all.
    """
    settings = ports(session).find(Settings)
    if settings is not None and settings.check_events:
        event_types.check(event_type, subject, data)
    event_id = new_id()
    execute(
        session,
        _INSERT,
        {
            "id": event_id,
            "type": event_type,
            "subject": subject,
            "at": now(session),
            "data": _written(data),
            "execution": session.info.get(CAUSED_BY),
            "owner": owner_id or session.info[OWNER],
        },
    )
    wake(session, f"turnup:{subject}")
    return event_id


def accept(
    session: Session, event_type: str, subject: str, data: dict[str, Any], *, source: str, event_id: str | None = None
) -> dict[str, Any]:
    """Write an event that somebody else raises for the session's owner; returns its document.

    A source's `event_id` names one event: the second time the first one is returned. Raises EventIdTaken when that one was
    another event, and EventTooLarge.
    """
    owner_id: UUID = session.info[OWNER]
    own_id = new_id() if event_id is None else uuid5(owner_id, f"{source}\n{event_id}")
    written = execute(
        session,
        _ACCEPT,
        {
            "id": own_id,
            "type": event_type,
            "subject": subject,
            "at": now(session),
            "data": _written(data),
            "source": source,
            "owner": owner_id,
        },
    )
    if written.rowcount:
        wake(session, f"turnup:{subject}")
    document = document_of(session.execute(_ONE, {"id": own_id}).one())
    if (document["type"], document["subject"], document["data"]) != (event_type, subject, data):
        message = f"{source} raised another event under the id {event_id} before."
        raise EventIdTaken(message, faults=[Fault("/id", message)])
    return document


def _written(data: dict[str, Any]) -> str:
    written = json.dumps(data)
    if len(written) > MOST_BYTES:
        message = f"The data of an event are at most {MOST_BYTES // 1024} KiB of JSON."
        raise EventTooLarge(message, faults=[Fault("/data", message)])
    return written


def canonical(event_type: str) -> str:
    """The name under which events of a type are written: `crm.lead.qualified` is `lead.qualified`."""
    return event_type.removeprefix("crm.").removeprefix("billing.")


CLOUD_EVENT_COLUMNS = "id, source, type, subject, at, owner_id, data"

_ONE = text(f"SELECT {CLOUD_EVENT_COLUMNS} FROM outbox WHERE id = :id")  # noqa: S608 - constants
_UNPUBLISHED = text(
    f"SELECT position, {CLOUD_EVENT_COLUMNS} FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT :limit"  # noqa: S608 - constants
)
_PUBLISHED = text("UPDATE outbox SET published_at = :now WHERE position = ANY(:positions)")


def document_of(event: Any) -> dict[str, Any]:
    """A row of the outbox with these columns as a CloudEvents 1.0 document."""
    return {
        "specversion": "1.0",
        "id": str(event.id),
        "source": event.source or SOURCE,
        "type": event.type,
        "subject": event.subject,
        "time": event.at.isoformat().replace("+00:00", "Z"),
        "tenantid": str(event.owner_id),
        "datacontenttype": "application/json",
        "data": event.data,
    }


def publish_batch(session: Session, publish: Callable[[Sequence[dict[str, Any]]], object], *, limit: int = 200) -> int:
    """Publish what is not published yet, oldest first; returns how many. 0 also when another relay is at it.

    One at a time holds the lock, so events of one subject go out in the order in which they were written.
    """
    if not session.execute(_ALONE, {"key": RELAY_LOCK}).scalar_one():
        return 0
    events = session.execute(_UNPUBLISHED, {"limit": limit}).all()
    if events:
        publish([document_of(event) for event in events])
        session.execute(_PUBLISHED, {"positions": [event.position for event in events], "now": now(session)})
    return len(events)
