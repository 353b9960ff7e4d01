"""Parking under attack: waits, approvals, waiting conditions, signals, events, timers, triggers, queues and switches."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.clock import move_to, now, utc_now
from app.core.errors import Forbidden
from app.core.events import emit
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.domains.workflows import service
from app.domains.workflows.errors import WrongState
from pipelines.operations import Call, Catalogue
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

WAITS = Catalogue()
BIDS: dict[str, str] = {}


@WAITS.operation("waits.make_bid", resource="bid")
def make_bid(call: Call) -> dict[str, Any]:
    bid_id = str(call.execution_id)
    BIDS[bid_id] = "sent"
    return {"bid": {"id": bid_id, "status": "sent"}}


@WAITS.resource("bid")
def read_bid(call: Call, reference: Mapping[str, Any]) -> dict[str, Any]:
    return {**reference, "status": BIDS[reference["id"]]}


@pytest.fixture(scope="session")
def waiting_settings(worker_id: str) -> Settings:
    """A database whose clock may be moved, and which no loop looks at."""
    # events here stand for whatever comes, not for what Turnup says
    return replace(prepared(f"turnup_waiting_{worker_id}", 15), resend_after=5.0, test_clock=True, check_events=False)


@pytest.fixture
def lab(waiting_settings: Settings) -> Iterator[Lab]:
    with opened(waiting_settings, WAITS) as lab:
        with lab.world.across.transaction() as session:
            move_to(session, utc_now())
        yield lab


def pass_time(lab: Lab, **by: float) -> None:
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(**by))
    service.tick(lab.world)
    lab.drain()


def raise_event(
    lab: Lab, event_type: str, data: dict[str, Any], *, subject: str = "thing/1", owner: UUID | None = None
) -> None:
    with lab.world.database.transaction(owner or lab.owner) as session:
        emit(session, event_type, subject, data)


def hand_on(lab: Lab) -> None:
    while service.handle_events(lab.world):
        pass
    lab.drain()


def signal(lab: Lab, execution_id: int, name: str, **data: Any) -> None:
    with lab.world.database.transaction(lab.owner) as session:
        service.signal(session, execution_id=execution_id, name=name, data=data, sent_by="ops")
    lab.drain()


def answer(lab: Lab, execution_id: int, *, approved: bool = True, **more: Any) -> None:
    with lab.world.database.transaction(lab.owner) as session:
        service.answer(
            session, execution_id=execution_id, approved=approved, may=lambda _: True, answered_by="boss", **more
        )
    lab.drain()


def begun(lab: Lab, steps: list[dict[str, Any]], **more: Any) -> int:
    execution_id = lab.start(steps, **more)
    lab.drain()
    return execution_id


def output(lab: Lab, execution_id: int, name: str) -> Any:
    return lab.steps(execution_id)[name].output_data


def wait(name: str = "w", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "wait", **more}


def approval(name: str = "ok", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "approval", "permission": "quote.approve", "prompt": "Go on with ${who}?", **more}


# --- time ---------------------------------------------------------------------------------------------------------------


def test_a_wait_holds_nothing_and_ends_in_its_time(lab: Lab) -> None:
    execution_id = begun(lab, [wait(seconds=3600), step("after", "quiet")])
    found = lab.look(execution_id)
    assert (found.state, found.waiting, found.check_at) == ("waiting", 1, None)
    assert not lab.broker.sent
    pass_time(lab, seconds=3590)
    assert lab.states(execution_id) == {"w": "waiting", "after": "pending"}
    pass_time(lab, seconds=10)
    assert lab.look(execution_id).state == "completed"
    assert output(lab, execution_id, "w")["timed_out"] is False


def test_a_wait_until_a_moment_a_year_ahead(lab: Lab) -> None:
    until = (datetime.now(UTC) + timedelta(days=365)).replace(microsecond=0)
    execution_id = begun(lab, [wait(until="${day}")], context={"day": until.isoformat()})
    pass_time(lab, days=364, hours=23)
    assert lab.look(execution_id).state == "waiting"
    pass_time(lab, hours=1, seconds=1)
    assert lab.look(execution_id).state == "completed"


@pytest.mark.parametrize(("until", "why"), [("tomorrow", "timestamp"), (5, "timestamp")])
def test_a_moment_that_is_none_fails_the_wait(lab: Lab, until: Any, why: str) -> None:
    execution_id = begun(lab, [wait(until="${day}")], context={"day": until})
    found = lab.look(execution_id)
    assert found.state == "failed"
    assert why in found.error["message"]  # type: ignore[index]


def test_what_runs_beside_a_wait_goes_on_and_then_it_rests(lab: Lab) -> None:
    execution_id = lab.start(
        [wait(seconds=60, depends_on=[]), step("a", "quiet", depends_on=[]), step("b", "quiet", depends_on=["a"])]
    )
    number = {s.step_name: s.sequence_number for s in lab.steps(execution_id).values()}
    lab.broker.sent.clear()
    lab.deliver(execution_id, number["w"])
    assert lab.look(execution_id).state == "running"
    lab.broker.sent.clear()
    lab.deliver(execution_id, number["a"])
    assert lab.look(execution_id).state == "running"
    lab.drain()
    assert (lab.look(execution_id).state, lab.states(execution_id)["b"]) == ("waiting", "completed")
    pass_time(lab, seconds=61)
    assert lab.look(execution_id).state == "completed"


def test_parked_time_does_not_count_towards_the_longest_duration(lab: Lab) -> None:
    execution_id = begun(lab, [wait(seconds=7200), step("after", "quiet")], max_duration_seconds=60)
    pass_time(lab, seconds=7201)
    found = lab.look(execution_id)
    assert (found.state, found.busy_seconds < 60) == ("completed", True)


def test_all_time_counts_towards_the_deadline(lab: Lab) -> None:
    execution_id = begun(lab, [wait(seconds=7200), step("after", "quiet")], deadline_seconds=3600)
    pass_time(lab, seconds=3601)
    found = lab.look(execution_id)
    assert (found.state, found.error["type"]) == ("failed", "ExecutionTimeout")  # type: ignore[index]
    assert lab.states(execution_id) == {"w": "failed", "after": "cancelled"}


def test_many_waits_wake_in_order(lab: Lab) -> None:
    executions = [begun(lab, [wait(seconds=1000 - n)]) for n in range(20)]
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(seconds=2000))
    service.tick(lab.world)
    assert [execution_id for _, execution_id, _, _ in lab.broker.sent] == executions[::-1]


def test_two_timers_wake_a_step_once(lab: Lab) -> None:
    execution_id = begun(lab, [wait(seconds=5)])
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(seconds=6))
    threads = [threading.Thread(target=service.tick, args=(lab.world,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [sent[1] for sent in lab.broker.sent] == [execution_id]


# --- events and signals ----------------------------------------------------------------------------------------------------


def test_an_event_wakes_only_whom_it_fits(lab: Lab) -> None:
    steps = [wait(event="payment.received", match="event.data.order == context.order")]
    mine = begun(lab, steps, context={"order": 1})
    other = begun(lab, steps, context={"order": 2})
    raise_event(lab, "payment.received", {"order": 1, "amount": "9.00"})
    hand_on(lab)
    assert (lab.look(mine).state, lab.look(other).state) == ("completed", "waiting")
    assert output(lab, mine, "w")["event"]["data"] == {"order": 1, "amount": "9.00"}


def test_an_event_of_another_tenant_wakes_nobody(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="payment.received")])
    raise_event(lab, "payment.received", {}, owner=OPERATOR_ID)
    hand_on(lab)
    assert lab.look(execution_id).state == "waiting"


def test_an_event_that_came_before_the_wait_is_honoured(lab: Lab) -> None:
    execution_id = lab.start([step("first", "quiet"), wait(event="payment.received")])
    raise_event(lab, "payment.received", {"n": 1})
    while service.handle_events(lab.world):
        pass
    lab.drain()
    assert lab.look(execution_id).state == "completed"


def test_an_event_from_before_the_execution_is_not(lab: Lab) -> None:
    raise_event(lab, "payment.received", {})
    execution_id = begun(lab, [wait(event="payment.received")])
    hand_on(lab)
    assert lab.look(execution_id).state == "waiting"


def test_waits_one_after_the_other_take_an_event_each_and_beside_each_other_share_it(lab: Lab) -> None:
    execution_id = begun(
        lab,
        [
            wait("a", event="ping.sent", depends_on=[]),
            wait("b", event="ping.sent", depends_on=[]),
            wait("c", event="ping.sent", depends_on=["a", "b"]),
        ],
    )
    raise_event(lab, "ping.sent", {"n": 1})
    hand_on(lab)
    assert lab.states(execution_id) == {"a": "completed", "b": "completed", "c": "waiting"}
    raise_event(lab, "ping.sent", {"n": 2})
    hand_on(lab)
    assert output(lab, execution_id, "c")["event"]["data"] == {"n": 2}


def test_a_match_that_cannot_be_asked_about_an_event_does_not_fit(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="ping.sent", match="event.data.deep.deeper > 1")])
    raise_event(lab, "ping.sent", {"n": 1})
    hand_on(lab)
    assert lab.look(execution_id).state == "waiting"


def test_an_event_between_the_look_and_the_commit_is_not_lost(lab: Lab) -> None:
    """The worker has looked back and not committed; the event comes and is handed on: that waits for the commit."""
    from app.domains.workflows.store import look as looks

    execution_id = lab.start([wait(event="ping.sent")])
    original, seen = looks.park, threading.Event()
    handing = threading.Thread(target=lambda: service.handle_events(lab.world))

    def late(*about: Any, **more: Any) -> Any:
        raise_event(lab, "ping.sent", {"n": 1})
        handing.start()
        seen.set()
        return original(*about, **more)

    looks.park = late
    try:
        lab.drain()
    finally:
        looks.park = original
    assert seen.is_set()
    handing.join()
    lab.drain()
    assert lab.look(execution_id).state == "completed"


def test_a_signal_before_during_and_never_twice(lab: Lab) -> None:
    execution_id = lab.start([wait("a", event="go"), wait("b", event="go"), step("end", "quiet")])
    signal(lab, execution_id, "go", n=1)
    assert lab.states(execution_id) == {"a": "completed", "b": "waiting", "end": "pending"}
    signal(lab, execution_id, "go", n=2)
    assert lab.look(execution_id).state == "completed"
    assert [output(lab, execution_id, name)["event"]["data"]["n"] for name in "ab"] == [1, 2]
    with pytest.raises(WrongState):
        signal(lab, execution_id, "go")


def test_a_wait_in_vain(lab: Lab) -> None:
    fails = begun(lab, [wait(event="never.comes", timeout_seconds=60)])
    goes_on = begun(lab, [wait(event="never.comes", timeout_seconds=60, on_timeout="continue"), step("after", "quiet")])
    pass_time(lab, seconds=61)
    assert (lab.look(fails).state, lab.look(fails).error["type"]) == ("failed", "TimedOut")  # type: ignore[index]
    assert lab.look(goes_on).state == "completed"
    assert output(lab, goes_on, "w") == {"timed_out": True, "event": None}


def test_a_signal_racing_the_expiry_has_one_outcome(lab: Lab) -> None:
    for _ in range(10):
        execution_id = begun(lab, [wait(event="go", timeout_seconds=60, on_timeout="continue")])
        with lab.world.across.transaction() as session:
            move_to(session, now(session) + timedelta(seconds=61))
        threads = [
            threading.Thread(target=service.tick, args=(lab.world,)),
            threading.Thread(target=signal, args=(lab, execution_id, "go")),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lab.drain()
        assert lab.look(execution_id).state == "completed"
        ends = [e for e in lab.history(execution_id) if e.step_name == "w" and e.to_state == "completed"]
        assert len(ends) == 1


def test_an_event_between_a_waking_and_the_look_is_kept(lab: Lab) -> None:
    execution_id = begun(
        lab,
        [
            wait("a", event="thing.came", match="event.data.n == 2", depends_on=[]),
            wait("b", event="go", depends_on=[]),
        ],
    )
    with lab.world.database.transaction(lab.owner) as session:
        service.signal(session, execution_id=execution_id, name="thing.came", data={"n": 1})
    assert lab.states(execution_id)["a"] == "pending"
    raise_event(lab, "thing.came", {"n": 2})
    while service.handle_events(lab.world):
        pass
    lab.drain()
    assert lab.states(execution_id) == {"a": "completed", "b": "waiting"}


def test_a_message_dropped_beside_another_waking_is_sent_once_more(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="go", match="event.data.n == 2")])
    for n in (1, 2):
        with lab.world.database.transaction(lab.owner) as session:
            service.signal(session, execution_id=execution_id, name="go", data={"n": n})
            # the worker that got the first one's message finds the row locked
            lab.drain()
    lab.drain()
    assert lab.look(execution_id).state == "completed"


# --- approvals ----------------------------------------------------------------------------------------------------------------


def test_an_approval_says_what_it_asks_and_who_answered(lab: Lab) -> None:
    execution_id = begun(lab, [approval(), step("after", "quiet")], context={"who": "Ann"})
    assert lab.steps(execution_id)["ok"].input_data == {"prompt": "Go on with Ann?", "permission": "quote.approve"}
    answer(lab, execution_id, comment="fine")
    assert lab.look(execution_id).state == "completed"
    told = output(lab, execution_id, "ok")
    assert (told["approved"], told["by"], told["comment"]) == (True, "boss", "fine")


def test_a_no_fails_the_step_for_good_and_a_retry_asks_again(lab: Lab) -> None:
    execution_id = begun(lab, [approval()], context={"who": "Ann"}, rollback_on_failure=False)
    answer(lab, execution_id, approved=False, comment="too dear")
    assert (lab.look(execution_id).state, lab.look(execution_id).error["message"]) == (  # type: ignore[index]
        "failed",
        "rejected by boss: too dear",
    )
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id, step_names=["ok"])
    lab.drain()
    assert lab.look(execution_id).state == "waiting"
    answer(lab, execution_id)
    assert lab.look(execution_id).state == "completed"


def test_who_may_not_answer_and_who_comes_second(lab: Lab) -> None:
    execution_id = begun(lab, [approval()], context={"who": "Ann"})
    with pytest.raises(Forbidden, match=r"quote\.approve"), lab.world.database.transaction(lab.owner) as session:
        service.answer(session, execution_id=execution_id, approved=True, may=lambda _: False)
    with lab.world.database.transaction(lab.owner) as session:
        service.answer(session, execution_id=execution_id, approved=True, may=lambda _: True)
    with pytest.raises(WrongState), lab.world.database.transaction(lab.owner) as session:
        service.answer(session, execution_id=execution_id, approved=False, may=lambda _: True)


def test_what_is_being_stopped_asks_nobody(lab: Lab) -> None:
    execution_id = begun(lab, [approval()], context={"who": "Ann"})
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=execution_id)
    with pytest.raises(WrongState, match="being stopped"), lab.world.database.transaction(lab.owner) as session:
        service.answer(session, execution_id=execution_id, approved=True, may=lambda _: True)
    lab.drain()
    assert lab.look(execution_id).state == "cancelled"


@pytest.mark.parametrize(("on_timeout", "state"), [("fail", "failed"), ("approve", "completed"), ("reject", "failed")])
def test_an_approval_that_nobody_answers(lab: Lab, on_timeout: str, state: str) -> None:
    steps = [approval(timeout_seconds=60, on_timeout=on_timeout)]
    execution_id = begun(lab, steps, context={"who": "Ann"})
    pass_time(lab, seconds=61)
    assert lab.look(execution_id).state == state


# --- conditions ------------------------------------------------------------------------------------------------------------------


def test_a_condition_waits_for_the_present(lab: Lab) -> None:
    steps = [
        {"name": "make", "type": "service_call", "service": "waits", "method": "make_bid"},
        {"name": "c", "type": "condition", "condition": "bid.status == 'accepted'", "timeout_seconds": 3600},
    ]
    execution_id, other = begun(lab, steps), begun(lab, steps)
    assert lab.look(execution_id).state == "waiting"
    BIDS[str(execution_id)] = BIDS[str(other)] = "accepted"
    raise_event(lab, "bid.accepted", {}, subject=f"bid/{execution_id}")
    hand_on(lab)
    assert (lab.look(execution_id).state, lab.look(other).state) == ("completed", "waiting")
    pass_time(lab, seconds=61)
    assert lab.look(other).state == "completed"


def test_a_condition_that_stays_false_fails_at_its_timeout(lab: Lab) -> None:
    steps = [{"name": "c", "type": "condition", "condition": "context.n > 1", "timeout_seconds": 90}]
    execution_id = begun(lab, steps, context={"n": 1})
    pass_time(lab, seconds=60)
    assert lab.look(execution_id).state == "waiting"
    pass_time(lab, seconds=31)
    assert lab.look(execution_id).state == "failed"


# --- triggers ----------------------------------------------------------------------------------------------------------------------


def triggered(lab: Lab, **more: Any) -> str:
    name = f"triggered_{new_id().hex[-12:]}"
    document = {"name": name, "version": "1.0.0", "steps": [step("s", "quiet")], **more}
    with lab.world.database.transaction(lab.owner) as session:
        service.create_workflow(session, document=document)
    return name


def executions_of(lab: Lab, name: str) -> list[service.WorkflowExecution]:
    with lab.world.database.transaction(lab.owner) as session:
        return list(session.scalars(service.list_executions(workflow=name)))


def test_an_event_starts_what_it_triggers_once(lab: Lab) -> None:
    name = triggered(
        lab,
        triggers=[
            {"event": "crm.quote.accepted", "when": "event.data.total > 0", "context": {"quote": "${event.data.id}"}}
        ],
    )
    raise_event(lab, "quote.accepted", {"id": 7, "total": 5})
    raise_event(lab, "quote.accepted", {"id": 8, "total": 0})
    hand_on(lab)
    lab.sql("UPDATE outbox SET handled_at = NULL WHERE owner_id = :o", o=lab.owner)
    hand_on(lab)
    found = executions_of(lab, name)
    assert [(e.context, e.trigger_type, e.state) for e in found] == [({"quote": 7}, "event", "completed")]


def test_a_trigger_that_cannot_start_says_why_and_keeps_nobody(lab: Lab) -> None:
    name = triggered(
        lab,
        input={"n": {"type": "integer", "required": True}},
        triggers=[{"event": "n.came", "context": {"n": "${event.data.n}"}}],
    )
    raise_event(lab, "n.came", {"n": "many"})
    raise_event(lab, "n.came", {"n": 3})
    while service.handle_events(lab.world):
        pass
    assert [e.context for e in executions_of(lab, name)] == [{"n": 3}]
    with lab.world.database.transaction(lab.owner) as session:
        assert [t.last_error for t in session.scalars(service.list_triggers())] == [None]


def test_events_of_an_execution_do_not_trigger_what_it_suppresses(lab: Lab) -> None:
    heard = triggered(lab, triggers=[{"event": "workflow.completed", "when": "event.data.workflow.startsWith('src')"}])
    for number, suppresses in enumerate(([heard], [])):
        document = {"name": f"src{number}", "steps": [step("s", "quiet")], "suppresses": suppresses}
        with lab.world.database.transaction(lab.owner) as session:
            service.create_workflow(session, document=document)
            service.start(session, workflow=f"src{number}", context={}, trigger_type="manual")
        lab.drain()
        hand_on(lab)
        assert len(executions_of(lab, heard)) == number


def test_a_schedule_fires_each_tick_once_and_a_missed_one_once(lab: Lab) -> None:
    name = triggered(lab, triggers=[{"schedule": "0 6 * * *", "timezone": "Europe/Berlin", "context": {}}])
    pass_time(lab, days=1)
    assert len(executions_of(lab, name)) == 1
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(days=5))
    threads = [threading.Thread(target=service.tick, args=(lab.world,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(executions_of(lab, name)) == 2
    with lab.world.database.transaction(lab.owner) as session:
        (trigger,) = session.scalars(service.list_triggers(schedules=True))
        service.set_active(session, trigger_id=trigger.id, active=False)
    pass_time(lab, days=3)
    assert len(executions_of(lab, name)) == 2


def test_a_new_version_replaces_the_triggers(lab: Lab) -> None:
    name = triggered(lab, triggers=[{"event": "old.news"}])
    with lab.world.database.transaction(lab.owner) as session:
        (workflow,) = session.scalars(service.list_workflows(q=name))
        document = {
            "name": name,
            "version": "2.0.0",
            "steps": [step("s", "quiet")],
            "triggers": [{"event": "new.news"}],
        }
        service.new_version(session, workflow_id=workflow.id, document=document)
    raise_event(lab, "old.news", {})
    raise_event(lab, "new.news", {})
    hand_on(lab)
    assert [e.workflow_version for e in executions_of(lab, name)] == ["2.0.0"]


# --- queues and switches -----------------------------------------------------------------------------------------------------------


def test_at_most_so_many_run_under_a_key_and_the_rest_queue(lab: Lab) -> None:
    name = triggered(
        lab, steps=[step("a", "quiet"), step("b", "quiet")], concurrency={"key": "${context.who}", "limit": 2}
    )
    with lab.world.database.transaction(lab.owner) as session:
        started = [
            service.start(session, workflow=name, context={"who": who}, trigger_type="manual")
            for who in ("x", "x", "x", "x", "y")
        ]
    assert [lab.look(e).state for e in started] == ["running", "running", "pending", "pending", "running"]
    lab.drain()
    assert {lab.look(e).state for e in started} == {"completed"}
    begun_at = [lab.look(e).started_at for e in started[:4]]
    assert begun_at == sorted(begun_at)  # type: ignore[type-var]


@pytest.mark.parametrize("count_parked", [False, True])
def test_a_parked_execution_gives_its_place_up_unless_its_definition_says_otherwise(
    lab: Lab, count_parked: bool
) -> None:
    name = triggered(
        lab,
        steps=[wait(seconds=60), step("b", "quiet")],
        concurrency={"key": "all", "limit": 1, "count_parked": count_parked},
    )
    with lab.world.database.transaction(lab.owner) as session:
        first, second = (service.start(session, workflow=name, context={}, trigger_type="manual") for _ in range(2))
    lab.drain()
    assert lab.look(second).state == ("pending" if count_parked else "waiting")
    for _ in range(2):
        pass_time(lab, seconds=61)
    assert {lab.look(first).state, lab.look(second).state} == {"completed"}


@pytest.mark.parametrize("installation", [False, True])
def test_the_switch_lets_nothing_start_and_loses_nothing(lab: Lab, installation: bool) -> None:
    running = lab.start([step("a", "quiet"), step("b", "quiet")])

    def switch(verb: Any) -> None:
        scope = lab.world.across.transaction() if installation else lab.world.database.transaction(lab.owner)
        with scope as session:
            verb(session, installation=installation, reason="maintenance")

    switch(service.switch_off)
    try:
        with lab.world.database.transaction(lab.owner) as session:
            assert [off.scope for off in service.switch_state(session)] == [
                "installation" if installation else "tenant"
            ]
        kept = begun(lab, [step("a", "quiet")])
        lab.sweep()
        lab.drain()
        assert (lab.look(running).state, lab.look(kept).state) == ("completed", "pending")
    finally:
        switch(service.switch_on)
    lab.sweep()
    lab.drain()
    assert lab.look(kept).state == "completed"


def test_the_switch_of_one_tenant_is_not_that_of_another(lab: Lab) -> None:
    with lab.world.database.transaction(OPERATOR_ID) as session:
        service.switch_off(session)
    try:
        assert lab.look(begun(lab, [step("a", "quiet")])).state == "completed"
    finally:
        with lab.world.database.transaction(OPERATOR_ID) as session:
            service.switch_on(session)


def test_cancelling_what_waits_ends_it(lab: Lab) -> None:
    execution_id = begun(lab, [step("a"), wait(seconds=3600), step("b", "quiet")])
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=execution_id)
    lab.drain()
    assert (lab.look(execution_id).state, lab.look(execution_id).rollback) == ("cancelled", "done")
    assert lab.states(execution_id) == {"a": "compensated", "w": "cancelled", "b": "cancelled"}
    with lab.world.database.transaction(lab.owner) as session:
        left = session.execute(
            text("SELECT count(*) FROM workflow_steps WHERE wake_at IS NOT NULL OR awaits IS NOT NULL")
        )
        assert left.scalar_one() == 0
