"""A desk that sells: an owner with a catalogue, an activation workflow and a plan, and what a test does with its leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.audit import AuditEntry
from app.core.clock import now
from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.core.world import World
from app.domains.billing import service as billing
from app.domains.communications import service as communications
from app.domains.crm import service
from app.domains.crm.operations import OPERATIONS
from app.domains.customers import service as customers
from app.domains.customers.service import Customer
from pipelines.operations import Effect
from tests.calls import DirectCall
from tests.domains.sales.conftest import open_shop
from tests.servers import eventually

T = TypeVar("T")

ADDRESS = {"line1": "Hauptstr. 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
WAITING = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
)


@dataclass(frozen=True)
class Desk:
    """An owner with leads of its own."""

    world: World
    owner_id: UUID

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.world.database.transaction(self.owner_id) as session:
            yield session

    def lead(self, **changes: Any) -> service.Lead:
        with self.session() as session:
            return service.create_lead(session, fields=lead_fields(**changes))

    def qualified(self, **changes: Any) -> service.Lead:
        lead = self.lead(**changes)
        with self.session() as session:
            return service.qualify_lead(session, lead_id=lead.id, key=f"test/{new_id()}")

    def offered(self, lead: service.Lead | None = None, **terms: Any) -> service.Quote:
        lead_id = (lead or self.qualified()).id
        with self.session() as session:
            return service.generate_quote(session, lead_id=lead_id, **{"key": f"test/{new_id()}", **terms})

    def accepted(self, quote: service.Quote | None = None, **how: Any) -> service.Quote:
        quote_id = (quote or self.offered()).id
        with self.session() as session:
            return service.accept_quote(session, quote_id=quote_id, **{"key": f"test/{new_id()}", **how})

    def subscribed(self, *, days_left: int = 10, **terms: Any) -> billing.Subscription:
        """A customer's yearly subscription of which so many days are left."""
        with self.session() as session:
            billing.seed(session)
            new = customers.NewCustomer(email=f"{new_id().hex}@example.com", name="Ada Lovelace", country="DE")
            customer = customers.create_customer(session, new=new)
            wanted = {"plan": "standard", "billing_cycle": "annual", "key": f"test/{new_id()}", **terms}
            made = billing.create_subscription(session, customer_id=customer.id, **wanted)
            billing.start_subscription(session, subscription_id=made.id)
            made.current_period_end = now(session) + timedelta(days=days_left)
            made.current_period_start = made.current_period_end - timedelta(days=365)
            session.flush()
            return made

    def read_lead(self, lead: service.Lead) -> service.Lead:
        with self.session() as session:
            return service.get_lead(session, lead_id=lead.id)

    def read_quote(self, quote: service.Quote) -> service.Quote:
        with self.session() as session:
            return service.get_quote(session, quote_id=quote.id)

    def customer_of(self, lead: service.Lead) -> Customer:
        with self.session() as session:
            found = service.get_lead(session, lead_id=lead.id)
            assert found.customer_id is not None
            return customers.get_customer(session, customer_id=found.customer_id)

    def events(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        with self.session() as session:
            rows = session.scalars(
                select(OutboxEvent).where(OutboxEvent.subject == subject).order_by(OutboxEvent.position)
            )
            return [(row.type, row.data) for row in rows]

    def told(self, subject: str) -> list[str]:
        return [event_type for event_type, _ in self.events(subject)]

    def audit(self, object_: str) -> list[AuditEntry]:
        with self.session() as session:
            return list(session.scalars(select(AuditEntry).where(AuditEntry.object == object_).order_by(AuditEntry.id)))

    def count(self, table: str, where: str = "true", **values: Any) -> int:
        with self.session() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"), values).scalar_one())

    def sql(self, statement: str, **values: Any) -> None:
        with self.session() as session:
            session.execute(text(statement), values)

    def let_pass(self, quote: service.Quote) -> None:
        """The quote's time has passed."""
        self.sql("UPDATE quotes SET valid_until = now() - interval '1 second' WHERE id = :id", id=quote.id)

    def owed(self, quote: service.Quote) -> billing.Payable | None:
        with self.session() as session:
            return billing.find_payable(session, source_type="quote", source_id=str(quote.id))

    def perform(self, name: str, *, step: str = "step", **params: Any) -> tuple[Mapping[str, Any], list[Effect]]:
        """A step, in a transaction of its own: its output and its effects."""
        operation = OPERATIONS[name]
        with ExitStack() as stack:
            call = DirectCall(self.world.database, self.owner_id, idempotency_key=step, _stack=stack)
            output = operation.function(call, **operation.bind(params))
        return output or {}, call.effects

    def undo(self, name: str, effects: list[Effect]) -> Mapping[str, Any]:
        """What a rollback does of a step with that one effect; twice, as a rollback may."""
        (effect,) = effects
        compensation = OPERATIONS[name].undone_by
        assert compensation is not None
        assert effect.undo is not None
        self.perform(compensation, **effect.undo)
        return self.perform(compensation, **effect.undo)[0]

    @contextmanager
    def overtaken(self, theirs: Callable[[], T]) -> Iterator[tuple[Session, list[Future[T]]]]:
        """Somebody does that while the block's work is done and not yet committed; what becomes of it is told afterwards."""
        told: list[Future[T]] = []
        with ThreadPoolExecutor(1) as pool:
            with self.session() as session:
                yield session, told
                told.append(pool.submit(theirs))
                eventually(lambda: session.execute(WAITING).scalar_one(), what="the second waits for the first")
            told[0].exception()


def lead_fields(**changes: Any) -> dict[str, Any]:
    return {
        "email": f"{new_id().hex}@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "company_name": "Engines Ltd",
        "source": "website",
        "address": dict(ADDRESS),
        "wanted_products": [
            {"product_code": "subscriber-provisioning", "quantity": 2},
            {"product_code": "billing-invoicing"},
        ],
        "organization_slug": f"engines-{new_id().hex[-12:]}",
        "deployment_region": "us-east-1",
    } | changes


def open_desk(world: World) -> Desk:
    shop = open_shop(world)
    with shop.session() as session:
        communications.seed(session)
    return Desk(world, shop.owner_id)


@pytest.fixture
def desk(world: World) -> Desk:
    """An owner without leads."""
    return open_desk(world)


@pytest.fixture
def bearer(token_for: Callable[..., str], desk: Desk) -> Callable[..., dict[str, str]]:
    """Headers of somebody of that owner with these permissions."""

    def headers(*permissions: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_for(*permissions, owner_id=desk.owner_id)}"}

    return headers
