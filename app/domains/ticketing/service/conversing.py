"""What is said in a ticket, and what follows from who says it."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Fault
from app.domains.ticketing import queries
from app.domains.ticketing.errors import NotAParty, TicketClosed, TicketInvalid
from app.domains.ticketing.models import Ticket, TicketMessage
from app.domains.ticketing.rules import contents
from app.domains.ticketing.rules.actors import Actor, Author, writes_as
from app.domains.ticketing.rules.kinds import Entry
from app.domains.ticketing.rules.new import NewMessage
from app.domains.ticketing.rules.states import Status
from app.domains.ticketing.service.moving import move
from app.domains.ticketing.service.reading import lock_ticket
from app.domains.ticketing.service.records import announce, note, subject

_WAITS_FOR_WORDS = frozenset({Status.WAITING, Status.RESOLVED})


def add_message(session: Session, *, ticket_id: UUID, new: NewMessage, by: Author) -> TicketMessage:
    """Say something in a ticket, for one of its two parties; emits ticket.message_added.

    The first word of who is asked is the first response. A word of who asks opens a ticket again that waits or is resolved.
    Raises TicketNotFound, TicketClosed, NotAParty, TicketInvalid with every fault at once.
    """
    ticket = lock_ticket(session, ticket_id=ticket_id)
    if ticket.status == Status.CLOSED:
        raise TicketClosed
    _refuse(session, ticket, new)
    author_type = _author_type(ticket, by, new.author_type)
    message = TicketMessage(
        ticket_id=ticket.id,
        reply_to_id=new.reply_to_id,
        author_type=author_type.value,
        author=by.email,
        body=new.body,
        attachments=[asdict(each) for each in new.attachments],
        created_at=now(session),
    )
    session.add(message)
    session.flush()
    said = {"message_id": str(message.id), "author_type": message.author_type}
    note(session, Entry.MESSAGE_ADDED, ticket, by=by, data=said)
    announce(session, "ticket.message_added", ticket, **said)
    audit.record(session, "ticket.message_added", subject(ticket), after=said)
    if author_type == ticket.target_type and ticket.first_response_at is None:
        ticket.first_response_at = message.created_at
        session.flush()
    if author_type == ticket.origin_type and ticket.status in _WAITS_FOR_WORDS:
        move(session, ticket, Status.OPEN, by=by, reason="answered")
    return message


def _refuse(session: Session, ticket: Ticket, new: NewMessage) -> None:
    found = contents.message_faults(new)
    answered = new.reply_to_id
    if answered is not None and not queries.message(session, ticket_id=ticket.id, message_id=answered):
        found.append(Fault("/reply_to_id", "The ticket has no such message."))
    if found:
        raise TicketInvalid(found)


def _author_type(ticket: Ticket, by: Author, wanted: str | None) -> Actor:
    parties = (Actor(ticket.target_type), Actor(ticket.origin_type))
    if author_type := writes_as(by, parties=parties, wanted=Actor(wanted) if wanted else None):
        return author_type
    message = f"The ticket is between a {ticket.origin_type} and a {ticket.target_type}: you speak for neither."
    if wanted is not None:
        message = f"You do not speak for a {wanted} in this ticket."
    raise NotAParty(message)
