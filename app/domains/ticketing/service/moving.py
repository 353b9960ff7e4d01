"""A ticket goes from state to state, and its clock with it. A change is made under the row's lock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.domains.ticketing.errors import IllegalTransition
from app.domains.ticketing.models import Ticket
from app.domains.ticketing.rules.actors import Author
from app.domains.ticketing.rules.kinds import Entry
from app.domains.ticketing.rules.states import DONE, STANDING, Status, is_legal
from app.domains.ticketing.service.reading import lock_ticket
from app.domains.ticketing.service.records import announce, clock_of, keep_clock, note, picture, subject


def change_status(
    session: Session, *, ticket_id: UUID, status: Status, by: Author, reason: str | None = None
) -> Ticket:
    """Move a ticket to a state; from resolved and closed to open, it is reopened. Emits ticket.status_changed.

    Nothing happens when it is there. Raises TicketNotFound, IllegalTransition.
    """
    return move(session, lock_ticket(session, ticket_id=ticket_id), status, by=by, reason=reason)


def move(session: Session, ticket: Ticket, to: Status, *, by: Author, reason: str | None = None) -> Ticket:
    """Move a locked ticket. Raises IllegalTransition."""
    if ticket.status == to:
        return ticket
    if not is_legal(ticket.status, to):
        raise IllegalTransition(ticket.status, to)
    before = picture(ticket)
    _enter(ticket, to, now(session))
    session.flush()
    changed = {"before": before["status"], "after": ticket.status, "reason": reason}
    note(session, Entry.STATUS_CHANGED, ticket, by=by, data=changed)
    announce(session, "ticket.status_changed", ticket, former_status=before["status"])
    after = picture(ticket)
    audit.record(session, "ticket.status_changed", subject(ticket), before=before, after=after, reason=reason)
    return ticket


def _enter(ticket: Ticket, to: Status, at: datetime) -> None:
    clock = clock_of(ticket)
    clock = clock.stopped(at) if to in STANDING else clock.running(at)
    keep_clock(ticket, clock)
    ticket.resolution_time_minutes = clock.minutes(at) if to in DONE else None
    if to is Status.RESOLVED:
        ticket.resolved_at = at
    elif to not in DONE:
        ticket.resolved_at = None
    ticket.closed_at = at if to is Status.CLOSED else None
    ticket.status = to.value
