"""What beat does with periods: announced once, ended once, followed by the next and billed once; by an index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update

from app.core.ids import new_id
from app.domains.billing import queries, service
from app.domains.billing.models import Invoice, Subscription
from app.jobs import JOBS

LONG_AGO = datetime(2001, 1, 31, 12, tzinfo=UTC)
NOON = datetime(2031, 1, 31, 12, tzinfo=UTC)
GRACE_DAYS = 14


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.fixture
def subscription(database, owner):
    """A function that makes a tenant's subscription whose period ends in so many days, as activation does."""

    def make(*, ends_in_days, term_days=30, **fields):
        with database.transaction(owner) as session:
            made = service.open_account(
                session,
                tenant_id=new_id(),
                slug="example-isp",
                name="Example ISP Inc.",
                email="billing@example.com",
                currency="USD",
                amount=Decimal("348.00"),
                billing_cycle="monthly",
                order_id=42,
                service_codes=["billing-invoicing"],
            ).subscription
            end = made.current_period_start + timedelta(days=ends_in_days)
            session.execute(
                update(Subscription)
                .where(Subscription.id == made.id)
                .values(current_period_start=end - timedelta(days=term_days), current_period_end=end, **fields)
            )
            return made.id

    return make


@pytest.fixture
def status(now_is, told):
    """A function that tells a subscription's status, and its events after the first."""
    return lambda subscription_id: (now_is(subscription_id).status, told(subscription_id)[1:])


@pytest.fixture
def billed(database, owner):
    """A function that tells the periods of a subscription's invoices, the earliest first."""

    def look(subscription_id):
        periods = select(Invoice.period_start, Invoice.period_end).where(Invoice.subscription_id == subscription_id)
        with database.transaction(owner) as session:
            return [tuple(row) for row in session.execute(periods.order_by(Invoice.period_start))]

    return look


def until_done(world, work):
    """Run a beat job until it has nothing left; other tests' rows may be among them."""
    while True:
        with world.across.transaction() as session:
            if work(session) == 0:
                return


def announce(world, days=30):
    until_done(world, lambda session: service.announce_expiring(session, days=days, limit=3))


def expire(world):
    until_done(world, lambda session: service.expire_subscriptions(session, grace_days=GRACE_DAYS, limit=3))


BY_THE_YEAR = {"renews_automatically": True, "billing_cycle": "annual"}


@pytest.mark.parametrize(
    ("fields", "noticed"),
    [
        ({"ends_in_days": 7}, True),
        ({"ends_in_days": 8}, False),
        ({"ends_in_days": 29, "term_days": 365}, True),
        ({"ends_in_days": 31, "term_days": 365}, False),
        ({"ends_in_days": 29, "term_days": 365, **BY_THE_YEAR}, True),
        ({"ends_in_days": 1, "renews_automatically": True}, False),
        ({"ends_in_days": 1, "is_set_to_end": True}, False),
        ({"ends_in_days": 1, "status": "cancelled"}, False),
    ],
)
def test_who_is_told_of_the_end_and_when(world, status, subscription, fields, noticed):
    subscription_id = subscription(**fields)
    announce(world)
    announce(world)
    state, events = status(subscription_id)
    assert events == (["expiring_soon"] if noticed else [])
    assert (state == "expiring") == (noticed and not fields.get("renews_automatically", False))


def test_each_period_is_announced_once(world, database, owner, status, subscription):
    subscription_id = subscription(ends_in_days=5)
    announce(world)
    with database.transaction(owner) as session:
        row = service.lock_subscription(session, subscription_id=subscription_id)
        row.current_period_start, row.status = row.current_period_end, "active"
        row.current_period_end = row.current_period_end + timedelta(days=30)
    announce(world)
    assert status(subscription_id)[1] == ["expiring_soon"]
    with database.transaction(owner) as session:
        row = service.lock_subscription(session, subscription_id=subscription_id)
        row.current_period_start -= timedelta(days=28)
        row.current_period_end -= timedelta(days=28)
    announce(world)
    assert status(subscription_id)[1] == ["expiring_soon"] * 2


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"ends_in_days": -1}, "expired"),
        ({"ends_in_days": -1, "status": "expiring"}, "expired"),
        ({"ends_in_days": 1}, "active"),
        # the next month follows
        ({"ends_in_days": -20, "renews_automatically": True}, "active"),
        ({"ends_in_days": -20, "renews_automatically": True, "status": "past_due"}, "past_due"),
        # cancelled for its end
        ({"ends_in_days": -1, "renews_automatically": True, "is_set_to_end": True}, "cancelled"),
        # somebody may still pay
        ({"ends_in_days": -13, **BY_THE_YEAR}, "active"),
        ({"ends_in_days": -13, "status": "past_due"}, "past_due"),
        ({"ends_in_days": -13, "status": "suspended", "renews_automatically": True}, "suspended"),
        # nobody did
        ({"ends_in_days": -15, **BY_THE_YEAR}, "expired"),
        ({"ends_in_days": -15, "status": "past_due"}, "expired"),
        ({"ends_in_days": -15, "status": "suspended", "renews_automatically": True}, "expired"),
    ],
)
def test_what_ends_with_its_period_and_what_does_not(world, status, now_is, subscription, fields, state):
    subscription_id = subscription(**fields)
    expire(world)
    expire(world)
    assert status(subscription_id) == (state, [state] if state in {"expired", "cancelled"} else [])
    assert (now_is(subscription_id).suspended_at is not None) == (state in {"expired", "cancelled"})
    assert (now_is(subscription_id).cancelled_at is not None) == (state == "cancelled")


def test_two_places_at_once_announce_and_expire_each_once(world, status, subscription):
    soon = [subscription(ends_in_days=1) for _ in range(6)]
    over = [subscription(ends_in_days=-1) for _ in range(6)]

    def both(_):
        announce(world)
        expire(world)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(both, range(2)))
    assert {status(each)[1].count("expiring_soon") for each in soon} == {1}
    assert {status(each)[1].count("expired") for each in over} == {1}


def test_a_month_follows_by_itself_and_is_billed_once_however_often_it_runs(
    clock, world, subscribe, now_is, told, billed
):
    clock(NOON)
    made = subscribe()
    clock(utc(2031, 2, 28))
    for _ in range(2):
        service.renew_automatically(world)
    after = now_is(made.id)
    assert (after.current_period_start, after.current_period_end) == (utc(2031, 2, 28), utc(2031, 3, 31))
    assert billed(made.id) == [(utc(2031, 2, 28), utc(2031, 3, 31))]
    assert told(made.id) == ["created", "activated", "extended"]


def test_two_places_at_once_bill_a_month_once(clock, world, subscribe, billed):
    clock(NOON)
    made = [subscribe() for _ in range(8)]
    clock(utc(2031, 3, 1))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: service.renew_automatically(world, limit=3), range(3)))
    assert [len(billed(each.id)) for each in made] == [1] * 8


def test_after_a_standstill_each_month_is_billed(clock, world, subscribe, now_is, billed):
    clock(NOON)
    made = subscribe()
    clock(utc(2031, 5, 2))
    service.renew_automatically(world)
    assert [start for start, _ in billed(made.id)] == [utc(2031, 2, 28), utc(2031, 3, 31), utc(2031, 4, 30)]
    assert now_is(made.id).current_period_end == utc(2031, 5, 31)


def test_who_does_not_renew_by_itself_is_not_billed(clock, world, database, owner, sell, subscribe, now_is):
    clock(NOON)
    by_hand, set_to_end, yearly = subscribe(plan=sell(renews_automatically=False).id), subscribe(), subscribe()
    suspended, pending = subscribe(), subscribe(start=False)
    with database.transaction(owner) as session:
        service.cancel_subscription(session, subscription_id=set_to_end.id, at_period_end=True)
        service.suspend_subscription(session, subscription_id=suspended.id)
        session.execute(update(Subscription).where(Subscription.id == yearly.id).values(billing_cycle="annual"))
    clock(utc(2031, 3, 1))
    service.renew_automatically(world)
    ends = {now_is(each.id).current_period_end for each in (by_hand, set_to_end, yearly, suspended, pending)}
    assert ends == {utc(2031, 2, 28)}


def test_one_that_was_cancelled_before_its_turn_is_not_billed(
    clock, world, database, owner, subscribe, now_is, billed, monkeypatch
):
    clock(NOON)
    kept, gone, on_trial = subscribe(), subscribe(), subscribe(trial_days=28)
    clock(utc(2031, 2, 28))
    find, leaving = queries.find_due, [gone.id, on_trial.id]

    def cancelled_meanwhile(session, statement):
        found = find(session, statement)
        for each in {due.subscription_id for due in found} & set(leaving):
            with database.transaction(owner) as other:
                service.cancel_subscription(other, subscription_id=each)
            leaving.remove(each)
        return found

    monkeypatch.setattr(queries, "find_due", cancelled_meanwhile)
    service.renew_automatically(world)
    assert service.end_trials(world).failed == 0
    assert leaving == []
    assert [len(billed(each.id)) for each in (kept, gone, on_trial)] == [1, 0, 0]
    assert now_is(on_trial.id).status == "cancelled"


def test_one_that_cannot_be_billed_stops_no_other(clock, world, database, owner, subscribe, now_is, caplog):
    clock(NOON)
    first, broken, last = (subscribe() for _ in range(3))
    with database.transaction(owner) as session:
        # there is no such zone, so nobody can say where its period ends
        session.execute(update(Subscription).where(Subscription.id == broken.id).values(time_zone="Mars/Olympus"))
    clock(utc(2031, 2, 28))
    run = service.renew_automatically(world, limit=2)
    assert run.failed >= 1
    assert str(broken.id) in caplog.text
    ends = [now_is(each.id).current_period_end for each in (first, broken, last)]
    assert ends == [utc(2031, 3, 31), utc(2031, 2, 28), utc(2031, 3, 31)]
    with database.transaction(owner) as session:
        service.cancel_subscription(session, subscription_id=broken.id)  # no other test is to meet it


def test_the_months_of_a_tenant_s_service_keep_its_time_of_day(clock, world, subscription, now_is):
    clock(utc(2031, 6, 15, 9, 30))
    made = subscription(ends_in_days=30, renews_automatically=True)
    end = now_is(made).current_period_end
    clock(end)
    service.renew_automatically(world)
    after = now_is(made)
    assert after.current_period_start == end
    assert (after.current_period_end.date(), after.current_period_end.time()) == (utc(2031, 8, 15).date(), end.time())


def test_a_trial_ends_once_and_its_first_period_is_billed(clock, world, subscribe, now_is, told, billed):
    clock(NOON)
    made = subscribe(trial_days=14)
    service.end_trials(world)
    assert now_is(made.id).status == "trialing"
    clock(utc(2031, 2, 14))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: service.end_trials(world), range(2)))
    assert now_is(made.id).status == "active"
    assert billed(made.id) == [(utc(2031, 2, 14), utc(2031, 3, 14))]
    assert told(made.id) == ["created", "activated", "trial_ended"]


def test_a_trial_that_was_set_to_end_is_not_billed(clock, world, database, owner, subscribe, now_is, billed):
    clock(NOON)
    made = subscribe(trial_days=14)
    with database.transaction(owner) as session:
        service.cancel_subscription(session, subscription_id=made.id, at_period_end=True)
    clock(utc(2031, 2, 15))
    service.end_trials(world)
    assert (now_is(made.id).status, billed(made.id)) == ("cancelled", [])


def test_beat_says_what_it_did(clock, world, subscribe):
    clock(NOON)
    subscribe()
    subscribe(trial_days=14)
    clock(utc(2031, 2, 28))
    assert JOBS["renew_subscriptions"].run(world).split(" ", 1)[1].startswith("subscriptions renewed by themselves")
    assert JOBS["end_trials"].run(world).split(" ", 1)[1].startswith("trials ended")


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        # what is to be announced is among what is to expire: either index will do where there is little
        (queries.to_announce(at=LONG_AGO, notice=timedelta(days=30), limit=10), "ix_subscriptions_to_"),
        (queries.to_expire(at=LONG_AGO, grace=timedelta(days=14), limit=10), "ix_subscriptions_to_expire"),
    ],
)
def test_beat_reads_by_an_index(world, statement, index):
    with world.across.transaction() as session:
        assert index in plan_of(session, statement)


@pytest.mark.parametrize(
    ("look", "index"),
    [(queries.to_renew, "ix_subscriptions_to_renew"), (queries.trials_over, "ix_subscriptions_on_trial")],
)
def test_beat_goes_on_by_an_index(world, look, index):
    after = queries.Due(new_id(), new_id(), LONG_AGO)
    statement = look(at=LONG_AGO + timedelta(days=1), after=after, limit=10)
    with world.across.transaction() as session:
        assert index in plan_of(session, statement)
        assert queries.find_due(session, statement) == []


def plan_of(session, statement):
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("SET LOCAL enable_bitmapscan = off"))
    compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
    return "\n".join(session.scalars(text(f"EXPLAIN {compiled}".replace(":", "\\:"))))
