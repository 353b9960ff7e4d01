"""Operators' verbs while real workers work: holding, going on, redoing, and a verb over a search."""

from __future__ import annotations

import secrets
from typing import Any

from app.domains.workflows import service
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually


def until(engine: Engine, execution_id: int, state: str) -> service.WorkflowExecution:
    def look() -> service.WorkflowExecution | None:
        with engine.world.database.transaction(engine.owner) as session:
            found = service.get_execution(session, execution_id=execution_id)
            return found if found.state == state and found.stopping is None else None

    return eventually(look, what=f"execution {execution_id} to be {state}")  # type: ignore[return-value]


def does(engine: Engine, verb: Any, execution_id: int, **arguments: Any) -> None:
    with engine.world.database.transaction(engine.owner) as session:
        verb(session, execution_id=execution_id, **arguments)


def test_an_execution_is_held_goes_on_and_is_redone_from_a_step(engine: Engine) -> None:
    flag = f"flag_{secrets.token_hex(6)}"
    execution_id = engine.start([step("a"), step("b", "outside", params={"block": flag}), step("c")])
    engine.until_step(execution_id, "b", "running")
    does(engine, service.pause, execution_id, reason="a look")
    engine.raise_flag(flag)
    engine.until_step(execution_id, "b", "completed")
    assert engine.states(execution_id)["c"] == "pending"
    does(engine, service.resume, execution_id)
    until(engine, execution_id, "completed")
    does(engine, service.rerun, execution_id, step_name="b", reason="once more")
    until(engine, execution_id, "completed")
    assert engine.calls(execution_id, "effect") == ["a", "b", "c", "b", "c"]
    assert engine.calls(execution_id, "undo") == ["c", "b"]


def test_a_verb_over_a_search_is_worked_off_while_workers_work(engine: Engine) -> None:
    name = f"bulk_{secrets.token_hex(6)}"
    document = {
        "name": name,
        "version": "1.0.0",
        "rollback_on_failure": False,
        "input": {"n": {"type": "integer"}},
        "steps": [
            step("a"),
            {"name": "enough", "type": "condition", "condition": "n > 1"},
            step("b"),
        ],
    }
    with engine.world.database.transaction(engine.owner) as session:
        service.create_workflow(session, document=document)
        ids = [service.start(session, workflow=name, context={"n": 1}, trigger_type="manual") for _ in range(6)]
    assert {engine.ended(each).state for each in ids} == {"failed"}
    with engine.world.database.transaction(engine.owner) as session:
        bulk_id = service.create_bulk(
            session,
            verb="rerun",
            filters={"workflow": name, "failed_step": "enough"},
            params={"context": {"n": 2}},
            canary=2,
            rate=20.0,
            stop_at=20.0,
            created_by="somebody",
            permissions=["workflow:*"],
        ).id

    def done() -> service.Report | None:
        with engine.world.database.transaction(engine.owner) as session:
            found = service.get_bulk(session, bulk_id=bulk_id)
            return service.bulk_report(session, bulk_id=bulk_id) if found.state == "completed" else None

    report = eventually(done, what="the end of the bulk operation")
    assert (report.got_past, report.failed_again, report.refused) == (6, 0, 0)  # type: ignore[union-attr]
    assert {engine.ended(each).state for each in ids} == {"completed"}
