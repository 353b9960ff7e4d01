"""A step whose work is an execution of its own: one delivery at a time, on a database that no worker sweeps."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from app.core.settings import Settings
from app.domains.workflows import service
from pipelines.errors import StepFailed
from pipelines.operations import Call
from tests.domains.workflows import test_runtime
from tests.domains.workflows.lab import Lab
from tests.domains.workflows.test_runtime import HOOKS, attack
from tests.servers import prepared

lab = test_runtime.lab


@pytest.fixture(scope="session")
def lab_settings(worker_id: str) -> Settings:
    """A database of its own, which no sweeper looks at."""
    return replace(prepared(f"turnup_children_{worker_id}", 15), resend_after=5.0)


def fails(call: Call) -> Any:
    raise StepFailed("no", permanent=True)


def defined(lab: Lab, *steps: dict[str, Any], **more: Any) -> str:
    """A saved workflow of these steps; its name."""
    name = f"child_{secrets.token_hex(6)}"
    with lab.world.database.transaction(lab.owner) as session:
        service.create_workflow(session, document={"name": name, "version": "1.0.0", "steps": list(steps), **more})
    return name


def sub(workflow: str, name: str = "sub", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "sub_workflow", "workflow": workflow, **more}


def child_of(lab: Lab, execution_id: int) -> service.WorkflowExecution:
    """The last child that was started."""
    found = service.WorkflowExecution
    with lab.world.database.transaction(lab.owner) as session:
        statement = select(found).where(found.parent_id == execution_id).order_by(found.id.desc()).limit(1)
        return session.scalars(statement).one()


def cancel(lab: Lab, execution_id: int) -> None:
    with lab.world.database.transaction(lab.owner) as session:
        service.cancel(session, execution_id=execution_id)


def undone() -> list[str]:
    """What is undone from now on, by the names of steps, in order."""
    noted: list[str] = []

    class Noting(dict[str, Callable[[Call], Any]]):
        def get(self, name: str, default: Any = None) -> Any:
            hook = HOOKS.get(name, default)
            if not name.startswith("undo_"):
                return hook

            def act(call: Call) -> Any:
                if hook:
                    hook(call)
                noted.append(name.removeprefix("undo_"))

            return act

    test_runtime.HOOKS = Noting()
    return noted


@pytest.fixture(autouse=True)
def hooks() -> Any:
    yield
    test_runtime.HOOKS = HOOKS


def effects(lab: Lab, execution_id: int) -> list[tuple[str, str, str]]:
    with lab.world.database.transaction(lab.owner) as session:
        return [(e.kind, e.reference, e.state) for e in service.effects(session, execution_id=execution_id)]


def late(lab: Lab, execution_id: int) -> None:
    """As if the time of every step of this execution were over."""
    lab.sql(
        "UPDATE workflow_steps SET deadline_at = now() - interval '1 s' WHERE execution_id = :e AND deadline_at IS NOT NULL",
        e=execution_id,
    )


def woken(lab: Lab, execution_id: int, number: int = 0) -> None:
    """As if the timer woke a step."""
    lab.sql("UPDATE workflow_steps SET wake_at = now() WHERE execution_id = :e AND wake_at IS NOT NULL", e=execution_id)
    service.tick(lab.world)


def test_a_child_runs_and_its_result_is_the_steps_output(lab: Lab) -> None:
    child = defined(
        lab,
        {"name": "echo", "type": "transform", "output": {"got": "${word}"}},
        input={"word": {"type": "string", "required": True}},
    )
    after = {"name": "after", "type": "transform", "output": "${steps.sub.output.result.echo.got}"}
    execution_id = lab.start(
        [sub(child, context={"word": "${greeting}"}), after],
        context={"greeting": "hello"},
        input={"greeting": {"type": "string"}},
    )
    lab.deliver(execution_id, 0)
    parked = lab.look(execution_id)
    started = child_of(lab, execution_id)
    assert (parked.state, lab.states(execution_id)["sub"]) == ("waiting", "waiting")
    assert (started.trigger_type, started.parent_number, started.depth, started.context) == (
        "parent",
        0,
        1,
        {"word": "hello"},
    )
    assert effects(lab, execution_id) == [("execution", str(started.id), "intended")]
    execution = lab.to_the_end(execution_id)
    assert execution.state == "completed"
    assert execution.result == {
        "sub": {"execution_id": started.id, "status": "completed", "result": {"echo": {"got": "hello"}}},
        "after": "hello",
    }
    assert effects(lab, execution_id) == [("execution", str(started.id), "confirmed")]


def test_the_correlation_id_is_inherited(lab: Lab) -> None:
    child = defined(lab, attack("one"))
    parent = defined(lab, sub(child))
    with lab.world.database.transaction(lab.owner) as session:
        execution_id = service.start(
            session, workflow=parent, context={}, trigger_type="manual", correlation_id="ORD-1"
        )
    lab.drain()
    assert child_of(lab, execution_id).correlation_id == "ORD-1"


@pytest.mark.parametrize("inner", [{"rollback_on_failure": True}, {"rollback_on_failure": False}])
def test_a_child_that_fails_fails_the_step_with_what_it_says(lab: Lab, inner: dict[str, Any]) -> None:
    HOOKS["bad"] = fails
    noted = undone()
    child = defined(lab, attack("inside"), attack("bad"), **inner)
    execution_id = lab.start([attack("before"), sub(child), attack("after")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    started = child_of(lab, execution_id)
    assert execution.error == {
        "step": "sub",
        "type": "ChildFailed",
        "message": f"{child} (execution {started.id}) failed: no",
    }
    # also what the child itself would have left is undone with its parent, before what came before it
    assert noted == ["inside", "before"]
    assert lab.look(started.id).rollback == "done"
    assert effects(lab, execution_id)[1] == ("execution", str(started.id), "undone")


def test_a_step_that_is_not_critical_goes_on_without_its_child(lab: Lab) -> None:
    HOOKS["bad"] = fails
    child = defined(lab, attack("bad"))
    after = {"name": "after", "type": "transform", "output": {"was": "${steps.sub.output}"}}
    execution = lab.to_the_end(lab.start([sub(child, critical=False), after]))
    assert (execution.state, execution.result) == ("completed", {"after": {"was": None}})


def test_what_cannot_be_started_fails_for_good_with_words(lab: Lab) -> None:
    child = defined(lab, attack("one"), input={"word": {"type": "string", "required": True}})
    execution = lab.to_the_end(lab.start([sub(child, context={"word": "${n}"})], context={"n": 5}, input={"n": {}}))
    assert execution.state == "failed"
    assert "/word" in execution.error["message"]
    gone = defined(lab, attack("one"))
    execution_id = lab.start([sub(gone)])
    with lab.world.database.transaction(lab.owner) as session:
        workflow = next(w for w in session.scalars(service.list_workflows()) if w.name == gone)
        service.deactivate_workflow(session, workflow_id=workflow.id)
    assert lab.to_the_end(execution_id).error["message"] == f"Workflow '{gone}' not found"


def test_workflows_that_start_each_other_end_at_the_limit(lab: Lab) -> None:
    child = defined(lab, attack("one"))
    with lab.world.database.transaction(lab.owner) as session:
        workflow = next(w for w in session.scalars(service.list_workflows()) if w.name == child)
        service.new_version(
            session,
            workflow_id=workflow.id,
            document={"name": child, "version": "2.0.0", "steps": [sub(defined(lab, sub(child), attack("x")))]},
        )
    execution = lab.to_the_end(lab.start([sub(child)]), rounds=40)
    assert (execution.state, execution.rollback) == ("failed", "none")
    with lab.world.database.transaction(lab.owner) as session:
        deepest = session.execute(text("SELECT max(depth), count(*) FROM workflow_executions")).one()
    assert tuple(deepest) == (10, 11)


def test_a_cancel_reaches_children_of_children_and_undoes_them_first(lab: Lab) -> None:
    noted = undone()
    innermost = defined(lab, attack("deep"), {"name": "parked", "type": "wait", "seconds": 3600})
    child = defined(lab, attack("inside"), sub(innermost))
    execution_id = lab.start([attack("before"), sub(child), attack("after")])
    lab.drain()
    assert lab.look(execution_id).state == "waiting"
    cancel(lab, execution_id)
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("cancelled", "done")
    assert noted == ["deep", "inside", "before"]
    assert lab.states(execution_id) == {"before": "compensated", "sub": "cancelled", "after": "cancelled"}
    assert child_of(lab, execution_id).state == "cancelled"


def test_a_completed_child_is_reopened_and_undone_between_what_came_after_and_what_came_before(lab: Lab) -> None:
    noted = undone()
    HOOKS["bad"] = fails
    child = defined(lab, attack("inside"), attack("within"))
    execution_id = lab.start([attack("before"), sub(child), attack("after"), attack("bad")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert noted == ["after", "within", "inside", "before"]
    assert lab.states(execution_id)["sub"] == "compensated"
    assert lab.steps(execution_id)["sub"].undo_attempts == 1
    started = child_of(lab, execution_id)
    assert (started.state, started.rollback) == ("cancelled", "done")
    assert ("execution", str(started.id), "undone") in effects(lab, execution_id)


def test_a_child_whose_rollback_is_incomplete_leaves_its_parents_incomplete(lab: Lab) -> None:
    HOOKS["bad"] = fails
    HOOKS["undo_inside"] = fails
    child = defined(lab, attack("inside"))
    execution_id = lab.start([attack("before"), sub(child), attack("bad")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "incomplete")
    started = child_of(lab, execution_id)
    assert "retry that one first" in (lab.steps(execution_id)["sub"].error_message or "")
    del HOOKS["undo_inside"]
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_rollback(session, execution_id=started.id)
    assert lab.to_the_end(started.id).rollback == "done"
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_rollback(session, execution_id=execution_id)
    assert lab.to_the_end(execution_id).rollback == "done"
    assert lab.states(execution_id) == {"before": "compensated", "sub": "compensated", "bad": "failed"}


def test_a_failure_beside_it_cancels_a_running_child(lab: Lab) -> None:
    noted = undone()
    HOOKS["bad"] = fails
    child = defined(lab, attack("inside"), {"name": "parked", "type": "wait", "seconds": 3600})
    execution_id = lab.start([sub(child, depends_on=[]), attack("gate", depends_on=[]), attack("bad")])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback, child_of(lab, execution_id).state) == ("failed", "done", "cancelled")
    assert sorted(noted) == ["gate", "inside"]


def test_without_a_rollback_a_running_child_is_let_finish(lab: Lab) -> None:
    HOOKS["bad"] = fails
    child = defined(lab, attack("inside"), {"name": "parked", "type": "wait", "seconds": 3600})
    execution_id = lab.start([sub(child, depends_on=[]), attack("bad", depends_on=[])], rollback_on_failure=False)
    lab.drain()
    lab.sweep()
    lab.drain()
    assert lab.look(execution_id).state == "running"
    started = child_of(lab, execution_id)
    lab.sql("UPDATE workflow_steps SET due_at = now() WHERE execution_id = :e AND state = 'waiting'", e=started.id)
    woken(lab, started.id)
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "none")
    row = lab.steps(execution_id)["sub"]
    assert (row.state, row.output_data["status"]) == ("completed", "completed")
    assert lab.look(started.id).state == "completed"


def test_a_terminate_terminates_children_and_leaves_everything_as_it_is(lab: Lab) -> None:
    noted = undone()
    child = defined(lab, attack("inside"), {"name": "parked", "type": "wait", "seconds": 3600})
    execution_id = lab.start([attack("before"), sub(child)])
    lab.drain()
    with lab.world.database.transaction(lab.owner) as session:
        service.terminate(session, execution_id=execution_id)
    execution = lab.to_the_end(execution_id)
    started = child_of(lab, execution_id)
    assert (execution.state, started.state, started.stopping, noted) == ("cancelled", "cancelled", "terminate", [])
    assert effects(lab, execution_id)[1] == ("execution", str(started.id), "intended")


def test_a_child_past_the_steps_time_is_cancelled_and_the_step_fails(lab: Lab) -> None:
    noted = undone()
    child = defined(lab, attack("inside"), {"name": "parked", "type": "wait", "seconds": 3600})
    execution_id = lab.start([attack("before"), sub(child, timeout_seconds=30)])
    lab.drain()
    late(lab, execution_id)
    woken(lab, execution_id)
    execution = lab.to_the_end(execution_id)
    started = child_of(lab, execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert execution.error["message"] == f"timed out after 30 seconds; {child} (execution {started.id}) was cancelled"
    assert noted == ["inside", "before"]


def test_an_overdue_parent_stops_its_children_and_what_waits(lab: Lab) -> None:
    child = defined(lab, attack("inside"), {"name": "parked", "type": "wait", "seconds": 3600})
    execution_id = lab.start(
        [sub(child, depends_on=[]), {"name": "parked", "type": "wait", "seconds": 3600, "depends_on": []}],
        deadline_seconds=5,
        rollback_on_failure=False,
    )
    lab.drain()
    lab.sql("UPDATE workflow_executions SET created_at = now() - interval '1 h' WHERE id = :e", e=execution_id)
    service.expire(lab.world.database, owner_id=lab.owner, execution_id=execution_id)
    execution = lab.to_the_end(execution_id)
    assert (execution.state, child_of(lab, execution_id).state) == ("failed", "cancelled")
    assert lab.states(execution_id) == {"sub": "cancelled", "parked": "failed"}


def test_a_child_that_is_cancelled_before_it_began_tells_its_parent(lab: Lab) -> None:
    child = defined(lab, attack("inside"), concurrency={"key": "one", "limit": 1})
    with lab.world.database.transaction(lab.owner) as session:
        service.start(session, workflow=child, context={}, trigger_type="manual")
    execution_id = lab.start([sub(child)])
    lab.broker.sent.clear()
    lab.deliver(execution_id, 0)
    started = child_of(lab, execution_id)
    assert started.state == "pending"
    cancel(lab, started.id)
    lab.drain()
    execution = lab.look(execution_id)
    assert (execution.state, execution.error["type"]) == ("failed", "ChildFailed")
    assert effects(lab, execution_id) == [("execution", str(started.id), "undone")]


def test_a_child_begins_also_while_the_engine_is_switched_off(lab: Lab) -> None:
    child = defined(lab, attack("inside"))
    execution_id = lab.start([sub(child)])
    with lab.world.database.transaction(lab.owner) as session:
        service.switch_off(session)
    lab.drain()
    assert lab.look(execution_id).state == "completed"


def test_a_retry_starts_the_failed_child_anew(lab: Lab) -> None:
    HOOKS["bad"] = fails
    child = defined(lab, attack("bad"))
    execution_id = lab.start([attack("before"), sub(child)], rollback_on_failure=False)
    assert lab.to_the_end(execution_id).state == "failed"
    first = child_of(lab, execution_id)
    del HOOKS["bad"]
    with lab.world.database.transaction(lab.owner) as session:
        service.retry_steps(session, execution_id=execution_id, step_names=["sub"])
    execution = lab.to_the_end(execution_id)
    assert (execution.state, execution.result["sub"]["status"]) == ("completed", "completed")
    assert execution.result["sub"]["execution_id"] != first.id


def test_a_rerun_rolls_the_child_back_and_starts_a_new_one(lab: Lab) -> None:
    noted = undone()
    child = defined(lab, attack("inside"))
    execution_id = lab.start([attack("before"), sub(child), attack("after")])
    assert lab.to_the_end(execution_id).state == "completed"
    first = child_of(lab, execution_id)
    with lab.world.database.transaction(lab.owner) as session:
        service.rerun(session, execution_id=execution_id, step_name="sub")
    execution = lab.to_the_end(execution_id)
    assert execution.state == "completed", lab.states(execution_id)
    assert noted == ["after", "inside"]
    assert lab.look(first.id).rollback == "done"
    assert execution.result["sub"]["execution_id"] == child_of(lab, execution_id).id != first.id


def test_a_parent_that_lost_the_word_of_its_childs_end_looks_by_itself(lab: Lab) -> None:
    child = defined(lab, attack("inside"))
    execution_id = lab.start([sub(child)])
    lab.deliver(execution_id, 0)
    started = child_of(lab, execution_id)
    lab.sql("UPDATE workflow_executions SET parent_id = NULL WHERE id = :e", e=started.id)
    lab.drain()
    assert (lab.look(started.id).state, lab.look(execution_id).state) == ("completed", "waiting")
    woken(lab, execution_id)
    assert lab.to_the_end(execution_id).state == "completed"


def test_an_undo_that_waits_for_a_child_spends_no_attempts(lab: Lab) -> None:
    HOOKS["bad"] = fails
    child = defined(lab, attack("inside"))
    execution_id = lab.start([sub(child), attack("bad")])
    while lab.states(execution_id)["sub"] != "compensating":
        _, of, number, undo = lab.broker.sent.pop(0)
        lab.deliver(of, number, undo=undo)
    for _ in range(20):
        lab.deliver(execution_id, 0, undo=True)
        lab.deliver(execution_id, 0, undo=True, redelivered=True)
        lab.due(execution_id)
    assert (lab.states(execution_id)["sub"], lab.steps(execution_id)["sub"].undo_attempts) == ("compensating", 0)
    assert lab.to_the_end(execution_id).rollback == "done"


def test_a_child_that_ends_while_its_parent_is_paused_is_seen_when_that_is_resumed(lab: Lab) -> None:
    child = defined(lab, attack("inside"))
    execution_id = lab.start([sub(child)])
    lab.deliver(execution_id, 0)
    with lab.world.database.transaction(lab.owner) as session:
        service.pause(session, execution_id=execution_id)
    lab.drain()
    assert (child_of(lab, execution_id).state, lab.look(execution_id).state) == ("completed", "paused")
    with lab.world.database.transaction(lab.owner) as session:
        service.resume(session, execution_id=execution_id)
    assert lab.to_the_end(execution_id).state == "completed"


def test_a_child_that_a_person_lets_go_on_stands_in_its_parents_ledger_again(lab: Lab) -> None:
    HOOKS["bad"] = fails
    child = defined(lab, attack("inside"), attack("bad"))
    execution_id = lab.start([sub(child), attack("after"), {"name": "parked", "type": "wait", "seconds": 3600}])
    assert lab.to_the_end(execution_id).rollback == "none"
    started = child_of(lab, execution_id)
    assert (started.rollback, effects(lab, execution_id)) == ("done", [("execution", str(started.id), "undone")])
    del HOOKS["bad"]
    for each in (started.id, execution_id):
        with lab.world.database.transaction(lab.owner) as session:
            service.retry_steps(session, execution_id=each)
        lab.drain()
    assert child_of(lab, execution_id).id == started.id
    assert effects(lab, execution_id)[0] == ("execution", str(started.id), "confirmed")
    cancel(lab, execution_id)
    assert lab.to_the_end(execution_id).rollback == "done"
    assert child_of(lab, execution_id).rollback == "done"
