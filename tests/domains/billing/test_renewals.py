"""What a renewal is offered for: on the database, with the seller's settings and the invoices that are owed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.core.errors import Invalid
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import SubscriptionNotFound
from app.domains.billing.rules.renewals import Obstacle
from app.domains.billing.service.invoices import bill_period
from tests.domains.billing.conftest import USD_MONTHLY

START = datetime(2032, 1, 31, 12, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def offer(database, owner):
    """A function that asks what a renewal would be."""

    def ask(subscription, **wanted):
        with database.transaction(owner) as session:
            return service.renewal_offer(session, subscription_id=subscription.id, **wanted)

    return ask


def obstacles(offer):
    return [reason.obstacle for reason in offer.eligibility.reasons]


def change(database, owner, plan, *, prices=(USD_MONTHLY,), **fields):
    said = {"code": plan.code, "name": plan.name, "currency": "USD", "billing_cycle": "monthly", **fields}
    with database.transaction(owner) as session:
        service.update_plan(session, plan_id=plan.id, fields=said, prices=prices)


def test_within_the_window_it_is_for_the_same_again(clock, subscribe, offer):
    clock(START)
    made = subscribe(quantity=2)
    clock(utc(2032, 2, 24, 12))
    offered = offer(made)
    assert (obstacles(offered), offered.eligibility.days_until_expiry) == ([], 4)
    assert (offered.list_price, offered.discount_amount, offered.amount) == (
        Decimal("60.00"),
        Decimal("0.00"),
        Decimal("60.00"),
    )
    assert (offered.currency, offered.term_months) == ("USD", 1)
    assert (offered.period_start, offered.period_end) == (utc(2032, 2, 29), utc(2032, 3, 31))


def test_a_term_and_a_discount_of_its_own(clock, subscribe, offer):
    clock(START)
    made = subscribe()
    clock(utc(2032, 2, 25))
    offered = offer(made, term_months=7, discount_percentage=Decimal("12.5"))
    assert (offered.list_price, offered.discount_amount, offered.amount) == (
        Decimal("210.00"),
        Decimal("26.25"),
        Decimal("183.75"),
    )
    assert offered.period_end == utc(2032, 9, 30)


@pytest.mark.parametrize("wrong", [{"term_months": 0}, {"term_months": 121}, {"discount_percentage": Decimal(101)}])
def test_what_cannot_be_offered_is_named(subscribe, offer, wrong):
    with pytest.raises(Invalid) as refused:
        offer(subscribe(), **wrong)
    assert [fault.pointer for fault in refused.value.faults] == [f"/{name}" for name in wrong]


def test_the_price_is_the_plan_s_of_now_and_the_current_one_stays(clock, database, owner, sell, subscribe, offer):
    clock(START)
    plan = sell()
    made = subscribe(plan=plan.id)
    dearer = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal("36.50"))
    change(database, owner, plan, prices=(dearer,))
    offered = offer(made)
    assert (offered.current_price, offered.renewal_price, offered.amount) == (
        Decimal("30.00"),
        Decimal("36.50"),
        Decimal("36.50"),
    )
    assert offered.plan.id == plan.id


def test_a_plan_that_is_not_sold_goes_on_as_its_successor(clock, database, owner, sell, subscribe, offer):
    clock(START)
    plan = sell()
    made = subscribe(plan=plan.id)
    clock(utc(2032, 2, 25))
    cheaper = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal(25))
    newer = sell(prices=(cheaper,))
    change(database, owner, plan, is_active=False, successor_id=newer.id)
    offered = offer(made)
    assert (obstacles(offered), offered.plan.id, offered.amount) == ([], newer.id, Decimal("25.00"))


@pytest.mark.parametrize("successor", ["none", "in another currency"])
def test_without_a_successor_that_is_sold_likewise_nothing_is_renewed(
    clock, database, owner, sell, subscribe, offer, successor
):
    clock(START)
    plan = sell()
    made = subscribe(plan=plan.id)
    clock(utc(2032, 2, 25))
    euros = service.Price(currency="EUR", billing_cycle="monthly", amount=Decimal(25))
    follows = None if successor == "none" else sell(prices=(euros,), currency="EUR").id
    change(database, owner, plan, is_active=False, successor_id=follows)
    offered = offer(made)
    assert (obstacles(offered), offered.plan) == ([Obstacle.PLAN_NOT_SOLD], None)


def test_every_reason_is_told_at_once(clock, database, owner, subscribe, offer):
    clock(START)
    made = subscribe(start=False)
    with database.transaction(owner) as session:
        service.update_subscription(session, subscription_id=made.id, changes={"is_set_to_end": True})
    assert obstacles(offer(made)) == [Obstacle.NOT_ACTIVE, Obstacle.SET_TO_END, Obstacle.TOO_EARLY]
    clock(utc(2032, 3, 1))
    assert obstacles(offer(made)) == [Obstacle.NOT_ACTIVE, Obstacle.SET_TO_END, Obstacle.ENDED]


def test_what_is_owed_stands_in_the_way_after_the_days_of_grace(clock, world, database, owner, subscribe, offer):
    clock(START)
    made = subscribe(billing_cycle="annual")
    with database.transaction(owner) as session:
        subscription = service.lock_subscription(session, subscription_id=made.id)
        start, end = subscription.current_period_start, subscription.current_period_end
        due_at = bill_period(session, subscription=subscription, period_start=start, period_end=end).due_at
    grace = timedelta(days=world.settings.renewal_grace_days)
    clock(due_at + grace - timedelta(hours=1))
    assert Obstacle.OVERDUE_INVOICE not in obstacles(offer(made))
    clock(due_at + grace + timedelta(hours=1))
    assert Obstacle.OVERDUE_INVOICE in obstacles(offer(made))


def test_what_has_no_end_needs_no_renewal(sell, subscribe, offer):
    once = service.Price(currency="USD", billing_cycle="one_time", amount=Decimal(5))
    made = subscribe(plan=sell(prices=(once,), billing_cycle="one_time").id)
    offered = offer(made)
    assert (obstacles(offered), offered.eligibility.days_until_expiry) == ([Obstacle.NO_TERM], None)


def test_a_year_may_be_renewed_for_thirty_days(clock, subscribe, offer):
    clock(START)
    made = subscribe(billing_cycle="annual", start_date=date(2032, 1, 31))
    clock(utc(2032, 12, 31))
    assert obstacles(offer(made)) == [Obstacle.TOO_EARLY]
    clock(utc(2033, 1, 1, 0, 1))
    assert obstacles(offer(made)) == []


def test_another_owner_is_offered_nothing(database, subscribe):
    made = subscribe()
    with database.transaction(new_id()) as session, pytest.raises(SubscriptionNotFound):
        service.renewal_offer(session, subscription_id=made.id)
