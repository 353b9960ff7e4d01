"""Subscriptions on the database: made once, by the seller's calendar, and run, stopped and ended as their states allow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from app.core.audit import AuditEntry
from app.core.errors import Invalid, NotFound
from app.core.ids import OPERATOR_ID, new_id
from app.domains.billing import service
from app.domains.billing.errors import (
    PlanNotFound,
    PlanNotSold,
    SubscriptionNotFound,
    SubscriptionOfAnother,
    SubscriptionStateForbids,
)
from app.domains.billing.models import Invoice, Subscription
from app.domains.customers import service as customers
from app.domains.tenants.models import Tenant

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def set_zone(database, owner, name):
    """The tenant is the operator's to change."""
    with database.transaction(OPERATOR_ID) as session:
        session.execute(update(Tenant).where(Tenant.id == owner).values(settings={"time_zone": name}))


@pytest.fixture
def in_berlin(database, owner):
    """The seller's calendar is Berlin's."""
    set_zone(database, owner, "Europe/Berlin")


@pytest.fixture
def invoices_of(database, owner):
    """A function that tells first day, end and amount of a subscription's invoices, the earliest first."""

    def look(subscription_id):
        billed = select(Invoice.period_start, Invoice.period_end, Invoice.net_amount)
        with database.transaction(owner) as session:
            found = session.execute(
                billed.where(Invoice.subscription_id == subscription_id).order_by(Invoice.period_start)
            )
            return [tuple(row) for row in found]

    return look


def test_a_subscription_begins_pending_by_the_plan_s_terms(clock, sell, subscribe, told):
    clock(NOON)
    plan = sell(renews_automatically=False)
    made = subscribe(plan=plan.code, start=False, quantity=3)
    assert (made.status, made.plan_id, made.quantity, made.amount, made.currency) == (
        "pending",
        plan.id,
        3,
        Decimal("90.00"),
        "USD",
    )
    assert (made.billing_cycle, made.renews_automatically, made.started_at) == ("monthly", False, None)
    assert (made.current_period_start, made.current_period_end) == (utc(2030, 1, 31), utc(2030, 2, 28))
    assert told(made.id) == ["created"]


def test_its_days_are_those_of_the_seller_s_calendar(clock, in_berlin, subscribe):
    # 23:30 in London on 30 January is half past midnight in Berlin
    clock(utc(2030, 1, 30, 23, 30))
    made = subscribe(start=False)
    assert (made.time_zone, made.anchor_day) == ("Europe/Berlin", 31)
    begins, ends = (
        moment.astimezone(BERLIN).replace(tzinfo=None)
        for moment in (made.current_period_start, made.current_period_end)
    )
    assert (begins, ends) == (datetime(2030, 1, 31), datetime(2030, 2, 28))  # noqa: DTZ001 - local days


def test_a_time_zone_that_there_is_not_is_named(database, owner, subscribe):
    set_zone(database, owner, "Mars/Olympus")
    with pytest.raises(Invalid, match="Mars/Olympus"):
        subscribe()


def test_a_year_on_leap_day_ends_on_the_last_of_february(subscribe):
    made = subscribe(start=False, billing_cycle="annual", start_date=date(2028, 2, 29))
    assert (made.current_period_end, made.amount) == (utc(2029, 2, 28), Decimal("300.00"))


def test_what_is_paid_once_has_no_end(sell, subscribe):
    once = service.Price(currency="USD", billing_cycle="one_time", amount=Decimal("500.00"))
    made = subscribe(plan=sell(prices=(once,), billing_cycle="one_time").id)
    assert (made.current_period_end, made.renews_automatically) == (None, False)


def test_the_price_is_the_one_in_the_customer_s_currency(database, owner, sell, subscribe, new_customer):
    euros = service.Price(currency="EUR", billing_cycle="monthly", amount=Decimal("28.00"))
    dollars = service.Price(currency="USD", billing_cycle="monthly", amount=Decimal("30.00"))
    plan = sell(prices=(euros, dollars))
    european, japanese = new_customer(currency="EUR"), new_customer(currency="JPY")
    assert subscribe(plan=plan.id, customer_id=european).amount == Decimal("28.00")
    assert subscribe(plan=plan.id).currency == "USD"
    with pytest.raises(PlanNotSold, match="no monthly price in JPY"):
        subscribe(plan=plan.id, customer_id=japanese)


def test_what_is_not_there_or_not_sold_is_refused(sell, subscribe):
    with pytest.raises(NotFound):
        subscribe(customer_id=new_id())
    with pytest.raises(PlanNotFound):
        subscribe(plan="none")
    with pytest.raises(PlanNotSold, match="not sold any more"):
        subscribe(plan=sell(is_active=False).id)


def test_what_cannot_be_is_named_all_at_once(subscribe):
    with pytest.raises(Invalid) as refused:
        subscribe(quantity=0, trial_days=-1, start_date=date(1830, 1, 1), billing_cycle="weekly")
    pointers = [fault.pointer for fault in refused.value.faults]
    assert pointers == ["/quantity", "/trial_days", "/start_date", "/billing_cycle"]


def test_asking_again_finds_it_and_after_its_end_makes_another(database, owner, subscribe, new_customer):
    plan = subscribe().plan_id
    first, again = (subscribe(plan=plan, key="step 1") for _ in range(2))
    assert again.id == first.id
    with pytest.raises(SubscriptionOfAnother):
        subscribe(plan=plan, key="step 1", customer_id=new_customer())
    with database.transaction(owner) as session:
        service.cancel_subscription(session, subscription_id=first.id)
    assert subscribe(plan=plan, key="step 1").id != first.id


def test_asking_in_many_places_at_once_makes_one(database, owner, customer, sell):
    plan = sell().id

    def make(_):
        with database.transaction(owner) as session:
            return service.create_subscription(session, customer_id=customer, plan=plan, key="one").id

    with ThreadPoolExecutor(5) as threads:
        assert len(set(threads.map(make, range(10)))) == 1
    with database.transaction(owner) as session:
        assert session.scalar(select(func.count()).where(Subscription.customer_id == customer)) == 1


def test_its_service_starts_once(clock, database, owner, subscribe, told):
    clock(NOON)
    made = subscribe(start=False)
    for _ in range(2):
        with database.transaction(owner) as session:
            started = service.start_subscription(session, subscription_id=made.id)
    assert started.status == "active"
    assert NOON <= started.started_at < NOON + timedelta(minutes=1)
    assert told(made.id) == ["created", "activated"]


def test_periods_before_the_service_ran_are_passed_over(clock, database, owner, subscribe):
    clock(NOON)
    made = subscribe(start=False)
    clock(utc(2030, 4, 15))
    with database.transaction(owner) as session:
        started = service.start_subscription(session, subscription_id=made.id)
    assert (started.current_period_start, started.current_period_end) == (utc(2030, 3, 31), utc(2030, 4, 30))


def test_a_trial_counts_from_the_start_of_the_service(clock, database, owner, sell, subscribe, told):
    clock(NOON)
    made = subscribe(start=False, plan=sell(trial_days=14).id)
    assert made.trial_ends_at == made.current_period_start == utc(2030, 2, 14)
    clock(utc(2030, 2, 10, 9))
    with database.transaction(owner) as session:
        started = service.start_subscription(session, subscription_id=made.id)
    assert (started.status, started.trial_ends_at) == ("trialing", utc(2030, 2, 24))
    assert (started.current_period_start, started.current_period_end) == (utc(2030, 2, 24), utc(2030, 3, 24))
    assert told(made.id) == ["created", "activated"]


def test_a_trial_of_its_own_comes_before_the_plan_s(sell, subscribe):
    assert subscribe(plan=sell(trial_days=14).id, trial_days=0).status == "active"


def test_a_suspended_service_goes_on_in_its_period_for_nothing(database, owner, subscribe, told, invoices_of):
    made = subscribe()
    with database.transaction(owner) as session:
        for _ in range(2):
            stopped = service.suspend_subscription(session, subscription_id=made.id, reason="not paid")
        assert (stopped.status, stopped.suspended_at is None) == ("suspended", False)
    with database.transaction(owner) as session:
        for _ in range(2):
            resumed = service.resume_subscription(session, subscription_id=made.id)
        assert (resumed.status, resumed.suspended_at) == ("active", None)
        entry = session.scalars(
            select(AuditEntry).where(
                AuditEntry.object == f"subscription/{made.id}", AuditEntry.action == "subscription.suspended"
            )
        ).one()
        assert (entry.reason, entry.before["status"], entry.after["status"]) == ("not paid", "active", "suspended")
    assert told(made.id) == ["created", "activated", "suspended", "resumed"]
    assert invoices_of(made.id) == []


def test_after_its_month_a_period_begins_with_the_day_it_goes_on(clock, database, owner, subscribe, invoices_of):
    clock(NOON)
    made = subscribe()
    with database.transaction(owner) as session:
        service.suspend_subscription(session, subscription_id=made.id)
    clock(utc(2030, 5, 10, 9))
    with database.transaction(owner) as session:
        resumed = service.resume_subscription(session, subscription_id=made.id)
    assert (resumed.current_period_start, resumed.current_period_end) == (utc(2030, 5, 10), utc(2030, 6, 10))
    assert invoices_of(made.id) == [(utc(2030, 5, 10), utc(2030, 6, 10), Decimal("30.00"))]


def test_a_trial_that_was_stopped_is_over_when_the_service_goes_on(clock, database, owner, subscribe, invoices_of):
    clock(NOON)
    made = subscribe(trial_days=30)
    for day in (2, 3):
        with database.transaction(owner) as session:
            service.suspend_subscription(session, subscription_id=made.id)
        clock(utc(2030, 2, day, 9))
        with database.transaction(owner) as session:
            resumed = service.resume_subscription(session, subscription_id=made.id)
    assert (resumed.status, resumed.current_period_start) == ("active", utc(2030, 2, 2))
    assert invoices_of(made.id) == [(utc(2030, 2, 2), utc(2030, 3, 2), Decimal("30.00"))]


def test_what_ended_by_itself_meanwhile_does_not_go_on(clock, database, owner, sell, subscribe):
    clock(NOON)
    made = subscribe(plan=sell(renews_automatically=False).id)
    with database.transaction(owner) as session:
        service.suspend_subscription(session, subscription_id=made.id)
    clock(utc(2030, 3, 1))
    with database.transaction(owner) as session, pytest.raises(SubscriptionStateForbids, match="2030-02-28"):
        service.resume_subscription(session, subscription_id=made.id)


def test_what_has_not_begun_is_neither_suspended_nor_resumed(database, owner, subscribe):
    pending = subscribe(start=False)
    with database.transaction(owner) as session:
        with pytest.raises(SubscriptionStateForbids):
            service.suspend_subscription(session, subscription_id=pending.id)
        with pytest.raises(SubscriptionStateForbids, match="pending"):
            service.resume_subscription(session, subscription_id=pending.id)


def test_cancelled_is_for_good(database, owner, subscribe, told):
    made = subscribe()
    with database.transaction(owner) as session:
        for _ in range(2):
            ended = service.cancel_subscription(session, subscription_id=made.id, reason="moved away")
        assert (ended.status, ended.cancelled_at is None) == ("cancelled", False)
        with pytest.raises(SubscriptionStateForbids):
            service.start_subscription(session, subscription_id=made.id)
        with pytest.raises(SubscriptionStateForbids):
            service.update_subscription(session, subscription_id=made.id, changes={"renews_automatically": True})
    assert told(made.id) == ["created", "activated", "cancelled"]


def test_cancelled_for_its_end_it_runs_on_and_that_may_be_taken_back(database, owner, subscribe, told):
    made = subscribe()
    with database.transaction(owner) as session:
        for _ in range(2):
            kept = service.cancel_subscription(session, subscription_id=made.id, at_period_end=True)
        assert (kept.status, kept.is_set_to_end) == ("active", True)
        kept = service.update_subscription(session, subscription_id=made.id, changes={"is_set_to_end": False})
        assert (kept.is_set_to_end, kept.renews_automatically) == (False, True)
    assert told(made.id) == ["created", "activated"]


def test_what_has_no_end_is_not_set_to_end(database, owner, sell, subscribe):
    once = service.Price(currency="USD", billing_cycle="one_time", amount=Decimal(5))
    made = subscribe(plan=sell(prices=(once,), billing_cycle="one_time").id)
    with database.transaction(owner) as session:
        with pytest.raises(SubscriptionStateForbids, match="at once"):
            service.cancel_subscription(session, subscription_id=made.id, at_period_end=True)
        with pytest.raises(Invalid):
            service.update_subscription(session, subscription_id=made.id, changes={"renews_automatically": True})


def test_what_never_began_ends_at_once(database, owner, subscribe):
    made = subscribe(start=False)
    with database.transaction(owner) as session:
        ended = service.cancel_subscription(session, subscription_id=made.id, at_period_end=True)
    assert ended.status == "cancelled"


def test_one_that_was_announced_and_is_to_renew_by_itself_does_not_expire_any_more(database, owner, sell, subscribe):
    made = subscribe(plan=sell(renews_automatically=False).id)
    with database.transaction(owner) as session:
        subscription = service.lock_subscription(session, subscription_id=made.id)
        subscription.notice_sent_for = subscription.current_period_end
        service.move_to(session, subscription=subscription, status="expiring")
        changed = service.update_subscription(session, subscription_id=made.id, changes={"renews_automatically": True})
    assert changed.status == "active"


def test_paid_again_is_what_it_was_before(database, owner, sell, subscribe):
    announced, other = subscribe(plan=sell(renews_automatically=False).id), subscribe()
    with database.transaction(owner) as session:
        for made, stands in ((announced, "expiring"), (other, "active")):
            subscription = service.lock_subscription(session, subscription_id=made.id)
            if stands == "expiring":
                subscription.notice_sent_for = subscription.current_period_end
            service.move_to(session, subscription=subscription, status="past_due")
            assert service.move_to(session, subscription=subscription, status="active").status == stands


def test_a_customer_who_subscribed_stays(database, owner, customer, subscribe):
    subscribe()
    with database.transaction(owner) as session:
        assert customers.delete_customer(session, customer_id=customer) is customers.Removal.DEACTIVATED


def test_another_owner_sees_none_of_it(database, subscribe):
    made = subscribe()
    with database.transaction(new_id()) as session:
        assert session.scalars(service.all_subscriptions()).all() == []
        with pytest.raises(SubscriptionNotFound):
            service.get_subscription(session, subscription_id=made.id)
