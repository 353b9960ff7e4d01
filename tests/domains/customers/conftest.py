"""The books of one owner, and what a test does with its customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.audit import AuditEntry
from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.customers import service
from app.domains.customers.service import Customer, NewAddress, NewCustomer
from app.domains.tenants import service as tenants


@dataclass(frozen=True)
class Books:
    """An owner with customers of its own."""

    world: World
    owner_id: UUID

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.world.database.transaction(self.owner_id) as session:
            yield session

    def made(self, **changes: Any) -> Customer:
        with self.session() as session:
            return service.create_customer(session, new=new_customer(**changes))

    def updated(self, customer: Customer, **changes: Any) -> Customer:
        with self.session() as session:
            return service.update_customer(session, customer_id=customer.id, changes=changes)

    def read(self, customer: Customer) -> Customer:
        with self.session() as session:
            return service.get_customer(session, customer_id=customer.id)

    def events(self, customer: Customer) -> list[tuple[str, dict[str, Any]]]:
        about = OutboxEvent.subject == f"customer/{customer.id}"
        with self.session() as session:
            rows = session.scalars(select(OutboxEvent).where(about).order_by(OutboxEvent.position))
            return [(row.type, row.data) for row in rows]

    def audit(self, customer: Customer) -> list[AuditEntry]:
        about = AuditEntry.object == f"customer/{customer.id}"
        with self.session() as session:
            return list(session.scalars(select(AuditEntry).where(about).order_by(AuditEntry.id)))

    def count(self, table: str) -> int:
        with self.session() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def new_customer(**changes: Any) -> NewCustomer:
    return NewCustomer(**({"email": f"{new_id().hex}@example.com", "name": "Ada Lovelace"} | changes))


def address(**changes: Any) -> NewAddress:
    return NewAddress(**({"kind": "billing", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"} | changes))


def open_books(world: World) -> Books:
    with world.database.transaction(OPERATOR_ID) as session:
        name = f"c{new_id().hex[-12:]}"
        return Books(world, tenants.create_tenant(session, name=name, slug=name).id)


@pytest.fixture
def books(world: World) -> Books:
    """An owner without customers."""
    return open_books(world)


@pytest.fixture
def bearer(token_for: Callable[..., str], books: Books) -> Callable[..., dict[str, str]]:
    """Headers of somebody of that owner with these permissions."""

    def headers(*permissions: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_for(*permissions, owner_id=books.owner_id)}"}

    return headers
