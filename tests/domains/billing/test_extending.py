"""Renewals move the period on once for each quote, on the anchor day, and give it back when they are undone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.core.errors import Invalid
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import ExtendedSince, QuoteOfAnother, SubscriptionStateForbids
from app.domains.billing.models import SubscriptionExtension

START = datetime(2033, 1, 31, 12, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def extend(database, owner):
    """A function that extends a subscription for a quote."""

    def do(subscription, quote_id, **wanted):
        with database.transaction(owner) as session:
            return service.extend_subscription(session, subscription_id=subscription.id, quote_id=quote_id, **wanted)

    return do


@pytest.fixture
def restore(database, owner):
    """A function that undoes it."""

    def do(subscription, quote_id):
        with database.transaction(owner) as session:
            return service.restore_period(session, subscription_id=subscription.id, quote_id=quote_id)

    return do


@pytest.fixture
def period(now_is):
    """A function that tells where the period of a subscription begins and ends."""

    def look(subscription):
        found = now_is(subscription.id)
        return found.current_period_start, found.current_period_end

    return look


def test_a_quote_moves_the_period_on_once_and_the_anchor_day_stays(clock, subscribe, extend, period, told):
    clock(START)
    made, quote = subscribe(), new_id()
    first, again = extend(made, quote), extend(made, quote)
    assert first.id == again.id
    assert period(made) == (utc(2033, 2, 28), utc(2033, 3, 31))
    extend(made, new_id(), term_months=12)
    assert period(made) == (utc(2033, 3, 31), utc(2034, 3, 31))
    assert told(made.id) == ["created", "activated", "extended", "extended"]


def test_in_many_places_at_once_it_moves_once(clock, database, owner, subscribe, extend, period):
    clock(START)
    made, quote = subscribe(), new_id()
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda _: extend(made, quote), range(10)))
    assert period(made) == (utc(2033, 2, 28), utc(2033, 3, 31))
    with database.transaction(owner) as session:
        of_quote = select(func.count()).where(SubscriptionExtension.quote_id == quote)
        assert session.scalar(of_quote) == 1


def test_undone_it_is_as_before_and_may_be_extended_again(clock, subscribe, extend, restore, period, told):
    clock(START)
    made, quote = subscribe(), new_id()
    before = period(made)
    extend(made, quote)
    for _ in range(2):
        restore(made, quote)
    assert period(made) == before
    extend(made, quote, term_months=2)
    assert period(made) == (utc(2033, 2, 28), utc(2033, 4, 30))
    assert told(made.id)[2:] == ["extended", "extended"]


def test_what_extended_nothing_is_nothing_to_undo(clock, subscribe, restore, period):
    clock(START)
    made = subscribe()
    restore(made, new_id())
    assert period(made) == (utc(2033, 1, 31), utc(2033, 2, 28))


def test_the_last_is_undone_first(clock, subscribe, extend, restore, period):
    clock(START)
    made, first, second = subscribe(), new_id(), new_id()
    extend(made, first)
    extend(made, second)
    with pytest.raises(ExtendedSince):
        restore(made, first)
    restore(made, second)
    restore(made, first)
    assert period(made) == (utc(2033, 1, 31), utc(2033, 2, 28))


def test_one_that_was_to_end_does_so_again_when_its_renewal_is_undone(
    clock, world, sell, subscribe, extend, restore, now_is
):
    clock(START)
    made, quote = subscribe(plan=sell(renews_automatically=False).id), new_id()
    clock(utc(2033, 2, 27))
    with world.across.transaction() as session:
        service.announce_expiring(session, days=30)
    assert now_is(made.id).status == "expiring"
    extend(made, quote)
    assert now_is(made.id).status == "active"
    restore(made, quote)
    assert now_is(made.id).status == "expiring"


def test_it_goes_on_as_its_plan_is_sold_now_and_undone_as_it_was(
    clock, database, owner, sell, subscribe, extend, restore, now_is
):
    clock(START)
    old = sell()
    made, quote = subscribe(plan=old.id), new_id()
    dearer = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal(40))
    newer = sell(prices=(dearer,))
    said = {"code": old.code, "name": "Old", "currency": "USD", "billing_cycle": "monthly", "is_active": False}
    with database.transaction(owner) as session:
        service.update_plan(session, plan_id=old.id, fields=said | {"successor_id": newer.id}, prices=[dearer])
    extend(made, quote)
    assert (now_is(made.id).plan_id, now_is(made.id).amount) == (newer.id, Decimal(40))
    restore(made, quote)
    assert (now_is(made.id).plan_id, now_is(made.id).amount) == (old.id, Decimal(30))


def test_what_is_paid_late_goes_on_without_a_gap(clock, database, owner, subscribe, extend, now_is):
    clock(START)
    made = subscribe()
    with database.transaction(owner) as session:
        subscription = service.lock_subscription(session, subscription_id=made.id)
        service.move_to(session, subscription=subscription, status="past_due")
    clock(utc(2033, 3, 5))
    extend(made, new_id())
    after = now_is(made.id)
    assert (after.status, after.current_period_start, after.current_period_end) == (
        "active",
        utc(2033, 2, 28),
        utc(2033, 3, 31),
    )


def test_what_is_being_paid_for_outlives_its_period_by_the_days_of_grace(
    clock, world, database, owner, sell, subscribe, extend, now_is
):
    clock(START)
    plan = sell(renews_automatically=False).id
    paid, given_up, unasked = (subscribe(plan=plan) for _ in range(3))
    quote = new_id()
    with database.transaction(owner) as session:
        service.hold_for_renewal(session, subscription_id=paid.id, quote_id=quote)
        service.hold_for_renewal(session, subscription_id=given_up.id, quote_id=new_id())

    def states(at):
        clock(at)
        with world.across.transaction() as session:
            service.expire_subscriptions(session, grace_days=14)
        return [now_is(each.id).status for each in (paid, given_up, unasked)]

    assert states(utc(2033, 3, 5)) == ["active", "active", "expired"]
    extend(paid, quote)
    assert states(utc(2033, 3, 15)) == ["active", "expired", "expired"]


def test_a_quote_extends_one_subscription(clock, subscribe, extend):
    clock(START)
    quote = new_id()
    extend(subscribe(), quote)
    with pytest.raises(QuoteOfAnother):
        extend(subscribe(), quote)


def test_what_does_not_run_or_has_no_end_is_not_extended(database, owner, sell, subscribe, extend):
    pending, on_trial, stopped = subscribe(start=False), subscribe(trial_days=3), subscribe()
    once = service.Price(currency="USD", billing_cycle="one_time", amount=Decimal(5))
    endless = subscribe(plan=sell(prices=(once,), billing_cycle="one_time").id)
    with database.transaction(owner) as session:
        service.suspend_subscription(session, subscription_id=stopped.id)
    for each in (pending, on_trial, stopped, endless):
        with pytest.raises(SubscriptionStateForbids):
            extend(each, new_id())
    with pytest.raises(Invalid):
        extend(subscribe(), new_id(), term_months=0)


def test_its_renewals_are_listed(clock, database, owner, subscribe, extend):
    clock(START)
    made, quotes = subscribe(), [new_id(), new_id()]
    for quote in quotes:
        extend(made, quote)
    with database.transaction(owner) as session:
        listed = session.scalars(service.extensions_of(session, subscription_id=made.id)).all()
        assert {each.quote_id for each in listed} == set(quotes)
