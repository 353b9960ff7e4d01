"""Steps that run once per element, on real workers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.domains.workflows import service
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually


def each(items: Any, name: str = "s", method: str = "note", **more: Any) -> dict[str, Any]:
    value = {} if method == "outside" else {"value": "${item}"}
    return step(name, method, for_each=items, params=value | more.pop("params", {}), **more)


def states(engine: Engine, execution_id: int) -> list[str]:
    with engine.world.database.transaction(engine.owner) as session:
        rows = session.execute(
            text(
                "SELECT state FROM workflow_steps WHERE execution_id = :id AND parent_number IS NOT NULL"
                " ORDER BY sequence_number"
            ),
            {"id": execution_id},
        )
        return list(rows.scalars())


def test_elements_run_beside_each_other_and_join_once(engine: Engine) -> None:
    execution = engine.run([each(list(range(25)), max_parallel=4), step("after")])
    assert execution.state == "completed"
    assert [output["value"] for output in execution.result["s"]] == list(range(25))
    noted = engine.calls(execution.id, "effect")
    assert sorted(noted[:-1]) == sorted(f"s[{index}]" for index in range(25))
    assert noted[-1] == "after"


def test_elements_that_all_fit_travel_as_one_chord(engine: Engine) -> None:
    execution = engine.run(
        [each(["a", "b", "c"]), each("${steps.s.output}", name="t", params={"value": "${item.value}"})]
    )
    assert execution.state == "completed"
    assert [output["value"] for output in execution.result["t"]] == ["a", "b", "c"]


def test_no_more_than_allowed_are_at_work(engine: Engine) -> None:
    execution_id = engine.start(
        [each(list(range(6)), method="outside", max_parallel=2, params={"block": "go-elements"})]
    )
    eventually(lambda: states(engine, execution_id).count("running") == 2, what="two elements to be at work")
    assert states(engine, execution_id) == ["running", "running", "pending", "pending", "pending", "pending"]
    engine.raise_flag("go-elements")
    assert engine.ended(execution_id).state == "completed"


def test_a_killed_worker_child_costs_one_element_one_attempt(engine: Engine) -> None:
    execution = engine.run([each([0, 1, 2], params={"kill": 1}, max_parallel=1)])
    assert execution.state == "completed"
    assert engine.calls(execution.id, "effect") == ["s[0]", "s[1]", "s[2]"]
    assert engine.calls(execution.id, "attempt").count("s[1]") == 2


def test_a_failure_after_them_undoes_every_element(engine: Engine) -> None:
    execution = engine.run(
        [step("before"), each([0, 1, 2, 3, 4], max_parallel=2), step("bad", params={"fail": 9, "permanent": True})]
    )
    assert (execution.state, execution.rollback) == ("failed", "done")
    undone = engine.calls(execution.id, "undo")
    assert sorted(undone[:-1]) == [f"s[{index}]" for index in range(5)]
    assert undone[-1] == "before"
    assert states(engine, execution.id) == ["compensated"] * 5


def test_a_cancel_in_the_middle_leaves_nothing(engine: Engine) -> None:
    execution_id = engine.start(
        [each([0, 1, 2, 3], method="outside", max_parallel=1, params={"block": "go-cancelled"})]
    )
    eventually(lambda: "running" in states(engine, execution_id), what="an element to be at work")
    with engine.world.database.transaction(engine.owner) as session:
        service.cancel(session, execution_id=execution_id)
    engine.raise_flag("go-cancelled")
    execution = engine.ended(execution_id)
    assert (execution.state, execution.rollback) == ("cancelled", "done")
    assert states(engine, execution_id) == ["compensated", "cancelled", "cancelled", "cancelled"]
    assert engine.calls(execution_id, "undo") == ["s[0]"]


def test_a_fan_out_of_a_thousand_small_elements(engine: Engine) -> None:
    execution_id = engine.start([each(list(range(1000)), method="quiet", max_parallel=50)])
    execution = engine.ended(execution_id, within=180)
    assert execution.state == "completed"
    assert len(execution.result["s"]) == 1000
