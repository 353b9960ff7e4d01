"""Executions that wait, on real workers and beat's loops, under a clock that the test moves."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.core.clock import move_to, utc_now
from app.core.events import emit
from app.domains.workflows import service
from pipelines.canvas import sending_app
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually

Sql = Callable[[str], list[tuple[Any, ...]]]
Later = Callable[[timedelta], None]
MANY = 1000
BEATS_OWN = {"engine.job", "engine.probe"}


@pytest.fixture
def later(engine: Engine) -> Iterator[Later]:
    """Moves business time on, for all processes, and back when the test is over."""

    def move(by: timedelta) -> None:
        with engine.world.across.transaction() as session:
            move_to(session, utc_now() + by)

    yield move
    with psycopg.connect(engine.world.settings.migration_database_url) as connection:
        connection.execute("UPDATE clock_offset SET seconds = 0")


def states(engine: Engine, name: str) -> dict[str, int]:
    with engine.world.database.transaction(engine.owner) as session:
        rows = session.execute(
            text(
                "SELECT state, count(*) AS executions FROM workflow_executions WHERE workflow_name = :name GROUP BY state"
            ),
            {"name": name},
        )
        return {row.state: row.executions for row in rows}


def held_by_workers(engine: Engine) -> list[str] | None:
    """The names of the tasks that workers run, have fetched or keep for later; None when none of them answers."""
    inspect = sending_app(engine.world.settings.celery_broker_url, connect_timeout=2).control.inspect(timeout=2)
    held = [inspect.active(), inspect.reserved(), inspect.scheduled()]
    if not all(held):
        return None
    names = [task["name"] for each in held for tasks in each.values() for task in tasks]
    return [name for name in names if name not in BEATS_OWN]


def test_a_thousand_wait_for_a_month_and_hold_nothing(engine: Engine, sql: Sql, later: Later) -> None:
    name = f"month_{secrets.token_hex(4)}"
    month = {"name": "month", "type": "wait", "seconds": 30 * 86_400}
    first = {"name": name, "version": "1.0.0", "steps": [month, step("then", "quiet", params={"value": "first"})]}
    second = {"name": name, "version": "2.0.0", "steps": [step("then", "quiet", params={"value": "second"})]}
    with engine.world.database.transaction(engine.owner) as session:
        workflow = service.create_workflow(session, document=first).id
    for _ in range(MANY // 50):
        with engine.world.database.transaction(engine.owner) as session:
            for _ in range(50):
                service.start(session, workflow=name, context={}, trigger_type="manual")
    eventually(lambda: states(engine, name) == {"waiting": MANY}, within=120, what="all waiting")

    # nothing in the broker, nothing in a worker
    redis = engine.world.redis
    lanes = ("turnup", "turnup\x06\x169")
    eventually(
        lambda: not any(redis.llen(lane) for lane in lanes) and not redis.hlen("unacked"), what="an empty broker"
    )
    # the last ones may still be acknowledged
    eventually(lambda: held_by_workers(engine) == [], what="idle workers")

    with engine.world.database.transaction(engine.owner) as session:
        service.new_version(session, workflow_id=workflow, document=second)
    later(timedelta(days=29, hours=23))
    assert states(engine, name) == {"waiting": MANY}
    later(timedelta(days=30, minutes=5))
    eventually(lambda: states(engine, name) == {"completed": MANY}, within=180, what="all completed")

    rows = sql(
        "SELECT v.execution_id, s.due_at FROM execution_events v JOIN workflow_steps s ON s.execution_id = v.execution_id "
        "AND s.step_name = v.step_name JOIN workflow_executions e ON e.id = v.execution_id "
        f"WHERE e.workflow_name = '{name}' AND v.step_name = 'month' AND v.from_state = 'waiting' ORDER BY v.id"
    )
    assert len(rows) == MANY, "each was woken once"
    dues = [due for _, due in rows]
    assert dues == sorted(dues), "in the order in which they were due"
    values = sql(
        "SELECT DISTINCT s.output_data ->> 'value', e.workflow_version FROM workflow_steps s JOIN workflow_executions e "
        f"ON e.id = s.execution_id WHERE e.workflow_name = '{name}' AND s.step_name = 'then'"
    )
    assert values == [("first", "1.0.0")], "the new version changed none of them"


def test_an_event_a_signal_and_a_timer_wake_within_moments(engine: Engine) -> None:
    execution_id = engine.start(
        [
            {"name": "event", "type": "wait", "event": "thing.happened", "depends_on": []},
            {"name": "signal", "type": "wait", "event": "go", "depends_on": []},
            {"name": "timer", "type": "wait", "seconds": 1, "depends_on": []},
            step("end", "quiet", depends_on=["event", "signal", "timer"]),
        ]
    )
    with engine.world.database.transaction(engine.owner) as session:
        emit(session, "thing.happened", "thing/1", {"n": 1})
        service.signal(session, execution_id=execution_id, name="go")
    assert engine.ended(execution_id).state == "completed"


def test_an_event_triggers_and_a_schedule_ticks(engine: Engine, later: Later) -> None:
    name = f"triggered_{secrets.token_hex(4)}"
    document = {
        "name": name,
        "triggers": [{"event": "thing.happened", "context": {"n": "${event.data.n}"}}, {"schedule": "30 4 * * *"}],
        "steps": [step("s", "quiet", params={"value": "${context.n}"})],
        "input": {"n": {"type": "integer"}},
    }
    with engine.world.database.transaction(engine.owner) as session:
        service.create_workflow(session, document=document)
        emit(session, "thing.happened", "thing/1", {"n": 3})
    eventually(lambda: states(engine, name) == {"completed": 1}, what="the event's execution")
    later(timedelta(days=1))
    eventually(lambda: states(engine, name) == {"completed": 2}, what="the tick's execution")
