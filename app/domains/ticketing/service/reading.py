"""Tickets, what is said in them and what happened to them, as they are found."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.domains.ticketing import queries
from app.domains.ticketing.errors import TicketNotFound
from app.domains.ticketing.models import Ticket, TicketEvent, TicketMessage


def get_ticket(session: Session, *, ticket_id: UUID) -> Ticket:
    """A ticket in any state. Raises TicketNotFound."""
    if ticket := queries.ticket(session, ticket_id):
        return ticket
    raise TicketNotFound


def lock_ticket(session: Session, *, ticket_id: UUID) -> Ticket:
    """The ticket as it is now, locked until the transaction ends. Raises TicketNotFound."""
    if ticket := queries.ticket_for_update(session, ticket_id):
        return ticket
    raise TicketNotFound


def list_tickets(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    priority: str | None = None,
    ticket_type: str | None = None,
    assigned_team: str | None = None,
    customer_id: UUID | None = None,
) -> Select[Ticket]:
    """Tickets by these filters, to be paged. `q`: part of number or title."""
    return queries.tickets(
        session,
        q=q,
        status=status,
        priority=priority,
        ticket_type=ticket_type,
        assigned_team=assigned_team,
        customer_id=customer_id,
    )


def list_messages(session: Session, *, ticket_id: UUID) -> Select[TicketMessage]:
    """What is said in a ticket, to be paged. Raises TicketNotFound."""
    return queries.messages(get_ticket(session, ticket_id=ticket_id).id)


def list_events(session: Session, *, ticket_id: UUID) -> Select[TicketEvent]:
    """What happened to a ticket, to be paged. Raises TicketNotFound."""
    return queries.events(get_ticket(session, ticket_id=ticket_id).id)
