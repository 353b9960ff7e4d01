"""An installation that a ticket asks for is approved, once: whoever carries it out learns of it by the event."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.domains.ticketing.errors import InstallationApproved, NoInstallation, TicketInvalid
from app.domains.ticketing.models import Ticket
from app.domains.ticketing.rules import contents
from app.domains.ticketing.rules.actors import Author
from app.domains.ticketing.rules.kinds import Entry, TicketType
from app.domains.ticketing.rules.new import Installation
from app.domains.ticketing.rules.states import DONE
from app.domains.ticketing.service.reading import lock_ticket
from app.domains.ticketing.service.records import announce, note, subject


def approve_installation(session: Session, *, ticket_id: UUID, installation: Installation, by: Author) -> Ticket:
    """Approve what a ticket asks for; emits ticket.installation_approved with all that is needed to carry it out.

    Raises TicketNotFound; NoInstallation for a ticket of another type, without a customer, or that is done;
    InstallationApproved; TicketInvalid with every fault at once.
    """
    ticket = lock_ticket(session, ticket_id=ticket_id)
    _refuse(ticket)
    wanted = _completed(installation, ticket)
    if found := contents.installation_faults(wanted):
        raise TicketInvalid(found)
    ticket.approved_at = now(session)
    session.flush()
    about = _as_json(wanted)
    note(session, Entry.INSTALLATION_APPROVED, ticket, by=by, data=about)
    announce(session, "ticket.installation_approved", ticket, **about)
    audit.record(session, "ticket.installation_approved", subject(ticket), after=about)
    return ticket


def _refuse(ticket: Ticket) -> None:
    if ticket.ticket_type != TicketType.INSTALLATION_REQUEST:
        raise NoInstallation("The ticket asks for no installation.")
    if ticket.customer_id is None:
        raise NoInstallation("The ticket names no customer to install for.")
    if ticket.approved_at is not None:
        raise InstallationApproved("The installation was approved before.")
    if ticket.status in DONE:
        raise NoInstallation(f"The ticket is {ticket.status}: reopen it first.")


def _completed(installation: Installation, ticket: Ticket) -> Installation:
    """With the ticket's address and its one device, where no others were given."""
    devices = ticket.device_serial_numbers
    only_device = devices[0] if len(devices) == 1 else None
    return replace(
        installation,
        installation_address=installation.installation_address or ticket.service_address,
        cpe_serial=installation.cpe_serial or only_device,
    )


def _as_json(installation: Installation) -> dict[str, Any]:
    about = asdict(installation)
    about["subscription_id"] = str(installation.subscription_id)
    about["technician_id"] = str(installation.technician_id) if installation.technician_id else None
    about["installation_date"] = installation.installation_date.isoformat() if installation.installation_date else None
    return about
