"""Deployments that begin at a time: planned once, begun once, only while a window is open."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, time, timedelta
from itertools import count
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.core.audit import AuditEntry
from app.core.clock import utc_now
from app.core.db import CLOCK_OFFSET
from app.core.events import OutboxEvent
from app.core.ids import OPERATOR_ID, new_id
from app.domains.deployments import service
from app.domains.deployments.errors import (
    AlreadyScheduled,
    ScheduleNotFound,
    ScheduleOver,
    TimeRefused,
    TooManyWindows,
    WindowInvalid,
    WindowNotFound,
)
from app.domains.deployments.models import ScheduledDeployment
from app.domains.deployments.operations import OPERATIONS
from app.domains.deployments.service import windows
from app.domains.tenants.models import Tenant
from tests.calls import DirectCall, perform

NOON = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)
"""A Wednesday."""
NIGHT = {
    "name": "Nights",
    "weekdays": ["thu", "tue"],
    "starts_at": time(23, 0),
    "duration_minutes": 180,
    "time_zone": "UTC",
}

orders = count(1_000_000)


@pytest.fixture
def order():
    """The id of an order; deployments know no more of one."""
    return next(orders)


@contextmanager
def business_time(session, at):
    """Let it be that time for this transaction."""
    session.info[CLOCK_OFFSET] = at - utc_now()
    yield session


@pytest.fixture
def at(database, owner):
    """A function that opens a transaction of the owner's at a time."""

    @contextmanager
    def opened(moment=NOON, *, owner_id=owner):
        with database.transaction(owner_id) as session, business_time(session, moment):
            yield session

    return opened


@pytest.fixture
def schedule(at, order):
    """A function that schedules the order's deployment; returns its row."""

    def scheduled(*, now=NOON, key=None, order_id=order, **params):
        with at(now) as session:
            key = key or f"test/{new_id()}"
            return service.schedule_deployment(session, order_id=order_id, key=key, **params)

    return scheduled


@pytest.fixture
def begin(world):
    """A function that begins what is due at a time, wherever it is."""

    def started(now):
        with world.across.transaction() as session, business_time(session, now):
            return service.start_due_deployments(session, limit=1000)

    return started


@pytest.fixture
def window(at):
    """A function that makes a maintenance window."""

    def made(**changes):
        with at() as session:
            return service.create_window(session, fields=NIGHT | changes)

    return made


@pytest.fixture
def look(database, owner):
    """A function that reads a scheduled deployment as it is now."""

    def found(schedule_id):
        with database.transaction(owner) as session:
            return service.get_schedule(session, schedule_id=schedule_id)

    return found


@pytest.fixture
def told(database, owner):
    """A function that says which events a scheduled deployment has had."""

    def events(schedule_id):
        with database.transaction(owner) as session:
            subject = f"scheduled_deployment/{schedule_id}"
            return list(
                session.scalars(
                    select(OutboxEvent.type).where(OutboxEvent.subject == subject).order_by(OutboxEvent.position)
                )
            )

    return events


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_windows_it_begins_with_the_next_minute(schedule, order, told, database, owner):
    made = schedule()
    assert (made.order_id, made.state, made.scheduled_for) == (order, "scheduled", utc("2026-03-04 12:01"))
    assert told(made.id) == ["deployment.scheduled"]
    with database.transaction(owner) as session:
        acts = select(AuditEntry.action).where(AuditEntry.object == f"scheduled_deployment/{made.id}")
        assert list(session.scalars(acts)) == ["deployment.scheduled"]


def test_with_windows_it_begins_when_the_next_one_opens(schedule, window):
    window()
    assert schedule().scheduled_for == utc("2026-03-05 23:00")


def test_a_window_that_is_not_active_is_none(schedule, window):
    window(is_active=False)
    assert schedule().scheduled_for == utc("2026-03-04 12:01")


def test_a_region_keeps_to_its_own_windows(schedule, window):
    window()
    window(region="north", weekdays=["sat"])
    assert schedule(order_id=1, region="north").scheduled_for == utc("2026-03-07 23:00")
    assert schedule(order_id=2, region="south").scheduled_for == utc("2026-03-05 23:00")


def test_days_and_times_are_the_owner_s(schedule, at, owner, order):
    with at(owner_id=OPERATOR_ID) as session:
        session.execute(update(Tenant).where(Tenant.id == owner).values(settings={"time_zone": "America/New_York"}))
    assert schedule(order_id=1, at="2026-03-10").scheduled_for == utc("2026-03-10 04:00")
    assert schedule(order_id=2, at="2026-03-10T09:00:00").scheduled_for == utc("2026-03-10 13:00")
    assert schedule(order_id=3, at="2026-03-10T09:00:00Z").scheduled_for == utc("2026-03-10 09:00")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("2026-03-04T12:00:00Z", "not in the future"),
        ("2026-03-06T12:00:00Z", "The next one opens at 2026-03-10T23:00Z"),
        ("2026-03-07", "the next time is 2026-03-10T23:00Z"),
        ("next week", "neither a day"),
    ],
)
def test_a_time_that_will_not_do_is_refused_and_another_named(schedule, window, said, why):
    window()
    with pytest.raises(TimeRefused, match=why) as refused:
        schedule(at=said)
    assert [fault.pointer for fault in refused.value.faults] == ["/scheduled_at"]


def test_whoever_asks_again_finds_the_first(schedule, told):
    first = schedule(key="one")
    assert schedule(key="one", at="2026-06-01").id == first.id
    assert schedule(key="two").id == first.id
    assert schedule(key="three", at="2026-03-04").id == first.id
    assert told(first.id) == ["deployment.scheduled"]


def test_an_order_does_not_wait_for_two_times(schedule):
    schedule(at="2026-03-10")
    with pytest.raises(AlreadyScheduled):
        schedule(at="2026-03-11")


def test_two_at_once_are_one(at, order):
    def ask(key):
        with at() as session:
            return service.schedule_deployment(session, order_id=order, key=key).id

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(ask, ["a", "a", "b", "c"]))) == 1


def test_two_at_once_for_two_times_are_one_and_a_refusal(at, order):
    def ask(day):
        try:
            with at() as session:
                return service.schedule_deployment(session, order_id=order, key=day, at=day).state
        except AlreadyScheduled:
            return "refused"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(ask, ["2026-03-10", "2026-03-11"])) == ["refused", "scheduled"]


def test_what_was_called_off_can_be_scheduled_again(schedule, at, look, told):
    first = schedule(key="one")
    for _ in range(2):
        with at() as session:
            service.cancel_scheduled_deployment(session, schedule_id=first.id)
    assert look(first.id).state == "cancelled"
    assert told(first.id) == ["deployment.scheduled", "deployment.unscheduled"]
    assert schedule(key="one").id != first.id


def test_it_can_be_moved_while_it_waits(schedule, at, window, look, told, begin):
    window()
    made = schedule()
    with at() as session:
        service.reschedule_deployment(session, schedule_id=made.id, at="2026-03-10T23:30:00Z")
    assert look(made.id).scheduled_for == utc("2026-03-10 23:30")
    assert told(made.id) == ["deployment.scheduled"] * 2
    with at() as session, pytest.raises(TimeRefused):
        service.reschedule_deployment(session, schedule_id=made.id, at="2026-03-10T22:30:00Z")
    begin(utc("2026-03-10 23:30"))
    for late in (service.reschedule_deployment, service.cancel_scheduled_deployment):
        with at() as session, pytest.raises(ScheduleOver, match="has begun"):
            late(session, schedule_id=made.id)


def test_it_begins_once_when_its_time_has_come(schedule, begin, look, told, order, database, owner):
    made = schedule()
    begin(utc("2026-03-04 12:00:59"))
    assert look(made.id).state == "scheduled"
    for late in range(3):
        begin(utc("2026-03-04 12:01") + timedelta(minutes=late))
    found = look(made.id)
    assert found.state == "started"
    assert utc("2026-03-04 12:01") <= found.started_at < utc("2026-03-04 12:02")
    assert told(made.id) == ["deployment.scheduled", "deployment.due"]
    with database.transaction(owner) as session:
        due = session.scalars(select(OutboxEvent).where(OutboxEvent.type == "deployment.due")).one()
        assert (due.data["scheduled_deployment_id"], due.data["order_id"]) == (str(made.id), order)
        assert due.owner_id == owner


def test_in_two_places_at_once_it_begins_once(schedule, begin, told):
    made = [schedule(order_id=next(orders)).id for _ in range(8)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(begin, [utc("2026-03-04 12:05")] * 3))
    for each in made:
        assert told(each) == ["deployment.scheduled", "deployment.due"]


def test_what_is_found_after_its_window_has_closed_waits_for_the_next(schedule, window, begin, look, told):
    window()
    made = schedule()
    begin(utc("2026-03-06 08:00"))
    found = look(made.id)
    assert (found.state, found.scheduled_for) == ("scheduled", utc("2026-03-10 23:00"))
    begin(utc("2026-03-10 23:00:20"))
    assert look(made.id).state == "started"
    assert told(made.id) == ["deployment.scheduled", "deployment.scheduled", "deployment.due"]


def test_windows_that_are_made_later_hold_too(schedule, window, begin, look):
    made = schedule()
    window()
    begin(utc("2026-03-04 12:02"))
    assert look(made.id).scheduled_for == utc("2026-03-05 23:00")


def test_one_owner_s_windows_are_not_another_s(database, world, schedule, window, begin, look, at, order):
    window()
    made = schedule()
    with at(owner_id=OPERATOR_ID) as session:
        other = service.schedule_deployment(session, order_id=order, key=f"test/{new_id()}")
        assert other.scheduled_for == utc("2026-03-04 12:01")
    begin(utc("2026-03-04 12:02"))
    assert look(made.id).state == "scheduled"
    with at(owner_id=OPERATOR_ID) as session:
        assert service.get_schedule(session, schedule_id=other.id).state == "started"


def test_what_has_begun_is_found_by_a_second_step_and_scheduled_again_only_on_purpose(schedule, begin):
    first = schedule()
    begin(utc("2026-03-04 12:02"))
    later = utc("2026-03-04 13:00")
    assert schedule(now=later).id == first.id
    assert schedule(now=later, again=True).id != first.id


def test_what_there_is_not_is_not_found(at):
    with at() as session:
        for verb in (service.get_schedule, service.cancel_scheduled_deployment, service.reschedule_deployment):
            with pytest.raises(ScheduleNotFound):
                verb(session, schedule_id=new_id())
        with pytest.raises(WindowNotFound):
            service.delete_window(session, window_id=new_id())


def test_a_window_is_in_the_owner_s_zone_unless_it_names_another(at, owner, window):
    with at(owner_id=OPERATOR_ID) as session:
        session.execute(update(Tenant).where(Tenant.id == owner).values(settings={"time_zone": "Europe/Berlin"}))
    made = window(time_zone=None)
    assert (made.time_zone, made.weekdays) == ("Europe/Berlin", ["tue", "thu"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekdays": []},
        {"weekdays": ["someday"]},
        {"duration_minutes": 5},
        {"time_zone": "Mars/Base"},
        {"starts_at": None},
    ],
)
def test_a_window_that_cannot_be_is_refused(window, wrong):
    with pytest.raises(WindowInvalid) as refused:
        window(**wrong)
    assert [fault.pointer for fault in refused.value.faults] == [f"/{next(iter(wrong))}"]


def test_there_is_an_end_of_windows(window, monkeypatch):
    monkeypatch.setattr(windows.queries, "MAX_WINDOWS", 1)
    window()
    with pytest.raises(TooManyWindows):
        window()


@pytest.fixture
def step(database, owner):
    """A function that does the step of that key at a time; returns its output and its effects."""

    def done(*, key="key", now=NOON, **params):
        operation = OPERATIONS["deployment_service.schedule_deployment"]
        with ExitStack() as stack:
            call = DirectCall(database, owner, idempotency_key=key, _stack=stack)
            call.session.info[CLOCK_OFFSET] = now - utc_now()
            return operation.function(call, **operation.bind(params)), call.effects

    return done


CANCEL = OPERATIONS["deployment_service.cancel_scheduled_deployment"]


def test_a_step_schedules_and_its_undo_calls_it_off(database, owner, step, order):
    output, [effect] = step(order_id=str(order), scheduled_at="2026-03-10")
    shown = output["scheduled_deployment"]
    assert output["scheduled_deployment_id"] == shown["id"] == effect.reference
    assert shown == {
        "id": effect.reference,
        "order_id": order,
        "scheduled_for": "2026-03-10T00:00:00+00:00",
        "region": None,
        "state": "scheduled",
    }
    assert step(order_id=order, scheduled_at="2026-03-10") == (output, [effect])
    for _ in range(2):
        undone = perform(CANCEL, database, owner, **effect.undo).output
        assert undone["scheduled_deployment"]["state"] == "cancelled"


def test_what_another_step_scheduled_is_not_this_one_s_to_call_off(step, order):
    first, _ = step(order_id=order)
    assert step(order_id=order, key="another step") == (first, [])


def test_the_undo_leaves_alone_what_has_begun(database, owner, step, order, begin):
    _, [effect] = step(order_id=order)
    begin(utc("2026-03-04 12:01"))
    undone = perform(CANCEL, database, owner, **effect.undo).output
    assert undone["scheduled_deployment"]["state"] == "started"


def test_it_is_read_again_as_it_is_now(database, owner, step, order, begin):
    output, _ = step(order_id=order)
    begin(utc("2026-03-04 12:01"))
    read = OPERATIONS.reader("scheduled_deployment")
    with ExitStack() as stack:
        call = DirectCall(database, owner, _stack=stack)
        assert read(call, output["scheduled_deployment"])["state"] == "started"
        assert read(call, {"id": str(new_id())}) is None


def test_rows_of_others_do_not_exist(schedule, at, database):
    made = schedule()
    with database.transaction(OPERATOR_ID) as session:
        with pytest.raises(ScheduleNotFound):
            service.get_schedule(session, schedule_id=UUID(str(made.id)))
        assert session.scalar(select(ScheduledDeployment).where(ScheduledDeployment.id == made.id)) is None
