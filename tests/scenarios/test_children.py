"""Steps whose work is an execution of its own, on real workers."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import text

from app.domains.workflows import service
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually


def defined(engine: Engine, *steps: dict[str, Any], **more: Any) -> str:
    name = f"child_{secrets.token_hex(6)}"
    with engine.world.database.transaction(engine.owner) as session:
        service.create_workflow(session, document={"name": name, "version": "1.0.0", "steps": list(steps), **more})
    return name


def sub(workflow: str, name: str = "sub", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "sub_workflow", "workflow": workflow, **more}


def child_of(engine: Engine, execution_id: int) -> int:
    query = text("SELECT max(id) FROM workflow_executions WHERE parent_id = :id")

    def look() -> int | None:
        with engine.world.database.transaction(engine.owner) as session:
            found: int | None = session.execute(query, {"id": execution_id}).scalar_one()
            return found

    found = eventually(look, what=f"a child of execution {execution_id}")
    assert found is not None
    return found


def test_a_child_runs_between_its_parents_steps(engine: Engine) -> None:
    child = defined(engine, step("one", params={"value": "${n}"}), step("two"), input={"n": {"type": "integer"}})
    execution = engine.run([step("before"), sub(child, context={"n": 7}), step("after")])
    assert execution.state == "completed"
    inner = execution.result["sub"]
    assert (inner["status"], inner["result"]["one"]["value"]) == ("completed", 7)
    assert engine.calls(inner["execution_id"], "effect") == ["one", "two"]
    assert engine.calls(execution.id, "effect") == ["before", "after"]


def test_children_of_children_side_by_side(engine: Engine) -> None:
    innermost = defined(engine, step("deep"))
    child = defined(engine, sub(innermost, name="inner"), step("own"))
    execution = engine.run(
        [
            sub(child, name="left", depends_on=[]),
            sub(child, name="right", depends_on=[]),
            step("end", depends_on=["left", "right"]),
        ]
    )
    assert execution.state == "completed"
    assert {execution.result[name]["result"]["inner"]["status"] for name in ("left", "right")} == {"completed"}


def test_a_failure_later_undoes_the_child_in_its_place(engine: Engine) -> None:
    child = defined(engine, step("inside"), step("within"))
    execution = engine.run(
        [step("before"), sub(child), step("after"), step("bad", params={"fail": 9, "permanent": True})]
    )
    assert (execution.state, execution.rollback) == ("failed", "done")
    started = child_of(engine, execution.id)
    assert engine.calls(execution.id, "undo") == ["after", "before"]
    assert engine.calls(started, "undo") == ["within", "inside"]
    inner = engine.ended(started)
    assert (inner.state, inner.rollback) == ("cancelled", "done")
    assert execution.completed_at > inner.completed_at


def test_a_cancel_stops_a_child_at_work(engine: Engine) -> None:
    child = defined(engine, step("inside"), step("slow", "outside", params={"block": "go-child"}), step("never"))
    execution_id = engine.start([step("before"), sub(child)])
    started = child_of(engine, execution_id)
    engine.until_step(started, "slow", "running")
    with engine.world.database.transaction(engine.owner) as session:
        service.cancel(session, execution_id=execution_id)
    engine.raise_flag("go-child")
    execution = engine.ended(execution_id)
    assert (execution.state, execution.rollback) == ("cancelled", "done")
    assert engine.calls(started, "undo") == ["slow", "inside"]
    assert engine.calls(execution_id, "undo") == ["before"]


def test_a_child_that_takes_too_long_is_cancelled(engine: Engine) -> None:
    child = defined(engine, step("inside"), {"name": "parked", "type": "wait", "seconds": 3600})
    execution = engine.run([sub(child, timeout_seconds=1.5)])
    assert execution.state == "failed"
    assert "timed out after 1.5 seconds" in execution.error["message"]
    assert engine.calls(child_of(engine, execution.id), "undo") == ["inside"]


def test_a_worker_that_dies_as_its_child_ends_loses_nothing(engine: Engine) -> None:
    child = defined(engine, step("dies", params={"kill": 1}))
    execution = engine.run([sub(child), step("after", params={"kill": 1})])
    assert execution.state == "completed"
    assert engine.calls(execution.id, "effect") == ["after"]
