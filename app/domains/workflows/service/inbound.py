"""Events that outside systems raise: checked against their types, then treated as any other."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.core import audit, event_types, events
from app.core.errors import Fault, Invalid


def raise_event(
    session: Session,
    *,
    event_type: str,
    data: dict[str, Any],
    source: str,
    subject: str | None = None,
    event_id: str | None = None,
) -> dict[str, Any]:
    """Raise an event for the session's owner, as `source`; returns its CloudEvents document.

    A type may have a leading `crm.` or `billing.`, and is then written without it. Without a subject it is about whom its
    type and data say. A source's `event_id` is one event, however often it is raised. Raises Invalid with all faults,
    EventIdTaken, EventTooLarge.
    """
    written = events.canonical(event_type)
    faults = event_types.faults(written, data)
    if source == events.SOURCE or source.startswith(f"{events.SOURCE}/"):
        faults.append(Fault("/source", f"{events.SOURCE} is Turnup itself."))
    if faults:
        message = f"This is no {event_type} event."
        raise Invalid(message, faults=faults)
    known = event_types.find(written)
    about = subject or (known and known.subject_of(data)) or written
    event = events.accept(session, written, about, data, source=source, event_id=event_id)
    audit.record(session, "event.raised", f"event/{event['id']}", after={"type": written, "source": source})
    return event
