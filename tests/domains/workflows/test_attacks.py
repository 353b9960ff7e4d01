"""Two at once, and the second attempt: what the engine must not lose between two statements of others."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.clock import move_to, now
from app.core.settings import Settings
from app.domains.workflows import service
from app.domains.workflows.store import look as looks
from app.domains.workflows.store import mailbox, timers
from app.domains.workflows.store import wake as wakes
from pipelines.operations import Call, Catalogue
from tests.domains.workflows import test_waiting
from tests.domains.workflows.lab import Lab
from tests.domains.workflows.test_waiting import (
    answer,
    approval,
    begun,
    executions_of,
    hand_on,
    pass_time,
    raise_event,
    triggered,
    wait,
)
from tests.scenarios.conftest import step
from tests.servers import eventually, prepared

lab = test_waiting.lab


@pytest.fixture(scope="session")
def waiting_settings(worker_id: str) -> Settings:
    """A database whose clock may be moved, and which no loop looks at."""
    # events here stand for whatever comes, not for what Turnup says
    return replace(prepared(f"turnup_attacks_{worker_id}", 15), resend_after=5.0, test_clock=True, check_events=False)


def beside(lab: Lab, act: Callable[[], Any]) -> threading.Thread:
    """Begin something in a thread, until it is done or waits for a lock."""
    thread = threading.Thread(target=act)
    thread.start()

    def waits() -> bool:
        with lab.world.across.transaction() as session:
            found = session.execute(
                text(
                    """
                    SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                    WHERE NOT l.granted AND a.datname = current_database()
                    """
                )
            )
            return not thread.is_alive() or found.scalar_one() > 0

    eventually(waits, what="the other one to be done, or to wait")
    return thread


def number_of(lab: Lab, execution_id: int, name: str) -> int:
    return lab.steps(execution_id)[name].sequence_number


def say(lab: Lab, session: Any, execution_id: int, name: str, **data: Any) -> None:
    service.signal(session, execution_id=execution_id, name=name, data=data, sent_by="ops")


# --- wake-ups -----------------------------------------------------------------------------------------------------------


def test_a_waking_beside_the_last_running_step_is_not_lost(lab: Lab) -> None:
    execution_id = lab.start(
        [
            wait("a", event="go", depends_on=[]),
            wait("b", event="never", depends_on=[]),
            step("c", "quiet", depends_on=[]),
            step("d", "quiet", depends_on=["a", "b", "c"]),
        ]
    )
    numbers = {name: number_of(lab, execution_id, name) for name in "abc"}
    lab.broker.sent.clear()
    for name in "ab":
        lab.deliver(execution_id, numbers[name])
    with lab.world.database.transaction(lab.owner) as session:
        say(lab, session, execution_id, "go")
        # it sees both of them parked, and waits for the execution's row
        thread = beside(lab, lambda: lab.deliver(execution_id, numbers["c"]))
    thread.join()
    lab.drain()
    assert lab.states(execution_id) == {"a": "completed", "b": "waiting", "c": "completed", "d": "pending"}
    assert lab.look(execution_id).state == "waiting"


def test_a_signal_beside_the_beginning_of_its_wait_is_not_lost(lab: Lab) -> None:
    execution_id = lab.start([step("first", "quiet"), wait(event="go")])
    with lab.world.database.transaction(lab.owner) as session:
        say(lab, session, execution_id, "go")
        # the wait begins, and looks, before the signal is committed
        thread = beside(lab, lab.drain)
    thread.join()
    lab.drain()
    assert lab.look(execution_id).state == "completed"


@pytest.fixture
def failing_once(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """Let the first call of a function fail as the network does."""

    def fail(module: Any, name: str) -> None:
        original, made = getattr(module, name), []

        def act(*about: Any, **more: Any) -> Any:
            if not made:
                made.append(name)
                raise ConnectionError("reset by peer")
            return original(*about, **more)

        monkeypatch.setattr(module, name, act)

    return fail


def test_a_wait_whose_first_look_failed_still_looks_back(lab: Lab, failing_once: Any) -> None:
    execution_id = lab.start([step("first", "quiet"), wait(event="payment.received")])
    raise_event(lab, "payment.received", {"n": 1})
    while service.handle_events(lab.world):
        pass
    failing_once(mailbox, "look_back")
    lab.drain()
    assert lab.steps(execution_id)["w"].attempts == 1
    assert lab.to_the_end(execution_id, rounds=2).state == "completed"


def test_an_approval_whose_first_look_failed_still_asks(lab: Lab, failing_once: Any) -> None:
    failing_once(looks, "park")
    execution_id = begun(lab, [approval()], context={"who": "Ann"})
    lab.to_the_end(execution_id, rounds=2)
    assert lab.steps(execution_id)["ok"].input_data == {"prompt": "Go on with Ann?", "permission": "quote.approve"}


def test_a_wait_takes_the_signal_behind_a_thousand_that_do_not_fit(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="go", match="event.data.n == 1001")])
    lab.sql(
        """
        INSERT INTO execution_signals (owner_id, execution_id, name, payload, at)
        SELECT owner_id, id, 'go', jsonb_build_object('type', 'go', 'data', jsonb_build_object('n', n)), created_at
        FROM workflow_executions, generate_series(1, 1000) n WHERE id = :e
        """,
        e=execution_id,
    )
    with lab.world.database.transaction(lab.owner) as session:
        say(lab, session, execution_id, "go", n=1001)
    lab.drain()
    assert lab.look(execution_id).state == "completed"


def test_a_wait_that_failed_listens_no_more(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="never.comes", timeout_seconds=60)])
    pass_time(lab, seconds=61)
    assert lab.look(execution_id).state == "failed"
    assert lab.steps(execution_id)["w"].awaits is None


def test_an_approval_that_is_just_woken_takes_an_answer(lab: Lab) -> None:
    execution_id = begun(lab, [approval()], context={"who": "Ann"})
    with lab.world.database.transaction(lab.owner) as session:
        service.pause(session, execution_id=execution_id)
    with lab.world.database.transaction(lab.owner) as session:
        service.resume(session, execution_id=execution_id)
    answer(lab, execution_id)
    assert lab.look(execution_id).state == "completed"


def test_a_moment_past_the_last_year_fails_the_wait(lab: Lab) -> None:
    execution_id = begun(lab, [wait(until="${day}")], context={"day": "9999-12-31T23:59:59-12:00"})
    assert lab.look(execution_id).state == "failed"


# --- the clock ------------------------------------------------------------------------------------------------------------


def test_a_retry_that_got_lost_is_sent_again_whatever_the_business_time(lab: Lab, failing_once: Any) -> None:
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(days=400))
    failing_once(looks, "park")
    execution_id = begun(lab, [approval()], context={"who": "Ann"})
    with lab.world.database.transaction(lab.owner) as session:
        ahead = session.execute(
            text("SELECT sent_at - now() < interval '1 hour' FROM workflow_steps WHERE execution_id = :e"),
            {"e": execution_id},
        )
        assert ahead.scalar_one()


def test_a_retry_right_after_the_deadline_has_its_time_again(lab: Lab) -> None:
    execution_id = begun(lab, [wait(event="go")], deadline_seconds=3600)
    pass_time(lab, seconds=3601)
    assert lab.look(execution_id).state == "failed"
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id, step_names=["w"])
    pass_time(lab, seconds=60)
    # a message of the first time that comes late
    assert not service.expire(lab.world.database, owner_id=lab.owner, execution_id=execution_id)
    assert lab.look(execution_id).state == "waiting"
    pass_time(lab, seconds=3600)
    assert lab.look(execution_id).state == "failed"


# --- two at once ------------------------------------------------------------------------------------------------------------


def test_an_event_and_the_timer_that_wake_many_do_not_wait_for_each_other(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has one of two executions and wants the other one."""
    steps = [wait("late", seconds="${n}", depends_on=[]), wait("told", event="thing.came", depends_on=[])]
    executions = [begun(lab, steps, context={"n": n}) for n in (60, 30)]
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(seconds=61))
    raise_event(lab, "thing.came", {})
    original, threads = wakes.wake, []

    def wake(*about: Any) -> int:
        woken = original(*about)
        if not threads:
            threads.append(None)
            threads[0] = beside(lab, lambda: service.tick(lab.world))
        return woken

    monkeypatch.setattr(wakes, "wake", wake)
    while service.handle_events(lab.world):
        pass
    threads[0].join()
    lab.drain()
    assert {lab.look(e).state for e in executions} == {"completed"}


def test_every_queue_is_looked_at_however_many_there_are(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "BATCH", 2)
    name = triggered(
        lab,
        input={"who": {"type": "integer"}},
        concurrency={"key": "${context.who}", "limit": 1},
    )
    with lab.world.database.transaction(lab.owner) as session:
        for who in (*range(5), *range(5)):
            service.start(session, workflow=name, context={"who": who}, trigger_type="manual")
    with lab.world.across.transaction() as session:
        move_to(session, now(session) + timedelta(seconds=11))
    with lab.world.across.transaction() as session:
        service.look_at_queues(session)
    asked = {args for task, args in lab.broker.tasks if task == service.ADMIT_TASK and args[0] == str(lab.owner)}
    assert len(asked) == 5


# --- places -----------------------------------------------------------------------------------------------------------------


KEYED = {"key": "all", "limit": 1}


def queued(lab: Lab, name: str, count: int) -> list[int]:
    with lab.world.database.transaction(lab.owner) as session:
        return [service.start(session, workflow=name, context={}, trigger_type="manual") for _ in range(count)]


def test_what_has_begun_goes_on_past_those_that_the_switch_keeps(lab: Lab) -> None:
    name = triggered(lab, steps=[wait(event="go"), step("b", "quiet")], concurrency=KEYED)
    (first,) = queued(lab, name, 1)
    lab.drain()
    holder, behind = queued(lab, name, 2)
    assert [lab.look(e).state for e in (first, holder, behind)] == ["waiting", "running", "pending"]
    with lab.world.database.transaction(lab.owner) as session:
        say(lab, session, first, "go")
    with lab.world.database.transaction(lab.owner) as session:
        service.switch_off(session)
    lab.drain()
    assert [lab.look(e).state for e in (first, holder, behind)] == ["completed", "waiting", "pending"]


def test_nothing_queued_begins_while_the_configuration_says_no(lab: Lab) -> None:
    name = triggered(lab, steps=[step("b", "quiet")], concurrency=KEYED)
    _, behind = queued(lab, name, 2)
    lab.world.ports._instances[Settings] = replace(lab.world.settings, workflow_engine_enabled=False)
    lab.drain()
    assert lab.look(behind).state == "pending"


def test_who_lets_in_and_who_wakes_do_not_wait_for_each_other(lab: Lab) -> None:
    name = triggered(lab, steps=[wait("a", event="go"), wait("b", event="on")], concurrency=KEYED)
    (first,) = queued(lab, name, 1)
    lab.drain()
    (holder,) = queued(lab, name, 1)
    with lab.world.database.transaction(lab.owner) as session:
        say(lab, session, first, "go")
    lab.broker.sent.clear()
    lab.deliver(holder, number_of(lab, holder, "a"))
    with lab.world.database.transaction(lab.owner) as session:
        # it holds the step and wants the execution
        session.execute(text("SELECT FROM workflow_steps WHERE execution_id = :e FOR UPDATE"), {"e": first})
        thread = beside(lab, lab.drain)
        say(lab, session, first, "go")
    thread.join()
    lab.drain()
    assert lab.states(first) == {"a": "completed", "b": "waiting"}


def test_who_queues_beside_the_end_of_the_last_is_let_in(lab: Lab) -> None:
    name = triggered(lab, concurrency=KEYED)
    queued(lab, name, 1)
    with lab.world.database.transaction(lab.owner) as session:
        # it finds the only place taken
        behind = service.start(session, workflow=name, context={}, trigger_type="manual")
        thread = beside(lab, lab.drain)
    thread.join()
    lab.drain()
    assert lab.look(behind).state == "completed"


def test_who_comes_later_does_not_go_before_those_that_queue(lab: Lab) -> None:
    name = triggered(lab, concurrency=KEYED)
    first, second = queued(lab, name, 2)
    lab.deliver(first, number_of(lab, first, "s"))
    # the first has ended, and the word for the second is on its way
    (third,) = queued(lab, name, 1)
    assert [lab.look(e).state for e in (first, second, third)] == ["completed", "pending", "pending"]
    lab.drain()
    assert {lab.look(e).state for e in (second, third)} == {"completed"}


# --- triggers -------------------------------------------------------------------------------------------------------------------


def test_a_schedule_that_cannot_start_keeps_no_other_from_it(lab: Lab) -> None:
    long_key = secrets.token_hex(4000)
    bad = triggered(
        lab,
        input={"who": {"type": "string"}},
        concurrency={"key": "${context.who}", "limit": 1},
        triggers=[
            {"schedule": "0 6 * * *", "context": {"who": long_key}},
            {"event": "n.came", "context": {"who": long_key}},
        ],
    )
    good = triggered(lab, triggers=[{"schedule": "1 6 * * *", "context": {}}, {"event": "n.came"}])
    pass_time(lab, days=1)
    raise_event(lab, "n.came", {})
    hand_on(lab)
    assert [len(executions_of(lab, name)) for name in (bad, good)] == [0, 2]


def test_a_breakdown_of_one_schedule_keeps_no_other_from_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.domains.workflows.service import triggers

    bad = triggered(lab, triggers=[{"schedule": "0 6 * * *", "context": {}}])
    good = triggered(lab, triggers=[{"schedule": "1 6 * * *", "context": {}}])
    original = triggers.start

    def start(session: Any, *, workflow: str, **more: Any) -> Any:
        if workflow == bad:
            raise RuntimeError("broken")
        return original(session, workflow=workflow, **more)

    monkeypatch.setattr(triggers, "start", start)
    pass_time(lab, days=1)
    assert [len(executions_of(lab, name)) for name in (bad, good)] == [0, 1]


# --- what is told ----------------------------------------------------------------------------------------------------------------


def test_no_row_is_quoted_in_a_traceback(lab: Lab) -> None:
    telling, secret = Catalogue(), secrets.token_hex(8)

    @telling.operation("telling.rows")
    def rows(call: Call) -> dict[str, Any]:
        try:
            with call.session.begin_nested():
                for _ in range(2):
                    call.session.execute(text("INSERT INTO test_flags VALUES (:secret)"), {"secret": secret})
        except IntegrityError as error:
            raise ValueError("there is one already") from error
        return {}

    lab.world.operations.include(telling)
    execution_id = begun(lab, [{"name": "s", "type": "service_call", "service": "telling", "method": "rows"}])
    told = lab.steps(execution_id)["s"].error_traceback or ""
    assert "ValueError: there is one already" in told
    assert "UniqueViolation" in told
    assert secret not in told


def test_a_waiting_condition_says_once_that_it_waits(lab: Lab) -> None:
    execution_id = begun(
        lab,
        [{"name": "c", "type": "condition", "condition": "context.n > 1", "timeout_seconds": 900}],
        context={"n": 1},
    )
    for _ in range(5):
        pass_time(lab, seconds=61)
    assert lab.look(execution_id).state == "waiting"
    with lab.world.database.transaction(lab.owner) as session:
        told = session.execute(
            text("SELECT count(*) FROM outbox WHERE type = 'workflow.waiting' AND subject = :s"),
            {"s": f"execution/{execution_id}"},
        )
        assert told.scalar_one() == 1
