"""A call that ends with an execution: its own one is a child, somebody else's is waited for and left alone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.core.events import emit
from app.core.settings import Settings
from app.domains.workflows import service
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Started
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

CALLS = Catalogue()
UNDONE: list[str] = []
OTHERS: dict[str, int] = {}
"""Executions that somebody else began, by the name under which they are asked for."""
STARTED: dict[str, int] = {}
"""What each step's call has started, by the step's key."""
BREAKS: list[str] = []


@CALLS.operation("calls.do", undone_by="calls.undo")
def do(call: Call) -> dict[str, Any]:
    call.effect("thing", call.step_name, call.step_name, undo={"name": call.step_name})
    if call.step_name in BREAKS:
        message = "it broke"
        raise StepFailed(message, permanent=True)
    return {}


@CALLS.operation("calls.undo")
def undo(_call: Call, *, name: str) -> dict[str, Any]:
    UNDONE.append(name)
    return {}


def _came_of(call: Call, *, workflow: str) -> dict[str, Any] | None:
    execution_id = OTHERS.get(workflow) or STARTED[call.idempotency_key]
    found = service.get_execution(call.session, execution_id=execution_id)
    if found.state in {"failed", "cancelled"}:
        message = f"it is {found.state}"
        raise StepFailed(message, permanent=True)
    return {"thing": {"id": execution_id}} if found.state == "completed" else None


@CALLS.operation("calls.end_with", starts=True, finds=_came_of)
def end_with(call: Call, *, workflow: str) -> dict[str, Any] | Started:
    """Start an execution of a workflow; one that somebody else began is found."""
    if workflow == "nothing":
        return {"thing": {"id": 0}}
    if workflow in OTHERS:
        return Started(OTHERS[workflow], is_own=False, subject=f"thing/{workflow}")
    execution_id = service.start(
        call.session, workflow=workflow, context={}, trigger_type="manual", correlation_id="T-1", begin=False
    )
    STARTED[call.idempotency_key] = execution_id
    return Started(execution_id, subject=f"thing/{workflow}")


@pytest.fixture(scope="session")
def started_settings(worker_id: str) -> Settings:
    """A database that no loop looks at."""
    return replace(prepared(f"turnup_started_{worker_id}", 15), resend_after=5.0, check_events=False)


@pytest.fixture
def lab(started_settings: Settings) -> Iterator[Lab]:
    for noted in (UNDONE, OTHERS, STARTED, BREAKS):
        noted.clear()  # type: ignore[attr-defined]
    with opened(started_settings, CALLS) as lab:
        yield lab


def done(name: str, **more: Any) -> dict[str, Any]:
    return step(name, "do", service_name="calls", **more)


def ends_with(workflow: str, **more: Any) -> dict[str, Any]:
    return step("call", "end_with", service_name="calls", params={"workflow": workflow}, **more)


def defined(lab: Lab, *steps: dict[str, Any], **more: Any) -> str:
    name = f"started_{secrets.token_hex(6)}"
    with lab.world.database.transaction(lab.owner) as session:
        service.create_workflow(session, document={"name": name, "version": "1.0.0", "steps": list(steps), **more})
    return name


def effects(lab: Lab, execution_id: int) -> list[tuple[str, str, str]]:
    with lab.world.database.transaction(lab.owner) as session:
        found = service.effects(session, execution_id=execution_id)
        return [(each.step_name, each.kind, each.state) for each in found]


def child(lab: Lab, execution_id: int) -> service.WorkflowExecution:
    with lab.world.database.transaction(lab.owner) as session:
        (child_id,) = service.children(session, execution_id=execution_id)
    return lab.look(child_id)


def test_a_call_that_has_nothing_to_wait_for_is_a_call_like_any_other(lab: Lab) -> None:
    execution_id = lab.start([ends_with("nothing")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.result) == ("completed", {"call": {"thing": {"id": 0}}})


def test_its_own_execution_is_a_child_that_it_begins_and_ends_with(lab: Lab) -> None:
    execution_id = lab.start([ends_with(defined(lab, done("inside"))), done("after")])
    lab.deliver(execution_id, 0)
    parked, begun = lab.look(execution_id), child(lab, execution_id)
    assert (parked.state, lab.states(execution_id)["call"]) == ("waiting", "waiting")
    assert (begun.state, begun.parent_number, begun.depth, begun.correlation_id) == ("running", 0, 1, "T-1")
    assert effects(lab, execution_id) == [("call", "execution", "intended")]
    execution = lab.to_the_end(execution_id)
    assert execution.state == "completed"
    assert lab.steps(execution_id)["call"].output_data == {"thing": {"id": begun.id}}
    assert effects(lab, execution_id)[0] == ("call", "execution", "confirmed")


def test_a_child_that_fails_fails_the_step_with_what_it_says(lab: Lab) -> None:
    BREAKS.append("bad")
    execution_id = lab.start([done("before"), ends_with(defined(lab, done("inside"), done("bad")))])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert execution.error is not None
    assert (execution.error["step"], execution.error["type"]) == ("call", "ChildFailed")
    assert "it broke" in execution.error["message"]
    assert UNDONE == ["inside", "before"]


def test_what_a_completed_child_did_is_undone_with_its_parent(lab: Lab) -> None:
    BREAKS.append("bad")
    execution_id = lab.start([done("before"), ends_with(defined(lab, done("inside"))), done("bad")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert (child(lab, execution_id).state, child(lab, execution_id).rollback) == ("cancelled", "done")
    assert UNDONE == ["inside", "before"]
    assert lab.states(execution_id)["call"] == "compensated"


def test_a_cancel_stops_and_undoes_the_child_first(lab: Lab) -> None:
    inner = defined(lab, done("inside"), {"name": "rest", "type": "wait", "seconds": 3600})
    execution_id = lab.start([done("before"), ends_with(inner)])
    lab.drain()
    assert child(lab, execution_id).state == "waiting"
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=execution_id)
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("cancelled", "done")
    assert (child(lab, execution_id).state, UNDONE) == ("cancelled", ["inside", "before"])


def test_a_retry_after_a_failed_child_calls_again_and_gets_another(lab: Lab) -> None:
    BREAKS.append("bad")
    execution_id = lab.start([ends_with(defined(lab, done("bad")))], rollback_on_failure=False)
    assert lab.to_the_end(execution_id).state == "failed"
    BREAKS.clear()
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id)
    assert lab.to_the_end(execution_id).state == "completed"
    with lab.world.database.transaction(lab.owner) as session:
        assert len(service.children(session, execution_id=execution_id)) == 2


def test_what_somebody_else_began_is_waited_for_and_not_undone(lab: Lab) -> None:
    other = lab.start([done("theirs"), {"name": "go", "type": "wait", "event": "go"}])
    lab.drain()
    OTHERS["theirs"] = other
    BREAKS.append("bad")
    execution_id = lab.start([done("ours"), ends_with("theirs"), done("bad")])
    lab.drain()
    assert lab.states(execution_id)["call"] == "waiting"
    assert effects(lab, execution_id) == [("ours", "thing", "confirmed")]
    with lab.world.database.transaction(lab.owner) as session:
        service.signal(session, execution_id=other, name="go", data={}, sent_by="ops")
    lab.drain()
    assert lab.look(other).state == "completed"
    # nobody is told of the end of what is not a child: an event about it lets the step look
    with lab.world.database.transaction(lab.owner) as session:
        emit(session, "thing.done", "thing/theirs", {})
    while service.handle_events(lab.world):
        pass
    lab.drain()
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback, UNDONE) == ("failed", "done", ["ours"])
    assert lab.look(other).state == "completed"


def test_cancelling_who_waits_leaves_alone_what_somebody_else_began(lab: Lab) -> None:
    other = lab.start([{"name": "go", "type": "wait", "event": "go"}])
    lab.drain()
    OTHERS["theirs"] = other
    execution_id = lab.start([ends_with("theirs")])
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        service.skip_steps(session, execution_id=execution_id, step_names=["call"])
    assert lab.to_the_end(execution_id).state == "completed"
    assert lab.look(other).state == "waiting"


def test_what_is_begun_by_somebody_else_meanwhile_stays_theirs(lab: Lab) -> None:
    """Two steps that end with the same execution: the first one has it as its child."""
    inner = defined(lab, {"name": "rest", "type": "wait", "seconds": 3600})
    first = lab.start([ends_with(inner)])
    lab.drain()
    theirs = child(lab, first)
    OTHERS[inner] = theirs.id
    second = lab.start([ends_with(inner)])
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        assert service.children(session, execution_id=second) == []
        service.cancel(session, execution_id=second)
    assert lab.to_the_end(second).state == "cancelled"
    assert lab.look(theirs.id).state == "waiting"


def test_a_step_may_leave_what_its_child_did(lab: Lab) -> None:
    BREAKS.append("bad")
    execution_id = lab.start([ends_with(defined(lab, done("inside")), compensate="none"), done("bad")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, UNDONE) == ("failed", [])
    assert child(lab, execution_id).state == "completed"


def test_a_child_that_takes_too_long_is_cancelled_and_fails_the_step(lab: Lab) -> None:
    inner = defined(lab, done("inside"), {"name": "rest", "type": "wait", "seconds": 3600})
    execution_id = lab.start([ends_with(inner, timeout_seconds=60)])
    lab.drain()
    lab.sql(
        "UPDATE workflow_steps SET deadline_at = now() - interval '1 s', wake_at = now() WHERE execution_id = :e",
        e=execution_id,
    )
    service.tick(lab.world)
    execution = lab.to_the_end(execution_id)
    assert execution.state == "failed"
    assert execution.error is not None
    assert "timed out after 60 seconds" in execution.error["message"]
    assert child(lab, execution_id).state == "cancelled"


def test_the_plan_of_a_cancel_shows_what_the_child_would_undo(lab: Lab) -> None:
    inner = defined(lab, done("inside"), {"name": "rest", "type": "wait", "seconds": 3600})
    execution_id = lab.start([done("before"), ends_with(inner)])
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        plan = service.undo_plan(session, execution_id=execution_id)
    assert [(each.step_name, each.is_child) for each in plan.undo] == [("call", True), ("before", False)]
    assert [each.step_name for each in plan.children[0].undo] == ["inside"]


def test_an_answer_of_that_kind_from_an_operation_that_does_not_say_so_fails_for_good(lab: Lab) -> None:
    def act(_call: Call, **_: Any) -> Started:
        return Started(1)

    operation = lab.world.operations["calls.do"]
    lab.world.operations._operations["calls.do"] = replace(operation, function=act)
    execution_id = lab.start([done("liar")])
    assert lab.to_the_end(execution_id).state == "failed"


def test_it_has_to_say_what_came_of_it() -> None:
    catalogue = Catalogue()
    with pytest.raises(ValueError, match="says by finds what came of it"):
        catalogue.operation("calls.other", starts=True)(end_with)


def test_each_element_of_a_step_ends_with_its_own_execution(lab: Lab) -> None:
    BREAKS.append("bad")
    inner = defined(lab, done("inside"))
    execution_id = lab.start([ends_with(inner, for_each=[1, 2, 3], max_parallel=2), done("bad")])
    execution = lab.to_the_end(execution_id, rounds=20)
    with lab.world.database.transaction(lab.owner) as session:
        children = [lab.look(each) for each in service.children(session, execution_id=execution_id)]
    assert [each.state for each in children] == ["cancelled"] * 3
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert UNDONE == ["inside"] * 3
