"""What of a ticket is changed apart from its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault
from app.domains.ticketing.errors import TicketClosed, TicketInvalid
from app.domains.ticketing.models import Ticket
from app.domains.ticketing.rules import contents
from app.domains.ticketing.rules.actors import Author
from app.domains.ticketing.rules.kinds import Entry, Priority, routed
from app.domains.ticketing.rules.states import Status
from app.domains.ticketing.service.reading import lock_ticket
from app.domains.ticketing.service.records import clock_of, keep_clock, note, picture, subject
from app.domains.ticketing.service.targets import target_of


def update_ticket(session: Session, *, ticket_id: UUID, changes: Mapping[str, Any], by: Author) -> Ticket:
    """Change the given fields (contents.EDITABLE). Another type goes to the team of that type, unless a team is named.

    With another priority it is due as if it had had it from the beginning. Raises TicketNotFound, TicketClosed, TicketInvalid
    with every fault at once.
    """
    ticket = lock_ticket(session, ticket_id=ticket_id)
    if ticket.status == Status.CLOSED:
        raise TicketClosed
    _refuse(ticket, changes)
    before = picture(ticket)
    wanted = dict(changes)
    if "ticket_type" in wanted and "assigned_team" not in wanted:
        wanted["assigned_team"] = routed(wanted["ticket_type"], assigned_team=ticket.assigned_team)
    was = {name: getattr(ticket, name) for name in wanted}
    changed = sorted(name for name, value in wanted.items() if value != was[name])
    if not changed:
        return ticket
    for name in changed:
        setattr(ticket, name, wanted[name])
    if "priority" in changed:
        keep_clock(ticket, clock_of(ticket).against(target_of(session, priority=Priority(ticket.priority))))
    session.flush()
    data = {name: {"before": was[name], "after": wanted[name]} for name in changed}
    note(session, Entry.CHANGED, ticket, by=by, data=data)
    after = picture(ticket) | {"changed": changed}
    audit.record(session, "ticket.updated", subject(ticket), before=before, after=after)
    return ticket


def _refuse(ticket: Ticket, changes: Mapping[str, Any]) -> None:
    found = [Fault(f"/{name}", "This cannot be changed.") for name in sorted(changes.keys() - contents.EDITABLE)]
    found += contents.faults(changes)
    if ticket.approved_at is not None and changes.get("ticket_type", ticket.ticket_type) != ticket.ticket_type:
        found.append(Fault("/ticket_type", "The installation was approved: the ticket stays a request for it."))
    if found:
        raise TicketInvalid(found)
