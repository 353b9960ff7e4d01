"""What goes with every change of a ticket: its history, its event, the audit log's picture, its clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import emit
from app.domains.ticketing.models import Ticket, TicketEvent
from app.domains.ticketing.rules.actors import Author
from app.domains.ticketing.rules.clock import Clock
from app.domains.ticketing.rules.kinds import Entry


def subject(ticket: Ticket) -> str:
    """What the ticket's events and audit rows are about."""
    return f"ticket/{ticket.id}"


def note(session: Session, entry: Entry, ticket: Ticket, *, by: Author, data: dict[str, Any] | None = None) -> None:
    """A line of the ticket's history."""
    event = TicketEvent(ticket_id=ticket.id, type=entry.value, actor=by.email, data=data or {}, created_at=now(session))
    session.add(event)


def announce(session: Session, event_type: str, ticket: Ticket, **more: Any) -> None:
    """The event of a change that was flushed. What people wrote is left out."""
    emit(session, event_type, subject(ticket), {**picture(ticket), **more}, owner_id=ticket.owner_id)


def picture(ticket: Ticket) -> dict[str, Any]:
    """A ticket as events and the audit log have it: without what people wrote."""
    return {
        "ticket_id": str(ticket.id),
        "ticket_number": ticket.ticket_number,
        "customer_id": str(ticket.customer_id) if ticket.customer_id else None,
        "tenant_id": str(ticket.tenant_id) if ticket.tenant_id else None,
        "origin_type": ticket.origin_type,
        "target_type": ticket.target_type,
        "priority": ticket.priority,
        "ticket_type": ticket.ticket_type,
        "status": ticket.status,
        "assigned_team": ticket.assigned_team,
        "sla_due_date": ticket.sla_due_date.isoformat(),
    }


def clock_of(ticket: Ticket) -> Clock:
    """The clock as the row has it."""
    return Clock(
        started_at=ticket.created_at,
        due_at=ticket.sla_due_date,
        stopped_at=ticket.clock_stopped_at,
        paused=timedelta(seconds=ticket.paused_seconds),
    )


def keep_clock(ticket: Ticket, clock: Clock) -> None:
    """The row has this clock from now on."""
    ticket.sla_due_date = clock.due_at
    ticket.clock_stopped_at = clock.stopped_at
    ticket.paused_seconds = int(clock.paused.total_seconds())
