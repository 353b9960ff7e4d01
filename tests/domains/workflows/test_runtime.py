"""The runtime under attack, one delivery at a time: faults between two statements, on a database that no worker sweeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from app.core.settings import Settings
from app.domains.workflows import service
from app.domains.workflows.errors import WrongState
from app.domains.workflows.service import Delivery, Observers
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Effect
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

QUICK = RetryPolicy(maximum_attempts=3, initial_interval=0.3, maximum_interval=2.0, jitter=False)
ATTACKS = Catalogue()
HOOKS: dict[str, Callable[[Call], Any]] = {}
"""What an operation of the attacks does, by the step's name."""


@ATTACKS.operation("attack.plain", undone_by="attack.undo", retry=QUICK, queue="special")
def plain(call: Call, *, value: Any = None) -> dict[str, Any]:
    call.effect("thing", call.step_name, call.step_name, undo={"name": call.step_name})
    hook = HOOKS.get(call.step_name)
    return hook(call) if hook else {"value": None}


@ATTACKS.operation("attack.undo", retry=QUICK, timeout_seconds=0.5)
def undo(call: Call, *, name: str) -> dict[str, Any]:
    hook = HOOKS.get(f"undo_{name}")
    if hook:
        hook(call)
    return {}


@ATTACKS.operation(
    "attack.leased",
    undone_by="attack.undo",
    retry=QUICK,
    lease=True,
    intends=lambda call, params: [Effect("thing", "?", "intended", undo={"name": call.step_name})],
)
def leased(call: Call, *, value: Any = None) -> dict[str, Any]:
    hook = HOOKS.get(call.step_name)
    return hook(call) if hook else {"value": None}  # type: ignore[no-any-return]


def attack(name: str, method: str = "plain", **more: Any) -> dict[str, Any]:
    return step(name, method, service_name="attack", **more)


@pytest.fixture(scope="session")
def lab_settings(worker_id: str) -> Settings:
    """A database of its own, which no sweeper looks at."""
    return replace(prepared(f"turnup_lab_{worker_id}", 15), resend_after=5.0)


@pytest.fixture
def lab(lab_settings: Settings) -> Iterator[Lab]:
    HOOKS.clear()
    with opened(lab_settings, ATTACKS) as lab:
        yield lab


def text_input(lab: Lab, steps: list[dict[str, Any]]) -> int:
    return lab.start(steps, context={"big": "x" * 600_000}, input={"big": {"type": "string"}})


# --- the failure path -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_an_input_that_is_too_large_fails_the_step(lab: Lab, method: str) -> None:
    made = []
    HOOKS["s"] = lambda call: made.append(call.attempt) or {}
    execution_id = text_input(lab, [attack("s", method, params={"value": ["${big}", "${big}"]})])
    for _ in range(6):
        lab.to_the_end(execution_id, rounds=1)
        lab.sql(
            "UPDATE workflow_steps SET lease_until = now() - interval '1 s' WHERE execution_id = :e AND token IS NOT NULL",
            e=execution_id,
        )
    row = lab.steps(execution_id)["s"]
    assert (lab.look(execution_id).state, row.attempts, made) == ("failed", 1, [])


class Raising:
    """An observer that cannot write what it wants to write."""

    def __init__(self, at: str) -> None:
        self.at = at

    def __getattr__(self, name: str) -> Any:
        def hear(*about: Any) -> None:
            if name == self.at:
                message = f"{name} fails"
                raise ConnectionError(message)

        return hear


def observed(lab: Lab, execution_id: int, observer: Any) -> None:
    lab.world.ports.get(Observers)._by_workflow[lab.look(execution_id).workflow_name] = observer


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_an_error_after_the_finish_statement_is_an_attempt_that_failed(lab: Lab, method: str) -> None:
    made = []
    HOOKS["s"] = lambda call: made.append(call.attempt) or {}
    execution_id = lab.start([attack("s", method)])
    observed(lab, execution_id, Raising("settled"))
    lab.drain()
    row = lab.steps(execution_id)["s"]
    assert (row.state, row.attempts, row.error_message) == ("pending", 1, "settled fails"), (
        row.state,
        row.attempts,
        made,
    )


def test_an_error_after_the_finish_statement_of_an_undo(lab: Lab) -> None:
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    execution_id = lab.start([attack("s"), attack("bad")])
    observed(lab, execution_id, Raising("step_undone"))
    lab.drain()
    row = lab.steps(execution_id)["s"]
    assert (row.state, row.undo_attempts) == ("compensating", 1)


def test_a_lost_connection_at_the_commit_is_retried_soon(lab: Lab) -> None:
    class Cutting:
        def __getattr__(self, name: str) -> Any:
            def hear(session: Any, *about: Any) -> None:
                if name == "step_ended":
                    pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
                    with lab.world.database.transaction(lab.owner) as other:
                        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

            return hear

    execution_id = lab.start([attack("s")])
    observed(lab, execution_id, Cutting())
    outcomes = lab.drain()
    assert lab.steps(execution_id)["s"].attempts == 1, outcomes
    assert outcomes[-1].retry_in is not None, outcomes


def test_an_error_in_words_that_are_not_utf8(lab: Lab) -> None:
    HOOKS["s"] = lambda call: (_ for _ in ()).throw(ValueError("no such file: caf\udce9"))
    execution_id = lab.start([attack("s")])
    escaped = []
    for _ in range(6):
        try:
            lab.to_the_end(execution_id, rounds=1)
        except Exception as error:
            escaped.append(repr(error))
    assert lab.look(execution_id).state == "failed", escaped


def test_a_context_with_a_lone_surrogate_is_refused_with_words(lab: Lab) -> None:
    with pytest.raises(Exception, match="context") as caught:
        lab.start([attack("s")], context={"big": "\ud800"}, input={"big": {"type": "string"}})
    assert type(caught.value).__name__ == "InvalidContext"


def test_an_absurd_retry_after_does_not_break_the_failure_path(lab: Lab) -> None:
    def throttle(call: Call) -> Any:
        error = ConnectionError("429")
        error.retry_after = 1e12  # type: ignore[attr-defined]
        raise error

    HOOKS["s"] = throttle
    execution_id = lab.start([attack("s")])
    lab.drain()
    assert lab.steps(execution_id)["s"].attempts == 1


@pytest.mark.parametrize(
    "output", [[1], {"a": {1, 2}}, {"a": float("nan")}, {"a": "\x00"}, {"a": "x" * 1_100_000}, {"a": "\ud800"}, 5]
)
def test_outputs_that_are_none(lab: Lab, output: Any) -> None:
    HOOKS["s"] = lambda call: output
    execution_id = lab.start([attack("s")])
    execution = lab.to_the_end(execution_id)
    assert execution.state == "failed"


# --- attempts ---------------------------------------------------------------------------------------------------------


def test_a_redelivered_message_of_a_step_that_waits_counts_nothing(lab: Lab) -> None:
    HOOKS["s"] = lambda call: (_ for _ in ()).throw(ConnectionError("once more"))
    execution_id = lab.start([attack("s")])
    lab.drain()
    assert lab.steps(execution_id)["s"].attempts == 1
    lab.sql("UPDATE workflow_steps SET not_before = now() + interval '1 hour' WHERE execution_id = :e", e=execution_id)
    lab.deliver(execution_id, 0, redelivered=True)
    assert lab.steps(execution_id)["s"].attempts == 1


def test_a_worker_lost_is_counted_as_often_as_it_was_tried(lab: Lab) -> None:
    execution_id = lab.start([attack("s")])
    lab.sql("UPDATE workflow_steps SET attempts = 3 WHERE execution_id = :e", e=execution_id)
    lab.deliver(execution_id, 0, redelivered=True)
    row = lab.steps(execution_id)["s"]
    assert (row.state, row.attempts, row.retry_count) == ("failed", 3, 2)


def test_a_time_limit_inside_a_query_ends_the_attempt(lab: Lab) -> None:
    HOOKS["s"] = lambda call: call.session.execute(text("SELECT pg_sleep(20)")) and {}
    execution_id = lab.start([attack("s", timeout_seconds=1)])
    before = time.monotonic()
    outcome = lab.drain()
    row = lab.steps(execution_id)["s"]
    took = time.monotonic() - before
    assert (row.attempts, row.error_type) == (1, "TimeoutError"), (row.attempts, row.error_type, outcome, took)


def test_a_compensation_keeps_to_its_time_limit(lab: Lab) -> None:
    HOOKS["undo_s"] = lambda call: time.sleep(1.5)
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    execution_id = lab.start([attack("s"), attack("bad")])
    lab.drain()
    row = lab.steps(execution_id)["s"]
    assert (row.state, row.error_type) == ("compensating", "TimeoutError")


def test_a_redelivered_message_does_not_wait_for_the_one_at_work(lab: Lab) -> None:
    execution_id = lab.start([attack("s")])
    with lab.world.database.transaction(lab.owner) as at_work:
        at_work.execute(text("SELECT FROM workflow_steps WHERE execution_id = :e FOR UPDATE"), {"e": execution_id})
        before = time.monotonic()
        escaped = None
        try:
            lab.deliver(execution_id, 0, redelivered=True)
        except Exception as error:
            escaped = error
        took = time.monotonic() - before
        at_work.execute(text("SELECT 1"))
    assert escaped is None, (type(escaped), took)


def test_a_connection_lost_in_the_middle_of_an_attempt_is_retried(lab: Lab) -> None:
    def cut(call: Call) -> Any:
        if call.attempt == 1:
            pid = call.session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with call.transaction() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            call.session.execute(text("SELECT 1"))
        return {}

    HOOKS["s"] = cut
    execution_id = lab.start([attack("s")])
    assert lab.to_the_end(execution_id).state == "completed"
    assert lab.steps(execution_id)["s"].attempts == 2


def test_a_settle_beside_a_rollback_does_not_swallow_its_messages(lab: Lab) -> None:
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    execution_id = lab.start([attack("s"), attack("bad")])
    lab.deliver(execution_id, 0)
    lab.deliver(execution_id, 1)
    with lab.world.database.transaction(lab.owner) as undoing:  # an undo at work
        undoing.execute(
            text("SELECT FROM workflow_steps WHERE execution_id = :e ORDER BY sequence_number FOR UPDATE"),
            {"e": execution_id},
        )
        # would wait for the undo's locks, and keep the next undo from its own, if it took any
        assert service.settle(lab.world.database, owner_id=lab.owner, execution_id=execution_id) is False
    lab.deliver(execution_id, 0, undo=True)
    assert lab.states(execution_id)["s"] == "compensated"


# --- retry by hand ----------------------------------------------------------------------------------------------------


def test_a_retry_of_a_failed_execution_goes_on_behind_the_step(lab: Lab) -> None:
    broken = [True]

    def bad(call: Call) -> Any:
        if broken:
            raise StepFailed("no", permanent=True)
        return {}

    HOOKS["bad"] = bad
    execution_id = lab.start([attack("a"), attack("bad"), attack("rest")], rollback_on_failure=False)
    lab.drain()
    assert lab.look(execution_id).state == "failed"
    broken.clear()
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id, step_names=["bad"])
    lab.drain()
    assert (lab.look(execution_id).state, lab.states(execution_id)) == (
        "completed",
        {"a": "completed", "bad": "completed", "rest": "completed"},
    )


def test_an_execution_with_a_critical_step_that_failed_is_not_completed(lab: Lab) -> None:
    broken = {"one", "two"}

    def bad(call: Call) -> Any:
        if call.step_name in broken:
            raise StepFailed("no", permanent=True)
        return {}

    HOOKS["one"] = HOOKS["two"] = bad
    execution_id = lab.start(
        [attack("one", "leased", depends_on=[]), attack("two", "leased", depends_on=[])], rollback_on_failure=False
    )
    # both are at work when the first fails
    lab.broker.sent.clear()
    HOOKS["one"] = lambda call: (lab.deliver(execution_id, 1), bad(call))[1]
    lab.deliver(execution_id, 0)
    lab.to_the_end(execution_id, rounds=2)
    assert lab.states(execution_id) == {"one": "failed", "two": "failed"}
    broken.remove("one")
    HOOKS["one"] = bad
    with lab.world.database.transaction(lab.owner) as session, pytest.raises(WrongState, match="two"):
        service.retry_steps(session, execution_id=execution_id, step_names=["one"])
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id, step_names=["one", "two"])
    lab.drain()
    assert lab.look(execution_id).state != "completed", lab.states(execution_id)


# --- sweeps and leases ------------------------------------------------------------------------------------------------


def test_a_broker_that_is_away_for_long_does_not_delay_what_comes_after(lab: Lab) -> None:
    execution_id = lab.start([attack("s")])
    lab.broker.sent.clear()
    lab.broker.away = True
    for _ in range(6):
        lab.sql(
            "UPDATE workflow_steps SET sent_at = sent_at - interval '1 day' WHERE execution_id = :e", e=execution_id
        )
        lab.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=execution_id)
        lab.sweep()
    lab.broker.away = False
    lab.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=execution_id)
    lab.sql("UPDATE workflow_steps SET sent_at = sent_at - interval '30 s' WHERE execution_id = :e", e=execution_id)
    lab.sweep()
    row = lab.steps(execution_id)["s"]
    assert lab.broker.sent, f"tries {row.tries}: the next try is {5 * 2**row.tries} s after the last one that failed"


def test_what_was_sent_just_before_a_look_is_looked_after_when_it_is_due(lab: Lab) -> None:
    execution_id = lab.start([attack("s"), attack("then")])
    lab.deliver(execution_id, 0)
    # the worker died with the message two seconds less ago than a message may take, and the sweeper comes by now
    lab.sql(
        "UPDATE workflow_steps SET sent_at = now() - make_interval(secs => :ago) WHERE execution_id = :e AND unmet = 0",
        e=execution_id,
        ago=lab.world.settings.resend_after - 2,
    )
    lab.sql("UPDATE workflow_executions SET check_at = now() WHERE id = :e", e=execution_id)
    lab.broker.sent.clear()
    lab.sweep()
    assert not lab.broker.sent
    with lab.world.database.transaction(lab.owner) as session:
        seconds = session.execute(
            text("SELECT extract(epoch FROM check_at - now()) FROM workflow_executions WHERE id = :e"),
            {"e": execution_id},
        ).scalar_one()
    assert 0 < seconds <= 2


def test_a_rollback_is_looked_after_as_soon_as_a_start(lab: Lab) -> None:
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    execution_id = lab.start([attack("s"), attack("bad")])
    lab.deliver(execution_id, 0)
    lab.broker.sent.clear()
    lab.deliver(execution_id, 1)
    with lab.world.database.transaction(lab.owner) as session:
        seconds = session.execute(
            text("SELECT extract(epoch FROM check_at - now()) FROM workflow_executions WHERE id = :e"),
            {"e": execution_id},
        ).scalar_one()
    assert seconds <= lab.world.settings.resend_after


def test_a_step_is_not_begun_again_while_what_it_had_begun_is_undone(lab: Lab) -> None:
    made = []

    def fails(call: Call) -> Any:
        made.append(call.attempt)
        raise StepFailed("no", permanent=True)

    def slow(call: Call) -> None:
        time.sleep(lab.world.settings.lease_seconds + 1)
        lab.sql(
            "UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=call.execution_id
        )
        lab.sweep()
        HOOKS.pop("undo_s")
        made.append(("while undoing", lab.steps(call.execution_id)["s"].state))
        for _, execution_id, number, undoing in lab.broker.sent[:]:
            lab.broker.sent.clear()
            lab.deliver(execution_id, number, undo=undoing)

    HOOKS["s"] = fails
    HOOKS["undo_s"] = slow
    lab.start([attack("s", "leased", critical=False)])
    lab.drain()
    assert made in ([1], [1, ("while undoing", "running")]), made


def test_observers_hear_of_steps_that_the_execution_timed_out_of(lab: Lab) -> None:
    heard: list[tuple[str, str]] = []

    class Hearing:
        def __getattr__(self, name: str) -> Any:
            def hear(session: Any, execution: Any, step: Any = None) -> None:
                if step is not None:
                    heard.append((name, f"{step.name} {step.state}"))

            return hear

    def overdue(call: Call) -> Any:
        lab.sql(
            "UPDATE workflow_executions SET started_at = now() - interval '1 day', check_at = now() WHERE id = :e",
            e=call.execution_id,
        )
        lab.sweep()
        for _, (_, execution_id) in lab.broker.tasks[:]:
            service.expire(lab.world.database, owner_id=lab.owner, execution_id=execution_id)
        lab.broker.tasks.clear()
        return {}

    HOOKS["s"] = overdue
    execution_id = lab.start([attack("s", "leased")])
    observed(lab, execution_id, Hearing())
    lab.drain()
    assert ("step_ended", "s failed") in heard, (heard, lab.states(execution_id))


# --- the ledger, secrets ----------------------------------------------------------------------------------------------


def test_a_steps_own_compensation_takes_the_place_of_the_intended_one(lab: Lab) -> None:
    undone = []
    HOOKS["undo_s"] = lambda call: undone.append("the operation's")
    HOOKS["undo_other"] = lambda call: undone.append("the step's own")
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    execution_id = lab.start(
        [attack("s", "leased", compensate={"operation": "attack.undo", "params": {"name": "other"}}), attack("bad")]
    )
    lab.drain()
    assert undone == ["the step's own"], lab.states(execution_id)


def test_a_databases_details_stay_out_of_errors(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    from tasks.steps import StepFailure, carry_on

    def twice(call: Call) -> Any:
        call.session.execute(text("INSERT INTO test_flags VALUES (:name)"), {"name": secret})
        return {}

    secret = "hunter2-" + "secret"  # not as it stands in a line that a traceback quotes
    HOOKS["s"] = twice
    lab.raise_flag(secret)
    execution_id = lab.start([attack("s")])
    outcome = lab.drain()[0]
    row = lab.steps(execution_id)["s"]

    class Task:
        name = "attack.plain"

        class request:  # noqa: N801 - Celery's name
            chain = None
            chord = None

    class Process:
        sender = lab.broker

    said = ""
    try:
        carry_on(Process(), Task(), Delivery(lab.owner, execution_id, 0), outcome)  # type: ignore[arg-type]
    except StepFailure as failure:
        said = str(failure)
    places = {
        "error_message": row.error_message,
        "error_traceback": row.error_traceback,
        "what Flower shows": said,
        "the log": "".join(record.getMessage() + str(record.exc_info) for record in caplog.records),
    }
    assert [place for place, words in places.items() if secret in (words or "")] == []


def test_a_send_that_fails_does_not_make_a_completed_step_a_failure(lab: Lab) -> None:
    from tasks.steps import carry_on

    execution_id = lab.start([attack("a"), attack("b", depends_on=["a"]), attack("c", depends_on=["a"])])
    outcome = lab.deliver(execution_id, 0)
    lab.broker.away = True

    class Task:
        name = "attack.plain"

        class request:  # noqa: N801 - Celery's name
            chain = None
            chord = None

    class Process:
        sender = lab.broker

    carry_on(Process(), Task(), Delivery(lab.owner, execution_id, 0), outcome)  # type: ignore[arg-type]


def test_a_compensation_has_an_idempotency_key_of_its_own(lab: Lab) -> None:
    keys = []
    HOOKS["s"] = lambda call: keys.append(call.idempotency_key) or {}
    HOOKS["undo_s"] = lambda call: keys.append(call.idempotency_key)
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    execution_id = lab.start([attack("s"), attack("bad")])
    lab.drain()
    assert len(set(keys)) == 2, (keys, lab.states(execution_id))


def test_a_mail_that_takes_a_mail_back_is_sent(lab: Lab) -> None:
    HOOKS["bad"] = lambda call: (_ for _ in ()).throw(StepFailed("no", permanent=True))
    params = {
        "recipient": "a@example.com",
        "variables": {
            "order_number": "1",
            "customer_name": "A",
            "company_name": "B",
            "activation_url": "u",
            "reason": "r",
        },
    }
    mail = "communications_service.send_template_email"
    execution_id = lab.start(
        [
            step(
                "s",
                "send_template_email",
                service_name="communications_service",
                params={"template": "customer_welcome", **params},
                compensate={"operation": mail, "params": {"template": "order_failed", **params}},
            ),
            attack("bad"),
        ]
    )
    lab.broker.send_task = lambda name, *args: None  # type: ignore[method-assign]
    lab.drain()
    service.settle(lab.world.database, owner_id=lab.owner, execution_id=execution_id)
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        sent = session.execute(text("SELECT template FROM messages ORDER BY 1")).scalars().all()
    assert sent == ["customer_welcome", "order_failed"], lab.states(execution_id)


def test_a_step_in_one_transaction_shows_how_long_it_took(lab: Lab) -> None:
    HOOKS["s"] = lambda call: call.session.execute(text("SELECT pg_sleep(0.05)")) and {}
    execution_id = lab.start([attack("s")])
    lab.drain()
    row = lab.steps(execution_id)["s"]
    assert row.duration_seconds is not None
    assert row.duration_seconds >= Decimal("0.05")
    assert [e.to_state for e in lab.history(execution_id) if e.step_name == "s"] == ["running", "completed"]


def test_what_waits_in_a_long_queue_is_not_sent_again(lab: Lab) -> None:
    execution_id = lab.start([attack("s")])
    lab.broker.sent.clear()
    lab.sql("UPDATE workflow_steps SET sent_at = now() - interval '1 minute' WHERE execution_id = :e", e=execution_id)
    for queue, seconds_ago, sent in (("special", 90, 0), ("turnup", 90, 1), ("special", 30, 1)):
        lab.sql(
            "UPDATE workflow_steps SET tries = 0, sent_at = now() - interval '1 minute' WHERE execution_id = :e",
            e=execution_id,
        )
        lab.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=execution_id)
        lab.broker.sent.clear()
        lab.sweep(seen={queue: time.time() - seconds_ago})
        own = [each for each in lab.broker.sent if each[1] == execution_id]
        assert len(own) == sent, (queue, seconds_ago)
    lab.drain()
    assert lab.look(execution_id).state == "completed"


@pytest.mark.parametrize("method", ["plain", "leased"])
def test_history_has_no_gap_where_an_attempt_failed(lab: Lab, method: str) -> None:
    HOOKS["s"] = lambda call: {} if call.attempt > 1 else (_ for _ in ()).throw(ConnectionError("once more"))
    execution_id = lab.start([attack("s", method)])
    lab.to_the_end(execution_id)
    told = [(e.from_state, e.to_state) for e in lab.history(execution_id) if e.step_name == "s"]
    first = [("pending", "running"), ("running", "retrying")]
    assert told == [*first, ("pending", "running"), ("running", "completed")]


def test_a_skipped_step_leaves_nothing_half_made(lab: Lab) -> None:
    undone = []
    HOOKS["undo_s"] = lambda call: undone.append(call.step_name)
    HOOKS["s"] = lambda call: (_ for _ in ()).throw(ConnectionError("half made"))
    execution_id = lab.start([attack("s", "leased"), attack("after")])
    lab.deliver(execution_id, 0)
    lab.broker.sent.clear()
    with lab.world.database.transaction(lab.owner) as session:
        service.skip_steps(session, execution_id=execution_id, step_names=["s"])
    lab.drain()
    assert (lab.look(execution_id).state, lab.states(execution_id)["s"], undone) == ("completed", "skipped", ["s"])
