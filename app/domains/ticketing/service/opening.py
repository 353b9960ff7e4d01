"""Tickets are opened: once for whatever asks, however often and in however many places it asks."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault, NotFound
from app.core.ids import new_id
from app.domains.customers import errors as customers_errors
from app.domains.customers import service as customers
from app.domains.tenants import service as tenants
from app.domains.ticketing import queries
from app.domains.ticketing.errors import InvalidCustomer, TicketNotCreated
from app.domains.ticketing.models import Ticket, TicketMessage
from app.domains.ticketing.rules import contents
from app.domains.ticketing.rules.actors import Actor, Author, origin_of
from app.domains.ticketing.rules.clock import Clock
from app.domains.ticketing.rules.kinds import Entry, Priority, routed
from app.domains.ticketing.rules.new import NewTicket
from app.domains.ticketing.service.records import announce, note, picture, subject
from app.domains.ticketing.service.targets import target_of

NUMBER_TRIES = 5


def create_ticket(session: Session, *, new: NewTicket, key: str, by: Author) -> Ticket:
    """Open a ticket in the name of whom the author speaks for; emits ticket.created. Its description is its first message.

    `key` names what asks, a step of an execution, say: asking again finds the ticket, whatever became of it.
    Raises InvalidCustomer; TicketNotCreated with every other fault at once.
    """
    if earlier := queries.ticket_by_key(session, key):
        return earlier
    customer_id = None if new.customer is None else _customer_id(session, new.customer)
    origin, tenant_id = _checked(session, new, by)
    at = now(session)
    ticket, is_new = _inserted(
        session,
        {
            "key": key,
            "title": new.title.strip(),
            "description": new.description,
            "customer_id": customer_id,
            "tenant_id": tenant_id,
            "origin_type": origin.value,
            "target_type": new.target,
            "priority": new.priority,
            "ticket_type": new.ticket_type,
            "assigned_team": routed(new.ticket_type, assigned_team=new.assigned_team),
            "service_address": new.service_address,
            "affected_services": list(new.affected_services),
            "device_serial_numbers": list(new.device_serial_numbers),
            "created_by": by.email,
            "created_at": at,
            "sla_due_date": Clock.started(at, target_of(session, priority=Priority(new.priority))).due_at,
        },
    )
    if is_new:
        first = TicketMessage(
            ticket_id=ticket.id, author_type=origin.value, author=by.email, body=new.description, created_at=at
        )
        session.add(first)
        note(session, Entry.CREATED, ticket, by=by)
        announce(session, "ticket.created", ticket)
        audit.record(session, "ticket.created", subject(ticket), after=picture(ticket))
        session.flush()
    return ticket


def _customer_id(session: Session, reference: UUID | int | str) -> UUID:
    try:
        customer = customers.find_by_reference(session, reference=str(reference))
    except customers_errors.NoReference:
        raise InvalidCustomer(reference) from None
    if customer is None:
        raise InvalidCustomer(reference, is_unknown=True)
    return customer.id


def _checked(session: Session, new: NewTicket, by: Author) -> tuple[Actor, UUID | None]:
    """In whose name it is opened, and the tenant that it is about. Raises TicketNotCreated with every fault at once."""
    fields = {
        "title": new.title,
        "description": new.description,
        "target_type": new.target,
        "priority": new.priority,
        "ticket_type": new.ticket_type,
        "assigned_team": new.assigned_team,
        "service_address": new.service_address,
        "affected_services": new.affected_services,
        "device_serial_numbers": new.device_serial_numbers,
    }
    found = contents.faults(fields)
    origin = None
    if not any(fault.pointer == "/target_type" for fault in found):
        origin = origin_of(by, target=Actor(new.target))
        if origin is None:
            message = f"A ticket does not go from a {by.speaks_for[0]} to a {new.target}."
            found.append(Fault("/target_type", message))
        elif origin is Actor.CUSTOMER and new.customer is None:
            found.append(Fault("/customer_id", "A ticket to the tenant names the customer who asks."))
    tenant_id = None
    try:
        tenant_id = None if new.tenant is None else _tenant_id(session, new.tenant)
    except NotFound:
        found.append(Fault("/tenant_id", f"There is no tenant “{new.tenant}”."))
    if found or origin is None:
        raise TicketNotCreated(found)
    return origin, tenant_id


def _tenant_id(session: Session, reference: UUID | str) -> UUID | None:
    """The tenant of that id or slug; None for the session's owner itself, whose matter every ticket is."""
    try:
        tenant = tenants.get_tenant(session, tenant_id=UUID(str(reference)))
    except ValueError:
        by_slug = tenants.find_by_slug(session, slug=str(reference))
        if by_slug is None:
            raise NotFound("There is no such tenant.") from None
        tenant = by_slug
    return None if tenant.id == session.info[OWNER] else tenant.id


def _inserted(session: Session, values: dict[str, Any]) -> tuple[Ticket, bool]:
    """The ticket's row, with a number that nobody has; the other one's when the key was raced for.

    An insert waits for whoever is about to take the same key or number, and then does nothing.
    """
    for _ in range(NUMBER_TRIES):
        ticket: Ticket | None = session.scalar(
            insert(Ticket)
            .values(**values, id=new_id(), owner_id=session.info[OWNER], ticket_number=_new_number())
            .on_conflict_do_nothing()
            .returning(Ticket)
        )
        if ticket is not None:
            return ticket, True
        if earlier := queries.ticket_by_key(session, values["key"]):
            return earlier, False
    raise RuntimeError(f"no free ticket number in {NUMBER_TRIES} tries")


def _new_number() -> str:
    return f"TCK-{secrets.token_hex(6).upper()}"
