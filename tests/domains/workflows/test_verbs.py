"""What operators do to executions, one delivery at a time, on a database that no worker sweeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app.core.audit import ACTOR
from app.core.settings import Settings
from app.domains.workflows import service
from app.domains.workflows.errors import InvalidContext, StepNotFound, WrongState
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

OPERATED = Catalogue()
HOOKS: dict[str, Callable[[Call], Any]] = {}
"""What an operation does, by the step's name."""

BROKEN: set[str] = set()
"""Steps that fail for good as long as their names are in here."""


@OPERATED.operation("operated.plain", undone_by="operated.undo")
def plain(call: Call, *, value: Any = None) -> dict[str, Any]:
    call.effect("thing", call.step_name, f"A thing of {call.step_name}", undo={"name": call.step_name})
    hook = HOOKS.get(call.step_name)
    return hook(call) if hook else {"value": None}


@OPERATED.operation("operated.undo", moves_money=True)
def undo(call: Call, *, name: str) -> dict[str, Any]:
    hook = HOOKS.get(f"undo_{name}")
    if hook:
        hook(call)
    return {}


@OPERATED.operation("operated.leased", undone_by="operated.undo", lease=True)
def leased(call: Call, *, value: Any = None) -> dict[str, Any]:
    hook = HOOKS.get(call.step_name)
    return hook(call) if hook else {"value": None}


def operated(name: str, method: str = "plain", **more: Any) -> dict[str, Any]:
    return step(name, method, service_name="operated", **more)


@pytest.fixture(scope="session")
def verbs_settings(worker_id: str) -> Settings:
    """A database of its own, which no sweeper looks at."""
    return replace(prepared(f"turnup_verbs_{worker_id}", 15), resend_after=5.0)


@pytest.fixture
def lab(verbs_settings: Settings) -> Iterator[Lab]:
    HOOKS.clear()
    BROKEN.clear()
    with opened(verbs_settings, OPERATED) as lab:
        yield lab


def maybe(call: Call) -> Any:
    if call.step_name in BROKEN:
        raise StepFailed("no", permanent=True)
    return {"value": call.step_name}


def does(lab: Lab, verb: Callable[..., Any], execution_id: int, **arguments: Any) -> Any:
    """An operator's verb, then all the work that follows from it."""
    with lab.world.database.transaction(lab.owner) as session:
        session.info[ACTOR] = "somebody"
        done = verb(session, execution_id=execution_id, **arguments)
    lab.drain()
    return done


def state(lab: Lab, execution_id: int) -> tuple[str, str]:
    found = lab.look(execution_id)
    return found.state, found.rollback


def audited(lab: Lab, execution_id: int) -> list[tuple[str, str, str | None, str, str]]:
    """Who did what and why, with the state before and after."""
    with lab.world.database.transaction(lab.owner) as session:
        rows = session.execute(
            text(
                "SELECT actor, action, reason, before ->> 'state' AS was, after ->> 'state' AS is FROM audit_log "
                "WHERE object = :object ORDER BY id"
            ),
            {"object": f"execution/{execution_id}"},
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def keys(lab: Lab, execution_id: int) -> dict[str, str]:
    return {name: str(row.idempotency_key) for name, row in lab.steps(execution_id).items()}


# --- pause and resume -------------------------------------------------------------------------------------------------


def test_a_paused_execution_begins_nothing_and_goes_on_where_it_was(lab: Lab) -> None:
    execution_id = lab.start([operated("a"), operated("b"), operated("c")])
    lab.deliver(execution_id, 0)
    does(lab, service.pause, execution_id, reason="looking at it")
    assert (state(lab, execution_id), lab.states(execution_id)) == (
        ("paused", "none"),
        {"a": "completed", "b": "pending", "c": "pending"},
    )
    lab.sweep()
    assert [sent for sent in lab.broker.sent if sent[1] == execution_id] == []
    does(lab, service.resume, execution_id)
    assert state(lab, execution_id) == ("completed", "none")
    assert audited(lab, execution_id) == [
        ("somebody", "execution.pause", "looking at it", "running", "paused"),
        ("somebody", "execution.resume", None, "paused", "running"),
    ]


def test_what_ends_during_a_pause_is_settled_when_it_is_resumed(lab: Lab) -> None:
    def pausing(call: Call) -> Any:
        does(lab, service.pause, call.execution_id)
        return maybe(call)

    HOOKS["s"] = pausing
    execution_id = lab.start([operated("s", "leased")])
    lab.drain()
    assert (state(lab, execution_id), lab.states(execution_id)) == (("paused", "none"), {"s": "completed"})
    does(lab, service.resume, execution_id)
    assert state(lab, execution_id) == ("completed", "none")


def test_a_failure_during_a_pause_is_rolled_back_when_it_is_resumed(lab: Lab) -> None:
    def pausing(call: Call) -> Any:
        does(lab, service.pause, call.execution_id)
        raise StepFailed("no", permanent=True)

    HOOKS["bad"] = pausing
    execution_id = lab.start([operated("a"), operated("bad", "leased")])
    lab.drain()
    assert (state(lab, execution_id), lab.states(execution_id)["a"]) == (("paused", "pending"), "completed")
    does(lab, service.resume, execution_id)
    assert (state(lab, execution_id), lab.states(execution_id)["a"]) == (("failed", "done"), "compensated")


def test_a_pause_stops_the_clock_of_the_longest_duration(lab: Lab) -> None:
    execution_id = lab.start([operated("a"), operated("b")], max_duration_seconds=3600)
    lab.sql(
        "UPDATE workflow_executions SET started_at = now() - interval '50 minutes', busy_since = now() - interval '50 minutes' "
        "WHERE id = :e",
        e=execution_id,
    )
    does(lab, service.pause, execution_id)
    assert lab.look(execution_id).busy_seconds == pytest.approx(3000, abs=5)
    does(lab, service.resume, execution_id)
    assert state(lab, execution_id) == ("completed", "none")


def test_a_retry_that_is_due_later_waits_for_its_time_after_a_resume(lab: Lab) -> None:
    HOOKS["s"] = lambda call: (_ for _ in ()).throw(ConnectionError("later"))
    execution_id = lab.start([operated("s")])
    lab.drain()
    lab.sql("UPDATE workflow_steps SET not_before = now() + interval '1 hour' WHERE execution_id = :e", e=execution_id)
    does(lab, service.pause, execution_id)
    does(lab, service.resume, execution_id)
    assert (lab.broker.sent, lab.steps(execution_id)["s"].sent_at) == ([], None)
    HOOKS["s"] = maybe
    lab.due(execution_id)
    lab.sweep()
    lab.drain()
    assert state(lab, execution_id) == ("completed", "none")


def test_a_timer_that_came_due_during_a_pause_fires_after_it(lab: Lab) -> None:
    execution_id = lab.start([{"name": "w", "type": "wait", "seconds": 3600}, operated("a")])
    lab.drain()
    assert state(lab, execution_id) == ("waiting", "none")
    does(lab, service.pause, execution_id)
    lab.sql(
        "UPDATE workflow_steps SET due_at = now(), wake_at = now() WHERE execution_id = :e AND wake_at IS NOT NULL",
        e=execution_id,
    )
    service.tick(lab.world)
    lab.drain()
    assert (state(lab, execution_id), lab.states(execution_id)["w"]) == (("paused", "none"), "waiting")
    does(lab, service.resume, execution_id)
    assert state(lab, execution_id) == ("completed", "none")


def test_an_execution_that_waits_waits_on_after_a_pause(lab: Lab) -> None:
    execution_id = lab.start([{"name": "w", "type": "wait", "event": "it.happens"}, operated("a")])
    lab.drain()
    does(lab, service.pause, execution_id)
    does(lab, service.resume, execution_id)
    assert (state(lab, execution_id), lab.states(execution_id)["w"]) == (("waiting", "none"), "waiting")
    does(lab, service.pause, execution_id)
    does(lab, service.signal, execution_id, name="it.happens", data={})
    assert state(lab, execution_id) == ("paused", "none")
    does(lab, service.resume, execution_id)
    assert state(lab, execution_id) == ("completed", "none")


@pytest.mark.parametrize("verb", [service.pause, service.resume, service.cancel, service.terminate])
def test_what_has_ended_is_neither_paused_nor_stopped(lab: Lab, verb: Callable[..., Any]) -> None:
    execution_id = lab.start([operated("a")])
    lab.drain()
    with pytest.raises(WrongState, match=f"Execution {execution_id} is completed"):
        does(lab, verb, execution_id)
    assert audited(lab, execution_id) == []


# --- skip -------------------------------------------------------------------------------------------------------------


def test_steps_that_have_not_begun_are_skipped_when_their_turn_comes(lab: Lab) -> None:
    execution_id = lab.start([operated("a"), operated("b"), operated("c", params={"value": "${steps.b.output}"})])
    does(lab, service.skip_steps, execution_id, step_names=["b"], reason="not needed")
    assert lab.states(execution_id) == {"a": "completed", "b": "skipped", "c": "completed"}
    assert lab.steps(execution_id)["c"].input_data in (None, {}, {"value": None})
    assert audited(lab, execution_id)[0][:3] == ("somebody", "execution.skip", "not needed")


def test_a_step_that_waits_for_its_next_attempt_is_skipped_at_once(lab: Lab) -> None:
    HOOKS["s"] = lambda call: (_ for _ in ()).throw(ConnectionError("later"))
    execution_id = lab.start([operated("s"), operated("b")])
    lab.drain()
    lab.sql(
        "UPDATE workflow_steps SET not_before = now() + interval '1 hour' WHERE execution_id = :e AND attempts > 0",
        e=execution_id,
    )
    does(lab, service.skip_steps, execution_id, step_names=["s"])
    assert (state(lab, execution_id)[0], lab.states(execution_id)["s"]) == ("completed", "skipped")


def test_a_parked_step_is_skipped(lab: Lab) -> None:
    execution_id = lab.start([{"name": "w", "type": "wait", "event": "it.happens"}, operated("a")])
    lab.drain()
    does(lab, service.skip_steps, execution_id, step_names=["w"])
    assert (state(lab, execution_id)[0], lab.states(execution_id)) == ("completed", {"w": "skipped", "a": "completed"})


def test_a_failed_step_is_skipped_and_its_execution_goes_on(lab: Lab) -> None:
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    execution_id = lab.start([operated("a"), operated("bad"), operated("c")], rollback_on_failure=False)
    lab.drain()
    assert state(lab, execution_id) == ("failed", "none")
    does(lab, service.skip_steps, execution_id, step_names=["bad"])
    assert (state(lab, execution_id)[0], lab.states(execution_id)) == (
        "completed",
        {"a": "completed", "bad": "skipped", "c": "completed"},
    )


def test_the_elements_of_a_failed_step_that_is_skipped_stay_as_they_are(lab: Lab) -> None:
    HOOKS["each[1]"] = maybe
    BROKEN.add("each[1]")
    each = operated("each", for_each="${items}", max_parallel=1)
    execution_id = lab.start(
        [each, operated("last")], context={"items": [1, 2, 3]}, input={"items": {}}, rollback_on_failure=False
    )
    lab.drain()
    does(lab, service.skip_steps, execution_id, step_names=["each"])
    assert lab.states(execution_id) == {"each": "skipped", "last": "completed"}
    with lab.world.database.transaction(lab.owner) as session:
        counts = service.element_counts(session, execution_id=execution_id)
    assert counts[0] == {"cancelled": 1, "completed": 1, "failed": 1}


def test_a_step_at_work_or_done_is_not_skipped(lab: Lab) -> None:
    def skipping(call: Call) -> Any:
        with pytest.raises(WrongState, match="at work"):
            does(lab, service.skip_steps, call.execution_id, step_names=[call.step_name])
        return {}

    HOOKS["plain"] = HOOKS["leased"] = skipping
    execution_id = lab.start([operated("plain"), operated("leased", "leased"), operated("last")])
    lab.deliver(execution_id, 0)
    lab.deliver(execution_id, 1)
    with pytest.raises(WrongState, match="Step plain is completed"):
        does(lab, service.skip_steps, execution_id, step_names=["plain"])
    with pytest.raises(StepNotFound, match="no step 'nothing'"):
        does(lab, service.skip_steps, execution_id, step_names=["nothing"])


# --- retry ------------------------------------------------------------------------------------------------------------


def test_a_retry_after_a_rollback_does_again_what_was_undone(lab: Lab) -> None:
    made: list[tuple[str, str]] = []

    def note(call: Call) -> Any:
        made.append((call.step_name, call.idempotency_key))
        return maybe(call)

    for name in ("a", "b", "bad", "c"):
        HOOKS[name] = note
    BROKEN.add("bad")
    shape = {"name": "shape", "type": "transform", "output": {"made": "${steps.a.output.value}"}, "depends_on": ["a"]}
    execution_id = lab.start([operated("a"), shape, operated("b"), operated("bad"), operated("c")])
    lab.drain()
    assert state(lab, execution_id) == ("failed", "done")
    before = keys(lab, execution_id)
    BROKEN.clear()
    first = list(made)
    made.clear()
    does(lab, service.retry_steps, execution_id, reason="mended")
    assert state(lab, execution_id) == ("completed", "none")
    assert [name for name, _ in made] == ["a", "b", "bad", "c"]
    after = keys(lab, execution_id)
    assert {name for name in before if before[name] != after[name]} == {"a", "shape", "b"}
    assert dict(first)["bad"] == dict(made)["bad"]
    assert audited(lab, execution_id)[-1] == ("somebody", "execution.retry", "mended", "failed", "running")


def test_a_retry_asks_nobody_twice_and_repeats_nothing_that_stands(lab: Lab) -> None:
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    asked = {"name": "ask", "type": "approval", "permission": "workflow:execute", "prompt": "May it?"}
    execution_id = lab.start([operated("a"), asked, operated("told", compensate="none"), operated("bad")])
    lab.drain()
    does(lab, service.answer, execution_id, approved=True, may=lambda permission: True)
    assert state(lab, execution_id) == ("failed", "done")
    BROKEN.clear()
    told = lab.steps(execution_id)["told"].completed_at
    does(lab, service.retry_steps, execution_id)
    assert state(lab, execution_id) == ("completed", "none")
    assert lab.steps(execution_id)["told"].completed_at == told


def test_a_retried_execution_has_its_longest_duration_anew(lab: Lab) -> None:
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    execution_id = lab.start([operated("bad"), operated("c")], rollback_on_failure=False, max_duration_seconds=60)
    lab.drain()
    lab.sql(
        "UPDATE workflow_executions SET started_at = now() - interval '1 day', busy_since = now() - interval '1 day' "
        "WHERE id = :e",
        e=execution_id,
    )
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id)
    lab.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=execution_id)
    lab.sweep()
    BROKEN.clear()
    lab.drain()
    assert state(lab, execution_id) == ("completed", "none")


def test_two_who_retry_one_execution_retry_it_once(lab: Lab) -> None:
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    execution_id = lab.start([operated("bad")], rollback_on_failure=False)
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id)
    with pytest.raises(WrongState):
        does(lab, service.retry_steps, execution_id)


@pytest.mark.parametrize("count_parked", [False, True])
def test_a_retried_execution_queues_while_its_concurrency_key_is_at_its_limit(lab: Lab, *, count_parked: bool) -> None:
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    concurrency = {"key": "k", "limit": 1, "count_parked": count_parked}
    execution_id = lab.start([operated("bad")], rollback_on_failure=False, concurrency=concurrency)
    lab.drain()
    BROKEN.clear()
    with lab.world.database.transaction(lab.owner) as session:
        name = service.get_execution(session, execution_id=execution_id).workflow_name
        other = service.start(session, workflow=name, context={}, trigger_type="manual")
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id)
    assert (state(lab, other)[0], state(lab, execution_id)[0]) == ("running", "waiting")
    assert lab.look(execution_id).queued_at is not None
    lab.drain()
    assert (state(lab, other)[0], state(lab, execution_id)[0]) == ("completed", "completed")


def test_an_execution_that_is_paused_while_it_queues_queues_again_when_it_is_resumed(lab: Lab) -> None:
    waits = {"name": "w", "type": "wait", "event": "it.happens"}
    execution_id = lab.start([waits, operated("a")], concurrency={"key": "k", "limit": 1})
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        name = service.get_execution(session, execution_id=execution_id).workflow_name
        other = service.start(session, workflow=name, context={}, trigger_type="manual")
        service.signal(session, execution_id=execution_id, name="it.happens")
    for verb in (service.pause, service.resume):
        with lab.world.database.transaction(lab.owner) as session:
            verb(session, execution_id=execution_id)
    assert (state(lab, other)[0], state(lab, execution_id)[0]) == ("running", "waiting")
    lab.drain()
    assert (state(lab, other)[0], state(lab, execution_id)[0]) == ("waiting", "completed")


# --- re-run from a step -----------------------------------------------------------------------------------------------


def test_a_step_and_what_follows_run_again_after_their_effects_are_undone(lab: Lab) -> None:
    done: list[str] = []
    for name in ("a", "b", "c", "beside"):
        HOOKS[name] = lambda call: done.append(call.step_name) or {"value": 1}
        HOOKS[f"undo_{name}"] = lambda call: done.append(f"undo {call.step_name}")
    execution_id = lab.start(
        [
            operated("a", params={"value": "${n}"}),
            operated("b", params={"value": "${n}"}),
            operated("c"),
            operated("beside", depends_on=["a"]),
        ],
        context={"n": 1},
        input={"n": {"type": "integer"}},
    )
    lab.drain()
    before = keys(lab, execution_id)
    done.clear()
    does(lab, service.rerun, execution_id, step_name="b", context={"n": 2}, reason="wrong number")
    assert done == ["undo c", "undo b", "b", "c"]
    after = keys(lab, execution_id)
    assert {name for name in before if before[name] != after[name]} == {"b", "c"}
    found = lab.look(execution_id)
    assert (found.state, found.rollback, found.stopping, found.rerun) == ("completed", "none", None, None)
    assert (found.context, lab.steps(execution_id)["b"].input_data) == ({"n": 2}, {"value": 2})
    assert lab.steps(execution_id)["a"].input_data == {"value": 1}
    assert audited(lab, execution_id) == [("somebody", "execution.rerun", "wrong number", "completed", "running")]


def test_a_rerun_lets_finish_what_runs_and_keeps_what_is_to_come(lab: Lab) -> None:
    done: list[str] = []

    def rerunning(call: Call) -> Any:
        if not done:
            with lab.world.database.transaction(lab.owner) as session:
                service.rerun(session, execution_id=call.execution_id, step_name="b")
        done.append(call.step_name)
        return {}

    HOOKS["slow"] = rerunning
    HOOKS["b"] = HOOKS["last"] = lambda call: done.append(call.step_name) or {}
    execution_id = lab.start(
        [
            operated("b", depends_on=[]),
            operated("slow", "leased", depends_on=[]),
            {"name": "w", "type": "wait", "event": "it.happens", "depends_on": []},
            operated("last", depends_on=["slow", "w", "b"]),
        ]
    )
    numbers = {name: row.sequence_number for name, row in lab.steps(execution_id).items()}
    lab.deliver(execution_id, numbers["b"])
    lab.deliver(execution_id, numbers["w"])
    done.clear()
    lab.deliver(execution_id, numbers["slow"])
    lab.drain()
    assert lab.states(execution_id) == {"b": "completed", "slow": "completed", "w": "waiting", "last": "pending"}
    assert done == ["slow", "b"]
    does(lab, service.signal, execution_id, name="it.happens", data={})
    assert (state(lab, execution_id), done) == (("completed", "none"), ["slow", "b", "last"])


def test_elements_beside_a_rerun_go_on_after_it(lab: Lab) -> None:
    done: list[str] = []

    def rerunning(call: Call) -> Any:
        if not done:
            with lab.world.database.transaction(lab.owner) as session:
                service.rerun(session, execution_id=call.execution_id, step_name="b")
        done.append(call.step_name)
        return {}

    HOOKS.update({f"each[{index}]": rerunning for index in range(3)})
    each = operated("each", "leased", depends_on=[], for_each="${items}", max_parallel=1)
    execution_id = lab.start(
        [operated("b", depends_on=[]), each, operated("last", depends_on=["each", "b"])],
        context={"items": [1, 2, 3]},
        input={"items": {}},
    )
    lab.drain()
    assert (state(lab, execution_id), done) == (("completed", "none"), ["each[0]", "each[1]", "each[2]"])


def test_an_element_that_fails_beside_a_rerun_stops_the_others_after_it(lab: Lab) -> None:
    def failing(call: Call) -> Any:
        with lab.world.database.transaction(lab.owner) as session:
            service.rerun(session, execution_id=call.execution_id, step_name="b")
        raise StepFailed("no", permanent=True)

    HOOKS["each[0]"] = failing
    each = operated("each", "leased", depends_on=[], for_each="${items}", max_parallel=1, critical=False)
    execution_id = lab.start([operated("b", depends_on=[]), each], context={"items": [1, 2, 3]}, input={"items": {}})
    lab.drain()
    assert (state(lab, execution_id), lab.states(execution_id)["each"]) == (("completed", "none"), "failed")
    with lab.world.database.transaction(lab.owner) as session:
        assert service.element_counts(session, execution_id=execution_id)[1] == {"cancelled": 2, "failed": 1}


def test_a_critical_failure_beside_a_rerun_is_no_completion(lab: Lab) -> None:
    def failing(call: Call) -> Any:
        with lab.world.database.transaction(lab.owner) as session:
            service.rerun(session, execution_id=call.execution_id, step_name="b")
        raise StepFailed("no", permanent=True)

    HOOKS["slow"] = failing
    execution_id = lab.start(
        [
            operated("a"),
            operated("b", depends_on=["a"]),
            operated("slow", "leased", depends_on=["a"]),
            operated("last", depends_on=["slow", "b"]),
        ]
    )
    lab.drain()
    found = lab.look(execution_id)
    assert (found.state, found.rollback, found.rerun, found.error["step"]) == ("failed", "done", None, "slow")
    HOOKS.clear()
    does(lab, service.retry_steps, execution_id)
    assert (state(lab, execution_id), set(lab.states(execution_id).values())) == (("completed", "none"), {"completed"})


def test_a_rerun_whose_undo_gives_up_goes_on_once_the_rollback_is_retried(lab: Lab) -> None:
    def stuck(call: Call) -> None:
        raise StepFailed("stuck", permanent=True)

    HOOKS["undo_b"] = stuck
    execution_id = lab.start([operated("a"), operated("b"), operated("c")])
    lab.drain()
    does(lab, service.rerun, execution_id, step_name="b")
    assert state(lab, execution_id) == ("failed", "incomplete")
    HOOKS.pop("undo_b")
    does(lab, service.retry_rollback, execution_id)
    assert (state(lab, execution_id), set(lab.states(execution_id).values())) == (("completed", "none"), {"completed"})


def test_a_rerun_of_what_failed_and_was_rolled_back_begins_with_what_is_gone(lab: Lab) -> None:
    done: list[str] = []

    def note(call: Call) -> Any:
        done.append(call.step_name)
        return maybe(call)

    HOOKS.update(dict.fromkeys(("a", "b", "bad"), note))
    BROKEN.add("bad")
    execution_id = lab.start([operated("a"), operated("b"), operated("bad")])
    lab.drain()
    BROKEN.clear()
    done.clear()
    does(lab, service.rerun, execution_id, step_name="b")
    assert (state(lab, execution_id), done) == (("completed", "none"), ["a", "b", "bad"])


def test_a_rerun_decides_anew_what_is_skipped_but_for_conditions_that_stand(lab: Lab) -> None:
    false = {"type": "condition", "condition": "false", "on_false": "skip_dependents"}
    execution_id = lab.start(
        [
            operated("a", depends_on=[]),
            {"name": "no", "depends_on": [], **false},
            operated("both", depends_on=["a", "no"]),
            operated("b", depends_on=["a"]),
        ]
    )
    does(lab, service.skip_steps, execution_id, step_names=["b"])
    assert lab.states(execution_id) == {"a": "completed", "no": "completed", "both": "skipped", "b": "skipped"}
    does(lab, service.rerun, execution_id, step_name="a")
    assert lab.states(execution_id) == {"a": "completed", "no": "completed", "both": "skipped", "b": "completed"}
    does(lab, service.rerun, execution_id, step_name="both")
    assert lab.states(execution_id)["both"] == "completed"


def test_a_rerun_refuses_input_that_does_not_fit_and_a_failure_that_it_would_leave(lab: Lab) -> None:
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    execution_id = lab.start(
        [operated("a"), operated("bad", depends_on=[]), operated("c", depends_on=["a"])],
        context={"n": 1},
        input={"n": {"type": "integer"}},
        rollback_on_failure=False,
    )
    lab.drain()
    with pytest.raises(InvalidContext):
        does(lab, service.rerun, execution_id, step_name="bad", context={"n": "two"})
    with pytest.raises(WrongState, match="bad"):
        does(lab, service.rerun, execution_id, step_name="a")
    assert state(lab, execution_id) == ("failed", "none")


# --- replay, cancel, terminate ----------------------------------------------------------------------------------------


def test_a_replay_is_a_new_execution_with_the_same_input(lab: Lab) -> None:
    execution_id = lab.start([operated("a")], context={"n": 1}, input={"n": {"type": "integer"}})
    lab.drain()
    old = lab.look(execution_id)
    changed = {**old.snapshot, "version": "2.0.0", "steps": [operated("other")]}
    with lab.world.database.transaction(lab.owner) as session:
        service.new_version(session, workflow_id=old.workflow_id, document=changed)
    new = does(lab, service.replay, execution_id, context={"n": 5}, reason="once more", replayed_by="somebody")
    same = does(lab, service.replay, execution_id, same_version=True)
    assert (set(lab.states(new.id)), set(lab.states(same.id))) == ({"other"}, {"a"})
    assert (lab.look(new.id).context, lab.look(new.id).workflow_version) == ({"n": 5}, "2.0.0")
    assert (lab.look(same.id).labels, lab.look(same.id).workflow_version) == ({"replay_of": execution_id}, "1.0.0")
    assert {lab.look(each.id).state for each in (new, same)} == {"completed"}
    assert audited(lab, execution_id)[0][1:3] == ("execution.replay", "once more")


def test_a_replay_is_of_the_same_event(lab: Lab) -> None:
    execution_id = lab.start([operated("a", params={"value": "${event.data.n}"})], triggers=[{"event": "it.happens"}])
    with lab.world.database.transaction(lab.owner) as session:
        name = service.get_execution(session, execution_id=execution_id).workflow_name
        event = {"id": "1", "type": "it.happens", "data": {"n": 5}}
        old = service.start(session, workflow=name, context={}, trigger_type="event", event=event)
    new = does(lab, service.replay, old).id
    assert lab.steps(new)["a"].input_data == {"value": 5}


def test_an_effect_of_any_kind_is_planned_to_be_undone(lab: Lab) -> None:
    HOOKS["a"] = lambda call: call.effect("execution", "abc", "A trial", undo={"name": "a"}) or {}
    execution_id = lab.start([operated("a"), {"name": "w", "type": "wait", "event": "it.happens"}])
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        plan = service.undo_plan(session, execution_id=execution_id)
    assert plan.summary == "2 effects will be undone, 2 of them moving money."


def test_a_terminated_execution_is_left_as_it_is(lab: Lab) -> None:
    execution_id = lab.start([operated("a"), {"name": "w", "type": "wait", "event": "it.happens"}, operated("c")])
    lab.drain()
    does(lab, service.terminate, execution_id, reason="enough")
    assert (state(lab, execution_id), lab.states(execution_id)) == (
        ("cancelled", "none"),
        {"a": "completed", "w": "cancelled", "c": "cancelled"},
    )
    assert (lab.look(execution_id).waiting, lab.look(execution_id).error["message"]) == (0, "enough")


def test_terminating_ends_a_rollback_under_way_which_can_be_retried(lab: Lab) -> None:
    undone: list[str] = []
    HOOKS["bad"] = maybe
    BROKEN.add("bad")
    for name in ("a", "b", "c"):
        HOOKS[f"undo_{name}"] = lambda call: undone.append(call.step_name)
    execution_id = lab.start([operated("a"), operated("b"), operated("c"), operated("bad")])
    for number in range(4):
        lab.deliver(execution_id, number)
    lab.broker.sent.clear()
    lab.deliver(execution_id, 2, undo=True)
    lab.broker.sent.clear()
    does(lab, service.terminate, execution_id)
    assert (state(lab, execution_id), undone) == (("failed", "incomplete"), ["c"])
    does(lab, service.retry_rollback, execution_id)
    assert (state(lab, execution_id)[1], undone) == ("done", ["c", "b", "a"])


def test_what_was_terminated_while_steps_were_undone_to_run_again_is_undone_as_a_whole(lab: Lab) -> None:
    HOOKS["undo_c"] = lambda call: (_ for _ in ()).throw(ConnectionError("later"))
    execution_id = lab.start([operated("a"), operated("b"), operated("c")])
    lab.drain()
    does(lab, service.rerun, execution_id, step_name="c")
    does(lab, service.terminate, execution_id, reason="enough")
    assert state(lab, execution_id) == ("failed", "incomplete")
    HOOKS.clear()
    does(lab, service.retry_rollback, execution_id)
    assert state(lab, execution_id) == ("cancelled", "done")
    assert set(lab.states(execution_id).values()) == {"compensated"}
    assert (lab.look(execution_id).error["message"], lab.look(execution_id).rerun) == ("enough", None)


def test_a_paused_or_waiting_execution_is_cancelled_and_undone(lab: Lab) -> None:
    for hold in (service.pause, None):
        execution_id = lab.start([operated("a"), {"name": "w", "type": "wait", "event": "it.happens"}])
        lab.drain()
        if hold:
            does(lab, hold, execution_id)
        does(lab, service.cancel, execution_id, reason="no more")
        assert (state(lab, execution_id), lab.states(execution_id)) == (
            ("cancelled", "done"),
            {"a": "compensated", "w": "cancelled"},
        )
