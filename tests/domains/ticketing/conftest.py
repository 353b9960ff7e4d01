"""A help desk of one owner, and what a test does with its tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.audit import AuditEntry
from app.core.db import CLOCK_OFFSET
from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.customers import service as customers
from app.domains.customers.service import Customer
from app.domains.tenants import service as tenants
from app.domains.ticketing import service
from app.domains.ticketing.service import Author, NewMessage, NewTicket, Status, Ticket, TicketEvent, TicketMessage

STAFF = Author.of("staff@example.com", roles=("support",))
NOW = timedelta(0)


@dataclass(frozen=True)
class Desk:
    """An owner with a customer and tickets of its own. `later`: how much later than now somebody acts."""

    world: World
    owner_id: UUID
    customer: Customer

    @contextmanager
    def session(self, *, later: timedelta = NOW) -> Iterator[Session]:
        with self.world.database.transaction(self.owner_id) as session:
            session.info[CLOCK_OFFSET] = session.info.get(CLOCK_OFFSET, NOW) + later
            yield session

    def opened(self, *, by: Author = STAFF, key: str | None = None, **changes: Any) -> Ticket:
        with self.session() as session:
            return service.create_ticket(session, new=self.new(**changes), key=key or new_id().hex, by=by)

    def new(self, **changes: Any) -> NewTicket:
        wanted = {"title": "No light", "description": "Since this morning.", "customer": self.customer.id}
        return NewTicket(**(wanted | changes))

    def moved(self, ticket: Ticket, status: Status, *, later: timedelta = NOW, reason: str | None = None) -> Ticket:
        with self.session(later=later) as session:
            return service.change_status(session, ticket_id=ticket.id, status=status, by=STAFF, reason=reason)

    def said(self, ticket: Ticket, *, by: Author = STAFF, later: timedelta = NOW, **changes: Any) -> TicketMessage:
        with self.session(later=later) as session:
            new = NewMessage(**({"body": "We look into it."} | changes))
            return service.add_message(session, ticket_id=ticket.id, new=new, by=by)

    def changed(self, ticket: Ticket, **changes: Any) -> Ticket:
        with self.session() as session:
            return service.update_ticket(session, ticket_id=ticket.id, changes=changes, by=STAFF)

    def read(self, ticket: Ticket) -> Ticket:
        with self.session() as session:
            return service.get_ticket(session, ticket_id=ticket.id)

    def all(self) -> list[Ticket]:
        with self.session() as session:
            return list(session.scalars(service.list_tickets(session).order_by(Ticket.id)))

    def messages(self, ticket: Ticket) -> list[TicketMessage]:
        with self.session() as session:
            found = service.list_messages(session, ticket_id=ticket.id)
            return list(session.scalars(found.order_by(TicketMessage.created_at, TicketMessage.id)))

    def history(self, ticket: Ticket) -> list[TicketEvent]:
        with self.session() as session:
            found = service.list_events(session, ticket_id=ticket.id)
            return list(session.scalars(found.order_by(TicketEvent.created_at, TicketEvent.id)))

    def events(self, ticket: Ticket) -> list[tuple[str, dict[str, Any]]]:
        about = OutboxEvent.subject == f"ticket/{ticket.id}"
        with self.session() as session:
            rows = session.scalars(select(OutboxEvent).where(about).order_by(OutboxEvent.position))
            return [(row.type, row.data) for row in rows]

    def audit(self, ticket: Ticket) -> list[str]:
        about = AuditEntry.object == f"ticket/{ticket.id}"
        with self.session() as session:
            return list(session.scalars(select(AuditEntry.action).where(about).order_by(AuditEntry.id)))


def open_desk(world: World) -> Desk:
    with world.database.transaction(OPERATOR_ID) as session:
        name = f"d{new_id().hex[-12:]}"
        owner_id = tenants.create_tenant(session, name=name, slug=name).id
    with world.database.transaction(owner_id) as session:
        new = customers.NewCustomer(email=f"{new_id().hex}@example.com", name="Ada Lovelace")
        return Desk(world, owner_id, customers.create_customer(session, new=new))


@pytest.fixture
def desk(world: World) -> Desk:
    """A desk without tickets."""
    return open_desk(world)


@pytest.fixture
def bearer(token_for: Callable[..., str], desk: Desk) -> Callable[..., dict[str, str]]:
    """Headers of somebody of that owner with these permissions."""

    def headers(*permissions: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_for(*permissions, owner_id=desk.owner_id)}"}

    return headers
