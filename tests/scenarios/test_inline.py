"""Executions whose straight runs stay in one worker: fewer messages, and otherwise what every execution promises."""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import text

from app.core.settings import Settings
from pipelines.canvas import celery_app, configure
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually


def pids(engine: Engine, execution_id: int) -> set[int]:
    with engine.world.database.transaction(engine.owner) as session:
        query = text("SELECT DISTINCT pid FROM test_calls WHERE execution_id = :id AND what = 'effect'")
        return set(session.execute(query, {"id": execution_id}).scalars())


def test_a_chain_stays_in_one_process_and_each_step_has_its_row_and_task(engine: Engine) -> None:
    names = [f"s{n}" for n in range(12)]
    execution = engine.run([step(name) for name in names], inline=True)
    assert execution.state == "completed"
    assert engine.calls(execution.id, "effect") == names
    assert len(pids(engine, execution.id)) == 1
    rows = engine.steps(execution.id)
    assert len({row.celery_task_id for row in rows.values()}) == len(names)
    moves = [(event.step_name, event.to_state) for event in engine.history(execution.id) if event.step_name]
    assert moves == [(name, state) for name in names for state in ("running", "completed")]


def test_parallel_branches_are_sent_and_joined_once(engine: Engine) -> None:
    wide = [step(f"w{n}", depends_on=["start"]) for n in range(20)]
    execution = engine.run([step("start"), *wide, step("join", depends_on=[w["name"] for w in wide])], inline=True)
    noted = engine.calls(execution.id, "effect")
    assert (execution.state, len(noted), noted[0], noted[-1]) == ("completed", 22, "start", "join")


def test_a_killed_worker_costs_the_attempt_in_flight(engine: Engine) -> None:
    execution = engine.run([step("a"), step("b"), step("dies", params={"kill": 1}), step("after")], inline=True)
    assert execution.state == "completed"
    assert engine.calls(execution.id, "effect") == ["a", "b", "dies", "after"]
    assert engine.calls(execution.id, "attempt") == ["a", "b", "dies", "dies", "after"]


def test_a_step_that_fails_is_retried_by_message_and_a_failure_is_undone(engine: Engine) -> None:
    execution = engine.run([step("a"), step("flaky", params={"fail": 2}), step("b")], inline=True)
    assert (execution.state, engine.steps(execution.id)["flaky"].attempts) == ("completed", 3)
    failed = engine.run(
        [step("a"), step("b"), step("bad", params={"fail": 9, "permanent": True}), step("never")], inline=True
    )
    assert (failed.state, failed.rollback) == ("failed", "done")
    assert engine.calls(failed.id, "undo") == ["b", "a"]


def test_flower_is_told_of_every_step(engine: Engine, settings: Settings) -> None:
    app = celery_app("listener")
    configure(app, broker_url=settings.celery_broker_url, visibility_timeout=3600)
    heard: dict[str, list[str]] = {}
    listens, ended = threading.Event(), threading.Event()

    def listen() -> None:
        with app.connection() as connection:
            receiver = app.events.Receiver(
                connection,
                handlers={"*": lambda event: heard.setdefault(event.get("uuid", ""), []).append(event["type"])},
            )
            with receiver.consumer_context() as (listening, *_):
                listens.set()
                while not ended.is_set():
                    drain(listening)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        assert listens.wait(30)
        execution = engine.run([step(f"s{n}", "quiet") for n in range(4)], inline=True)
        tasks = [row.celery_task_id for row in engine.steps(execution.id).values()]
        wanted = ["task-received", "task-started", "task-succeeded"]
        eventually(lambda: all(heard.get(str(task)) == wanted for task in tasks), what="the events of every step")
    finally:
        ended.set()
        thread.join()


def drain(connection: Any) -> None:
    try:
        connection.drain_events(timeout=0.2)
    except TimeoutError:
        return
