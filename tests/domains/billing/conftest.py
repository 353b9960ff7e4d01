"""A seller with plans, customers who subscribe to them, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.clock import move_to, utc_now
from app.core.db import Database
from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.billing import service
from app.domains.customers import service as customers
from app.factory import build_world
from tests.adapters.payments.benches import SandboxBench, StripeBench
from tests.adapters.payments.stripe_server import SECRET_KEY, WEBHOOK_SECRET, StripeServer, stripe_server
from tests.domains.billing.tills import Till

USD_MONTHLY = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal("30.00"))
USD_ANNUAL = service.Price(currency="USD", billing_cycle="annual", amount=Decimal("300.00"))

GoTo = Callable[[datetime], None]


@pytest.fixture
def clock(world: World) -> Iterator[GoTo]:
    """A function that sets business time, for all that follows in the test."""

    def go_to(at: datetime) -> None:
        with world.across.transaction() as session:
            move_to(session, at)

    yield go_to
    go_to(utc_now())


@pytest.fixture
def new_customer(database: Database, owner: UUID) -> Callable[..., UUID]:
    """A function that makes a customer of the owner's; returns its id."""

    def make(**fields: object) -> UUID:
        new = customers.NewCustomer(email=f"{new_id().hex}@example.com", name="Example ISP", **fields)  # type: ignore[arg-type]
        with database.transaction(owner) as session:
            return customers.create_customer(session, new=new).id

    return make


@pytest.fixture
def customer(new_customer: Callable[..., UUID]) -> UUID:
    """One of them."""
    return new_customer()


@pytest.fixture
def sell(database: Database, owner: UUID) -> Callable[..., service.Plan]:
    """A function that makes a plan, 30 dollars a month and 300 a year unless it is told otherwise."""

    def make(*, prices: tuple[service.Price, ...] = (USD_MONTHLY, USD_ANNUAL), **fields: object) -> service.Plan:
        said = {"code": f"p-{new_id().hex[-12:]}", "name": "Pro", "currency": "USD", "billing_cycle": "monthly"}
        with database.transaction(owner) as session:
            return service.create_plan(session, fields={**said, **fields}, prices=prices)

    return make


@pytest.fixture
def subscribe(
    database: Database, owner: UUID, customer: UUID, sell: Callable[..., service.Plan]
) -> Callable[..., service.Subscription]:
    """A function that subscribes the customer, to a new plan where none is named; `start`: its service runs at once."""

    def make(*, start: bool = True, plan: UUID | str | None = None, **wanted: object) -> service.Subscription:
        plan = plan or sell().id
        with database.transaction(owner) as session:
            params = {"customer_id": customer, "plan": plan, "key": f"test/{new_id()}", **wanted}
            made = service.create_subscription(session, **params)  # type: ignore[arg-type]
            if start:
                service.start_subscription(session, subscription_id=made.id)
            return made

    return make


@pytest.fixture
def now_is(database: Database, owner: UUID) -> Callable[[UUID], service.Subscription]:
    """A function that reads a subscription as it is now."""

    def look(subscription_id: UUID) -> service.Subscription:
        with database.transaction(owner) as session:
            return service.get_subscription(session, subscription_id=subscription_id)

    return look


@pytest.fixture
def told(database: Database, owner: UUID) -> Callable[[UUID], list[str]]:
    """A function that tells the events of a subscription so far, without their common prefix."""

    def look(subscription_id: UUID) -> list[str]:
        about = f"subscription/{subscription_id}"
        with database.transaction(owner) as session:
            events = select(OutboxEvent.type).where(OutboxEvent.subject == about).order_by(OutboxEvent.position)
            return [each.removeprefix("subscription.") for each in session.scalars(events)]

    return look


@pytest.fixture
def server() -> Iterator[StripeServer]:
    """An account at Stripe with nothing in it."""
    with stripe_server() as server:
        yield server


@pytest.fixture
def sandbox_till(settings: Settings, world: World, owner: UUID) -> Iterator[Till]:
    """Payments by the sandbox."""
    with closing(build_world(settings)) as own:
        yield Till(own, owner, SandboxBench(settings))


@pytest.fixture
def stripe_till(settings: Settings, world: World, owner: UUID, server: StripeServer) -> Iterator[Till]:
    """Payments by Stripe, over its own library."""
    by_stripe = replace(
        settings,
        payment_gateway="stripe",
        stripe_secret_key=SECRET_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_url=server.url,
    )
    with closing(build_world(by_stripe)) as own:
        yield Till(own, owner, StripeBench(server))


@pytest.fixture(params=["sandbox", "stripe"])
def till(request: pytest.FixtureRequest) -> Till:
    """Payments by each gateway that takes cards, in turn."""
    found: Till = request.getfixturevalue(f"{request.param}_till")
    return found
