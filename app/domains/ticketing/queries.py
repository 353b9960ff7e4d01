"""Reads of tickets, of the session's owner only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.lists import containing
from app.domains.ticketing.models import SlaTarget, Ticket, TicketEvent, TicketMessage


def ticket(session: Session, ticket_id: UUID) -> Ticket | None:
    return session.scalar(select(Ticket).where(Ticket.id == ticket_id))


def ticket_for_update(session: Session, ticket_id: UUID) -> Ticket | None:
    """The ticket as it is now, locked; rows that refer to it may be added meanwhile."""
    return session.scalar(
        select(Ticket)
        .where(Ticket.id == ticket_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def ticket_by_key(session: Session, key: str) -> Ticket | None:
    return session.scalar(select(Ticket).where(Ticket.key == key))


def tickets(
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
    statement = select(Ticket)
    filters: tuple[tuple[InstrumentedAttribute[Any], object], ...] = (
        (Ticket.status, status),
        (Ticket.priority, priority),
        (Ticket.ticket_type, ticket_type),
        (Ticket.assigned_team, assigned_team),
        (Ticket.customer_id, customer_id),
    )
    for column, wanted in filters:
        if wanted is not None:
            statement = statement.where(column == wanted)
    if q is not None:
        statement = statement.where(containing(session, Ticket.id, Ticket.search_text, q))
    return statement


def messages(ticket_id: UUID) -> Select[TicketMessage]:
    return select(TicketMessage).where(TicketMessage.ticket_id == ticket_id)


def message(session: Session, *, ticket_id: UUID, message_id: UUID) -> TicketMessage | None:
    return session.scalar(messages(ticket_id).where(TicketMessage.id == message_id))


def events(ticket_id: UUID) -> Select[TicketEvent]:
    return select(TicketEvent).where(TicketEvent.ticket_id == ticket_id)


def targets() -> Select[SlaTarget]:
    return select(SlaTarget)


def target(session: Session, priority: str, *, locked: bool = False) -> SlaTarget | None:
    """The target of a priority; locked: as it is now."""
    statement = select(SlaTarget).where(SlaTarget.priority == priority)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)
