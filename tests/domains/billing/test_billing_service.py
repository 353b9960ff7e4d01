"""Accounts, numbers and periods, on the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.domains.billing import queries, service
from app.domains.billing.errors import AccountNotFound
from app.domains.billing.models import InvoiceSeries, Subscription
from app.domains.billing.rules import period_end

LONG_AGO = datetime(2001, 1, 31, 12, tzinfo=UTC)


def open_for(session, tenant_id, **fields):
    return service.open_account(
        session,
        **{
            "tenant_id": tenant_id,
            "slug": "example-isp",
            "name": "Example ISP Inc.",
            "email": "billing@example.com",
            "currency": "USD",
            "amount": Decimal("348.00"),
            "billing_cycle": "monthly",
            "order_id": 42,
            "service_codes": ["billing-invoicing"],
            **fields,
        },
    )


def told(session, subscription_id):
    return session.scalars(
        select(OutboxEvent.type)
        .where(OutboxEvent.subject == f"subscription/{subscription_id}")
        .order_by(OutboxEvent.position)
    ).all()


def test_opening_twice_finds_the_first(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        first = open_for(session, tenant_id)
    with database.transaction(owner) as session:
        second = open_for(session, tenant_id, amount=Decimal(1))
        assert (second.account.id, second.series.id, second.subscription.id) == (
            first.account.id,
            first.series.id,
            first.subscription.id,
        )
        assert told(session, first.subscription.id) == ["subscription.created"]
    subscription = first.subscription
    assert (subscription.amount, subscription.currency, subscription.status) == (Decimal("348.00"), "USD", "active")
    assert not subscription.renews_automatically
    assert subscription.current_period_end == period_end(
        subscription.current_period_start, months=1, anchor_day=subscription.anchor_day
    )


def test_opening_at_the_same_time_makes_one(database, owner):
    tenant_id = new_id()

    def opened(_):
        with database.transaction(owner) as session:
            return open_for(session, tenant_id).subscription.id

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(opened, range(4)))) == 1


def test_closing_leaves_nothing_and_twice_does_no_harm(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        opened = open_for(session, tenant_id)
    with database.transaction(owner) as session:
        assert service.close_account(session, tenant_id=tenant_id)
        assert not service.close_account(session, tenant_id=tenant_id)
        with pytest.raises(AccountNotFound):
            service.find_account(session, tenant_id=tenant_id)
        assert session.scalar(select(InvoiceSeries).where(InvoiceSeries.id == opened.series.id)) is None
        assert service.subscriptions_of(session, tenant_id=tenant_id) == []
        assert told(session, opened.subscription.id)[-1] == "subscription.cancelled"


def test_an_account_that_has_numbered_invoices_is_kept_closed_and_opens_again(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        first = open_for(session, tenant_id)
        assert service.next_invoice_number(session, tenant_id=tenant_id) == "INV-EXAMPLEI-000001"
    with database.transaction(owner) as session:
        assert service.close_account(session, tenant_id=tenant_id)
        assert not service.close_account(session, tenant_id=tenant_id)
        assert service.find_account(session, tenant_id=tenant_id).status == "closed"
    with database.transaction(owner) as session:
        again = open_for(session, tenant_id)
        assert (again.account.id, again.account.status) == (first.account.id, "open")
        assert again.subscription.id != first.subscription.id
        assert service.next_invoice_number(session, tenant_id=tenant_id) == "INV-EXAMPLEI-000002"


def test_invoice_numbers_have_no_gaps_and_no_doubles(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        open_for(session, tenant_id)

    def number(_):
        with database.transaction(owner) as session:
            return service.next_invoice_number(session, tenant_id=tenant_id)

    with ThreadPoolExecutor(5) as threads:
        numbers = sorted(threads.map(number, range(20)))
    assert numbers == [f"INV-EXAMPLEI-{n:06d}" for n in range(1, 21)]


def test_another_owner_sees_no_account(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        open_for(session, tenant_id)
    with database.transaction(new_id()) as session, pytest.raises(AccountNotFound):
        service.find_account(session, tenant_id=tenant_id)


@pytest.fixture
def subscription(database, owner):
    """A function that makes a subscription whose period ends in so many days."""

    def make(*, ends_in_days, term_days=30, **fields):
        with database.transaction(owner) as session:
            made = open_for(session, new_id()).subscription
            end = made.current_period_start + timedelta(days=ends_in_days)
            session.execute(
                update(Subscription)
                .where(Subscription.id == made.id)
                .values(current_period_start=end - timedelta(days=term_days), current_period_end=end, **fields)
            )
            return made.id

    return make


def until_done(world, work):
    """Run a beat job until it has nothing left; other tests' rows may be among them."""
    while True:
        with world.across.transaction() as session:
            if work(session) == 0:
                return


def announce(world, days=30):
    until_done(world, lambda session: service.announce_expiring(session, days=days, limit=3))


def expire(world):
    until_done(world, lambda session: service.expire_subscriptions(session, limit=3))


@pytest.fixture
def status(database, owner):
    """A function that tells a subscription's status, and its events after the first."""

    def look(subscription_id):
        with database.transaction(owner) as session:
            found = session.scalars(select(Subscription).where(Subscription.id == subscription_id)).one()
            return found.status, told(session, subscription_id)[1:]

    return look


@pytest.mark.parametrize(
    ("fields", "noticed"),
    [
        ({"ends_in_days": 7}, True),
        ({"ends_in_days": 8}, False),
        ({"ends_in_days": 29, "term_days": 365}, True),
        ({"ends_in_days": 31, "term_days": 365}, False),
        ({"ends_in_days": 29, "term_days": 365, "renews_automatically": True, "billing_cycle": "annual"}, True),
        ({"ends_in_days": 1, "renews_automatically": True}, False),
        ({"ends_in_days": 1, "status": "cancelled"}, False),
    ],
)
def test_who_is_told_of_the_end_and_when(world, status, subscription, fields, noticed):
    subscription_id = subscription(**fields)
    announce(world)
    announce(world)
    state, events = status(subscription_id)
    assert events == (["subscription.expiring_soon"] if noticed else [])
    assert (state == "expiring") == (noticed and not fields.get("renews_automatically", False))


def test_each_period_is_announced_once(world, database, owner, status, subscription):
    subscription_id = subscription(ends_in_days=5)
    announce(world)
    with database.transaction(owner) as session:
        row = session.scalars(select(Subscription).where(Subscription.id == subscription_id)).one()
        row.current_period_start, row.status = row.current_period_end, "active"
        row.current_period_end = row.current_period_end + timedelta(days=30)
    announce(world)
    assert status(subscription_id)[1] == ["subscription.expiring_soon"]
    with database.transaction(owner) as session:
        row = session.scalars(select(Subscription).where(Subscription.id == subscription_id)).one()
        row.current_period_start -= timedelta(days=28)
        row.current_period_end -= timedelta(days=28)
    announce(world)
    assert status(subscription_id)[1] == ["subscription.expiring_soon"] * 2


def test_what_has_ended_expires_once_and_what_renews_does_not(world, status, subscription):
    ended = subscription(ends_in_days=-1)
    announced = subscription(ends_in_days=-1, status="expiring")
    renews = subscription(ends_in_days=-1, renews_automatically=True)
    goes_on = subscription(ends_in_days=1)
    expire(world)
    expire(world)
    assert status(ended) == ("expired", ["subscription.expired"])
    assert status(announced) == ("expired", ["subscription.expired"])
    assert status(renews) == ("active", [])
    assert status(goes_on) == ("active", [])


def test_two_places_at_once_announce_and_expire_each_once(world, status, subscription):
    soon = [subscription(ends_in_days=1) for _ in range(6)]
    over = [subscription(ends_in_days=-1) for _ in range(6)]

    def both(_):
        announce(world)
        expire(world)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(both, range(2)))
    assert {status(each)[1].count("subscription.expiring_soon") for each in soon} == {1}
    assert {status(each)[1].count("subscription.expired") for each in over} == {1}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (queries.to_announce(at=LONG_AGO, notice=timedelta(days=30), limit=10), "ix_subscriptions_to_announce"),
        (queries.to_expire(at=LONG_AGO, limit=10), "ix_subscriptions_to_expire"),
    ],
)
def test_beat_reads_by_an_index(world, statement, index):
    with world.across.transaction() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}".replace(":", "\\:"))))
    assert index in plan
