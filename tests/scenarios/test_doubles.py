"""Two of everything at once on one database: workers, sweepers, relays, timers, beats. Nothing is done twice."""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.adapters.bus.redis_streams import STREAM
from app.core.clock import move_to, utc_now
from app.core.events import emit
from app.core.settings import Settings
from app.core.world import World
from app.domains.workflows import service
from app.factory import build_world
from app.jobs import JOBS
from pipelines.canvas import CelerySender, sending_app
from tests.scenarios.conftest import Engine, step
from tests.scenarios.shop import CONFIRMED, WELCOME, Shop
from tests.scenarios.test_recovery import Unreachable
from tests.servers import eventually, running

Sql = Callable[[str], list[tuple[Any, ...]]]
Later = Callable[[timedelta], None]

pytestmark = [pytest.mark.xdist_group("doubles"), pytest.mark.usefixtures("crowd")]

AT_ONCE = 4


@pytest.fixture(scope="module")
def crowd(workers: Settings) -> Iterator[None]:
    """Another beat and two processes of loops, besides those that run: four sweepers, relays and timers in all."""
    beat = [sys.executable, "-m", "celery", "-A", "tasks.worker", "beat", "--pidfile="]
    schedule = ["-s", str(workers.var_dir / "second-beat-schedule")]
    loops = [sys.executable, "-m", "tasks.loops"]
    # each process holds at most two connections across owners: more than four are of three processes
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'turnup_system'"
    with psycopg.connect(workers.migration_database_url, autocommit=True) as connection:

        def connected() -> int:
            row = connection.execute(query).fetchone()
            return row[0] if row else 0

        before = connected()
        with running(workers, {"beat2": [*beat, *schedule], "loops1": loops, "loops2": loops}):
            eventually(lambda: connected() > before + 4, within=120, what="the other loops at work")
            yield


@pytest.fixture
def later(world: World) -> Iterator[Later]:
    """Moves business time on, for all processes, and back when the test is over."""

    def move(by: timedelta) -> None:
        with world.across.transaction() as session:
            move_to(session, utc_now() + by)

    yield move
    with psycopg.connect(world.settings.migration_database_url) as connection:
        connection.execute("UPDATE clock_offset SET seconds = 0")


def together(act: Callable[[], object]) -> None:
    """Do it in several threads that start at the same moment; whatever one raises is raised."""
    gate, raised = threading.Barrier(AT_ONCE), []

    def one() -> None:
        gate.wait()
        try:
            act()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised, raised


def published(world: World, subjects: set[str]) -> Counter[str]:
    """How often the stream holds each event about these subjects."""
    entries: Any = world.redis.xrange(STREAM)
    return Counter(
        json.loads(fields[b"event"])["id"] for _, fields in entries if fields[b"subject"].decode() in subjects
    )


def written(sql: Sql, subjects: set[str]) -> set[str]:
    return {str(row[0]) for row in sql(f"SELECT id FROM outbox WHERE subject IN ({', '.join(map(repr, subjects))})")}


def test_orders_are_carried_out_and_told_once(shop: Shop, sql: Sql) -> None:
    orders = [shop.place() for _ in range(5)]
    for order in orders:
        shop.over(shop.active(order))
        assert shop.executions(order) == [("completed", "none")]
        assert shop.subjects(order) == [CONFIRMED, WELCOME]
        [executed] = shop.rows("SELECT id FROM workflow_executions WHERE correlation_id = :n", n=order["order_number"])
        ended = sql(
            f"SELECT step_name, count(*) FROM execution_events WHERE execution_id = {executed.id} "
            "AND step_name IS NOT NULL AND to_state = 'completed' GROUP BY step_name HAVING count(*) > 1"
        )
        assert ended == []
    subjects = {f"order/{order['id']}" for order in orders}
    everything = written(sql, subjects)
    eventually(lambda: published(shop.world, subjects).keys() == everything, what="all events on the stream")
    assert set(published(shop.world, subjects).values()) == {1}


def test_what_got_lost_is_sent_again_by_one(settings: Settings, engine: Engine) -> None:
    lost = build_world(settings, sender=Unreachable())
    try:
        started = [replace(engine, world=lost).start([step("a"), step("b", "outside")]) for _ in range(20)]
    finally:
        lost.close()
    for execution_id in started:
        assert engine.ended(execution_id).state == "completed"
        assert engine.calls(execution_id, "attempt") == engine.calls(execution_id, "effect") == ["a", "b"]


def test_what_waits_is_woken_once(world: World, engine: Engine) -> None:
    waits = [{"name": "timer", "type": "wait", "seconds": 0.5}, step("after")]
    started = [engine.start(waits) for _ in range(20)]
    together(lambda: service.tick(world))
    for execution_id in started:
        assert engine.ended(execution_id).state == "completed"
        assert engine.calls(execution_id, "effect") == ["after"]
        turns = [event.to_state for event in engine.history(execution_id) if event.step_name == "timer"]
        assert turns.count("pending") == 1, turns


def test_an_event_and_a_tick_of_the_clock_start_one_execution_each(world: World, engine: Engine, later: Later) -> None:
    name = f"triggered_{secrets.token_hex(4)}"
    document = {
        "name": name,
        "triggers": [{"event": f"{name}.happened"}, {"schedule": "30 4 * * *"}],
        "steps": [step("s")],
    }
    with world.database.transaction(engine.owner) as session:
        service.create_workflow(session, document=document)
        for number in range(10):
            emit(session, f"{name}.happened", f"thing/{number}", {})
    together(lambda: service.handle_events(world))
    later(timedelta(days=1))
    together(lambda: service.tick(world))

    def ended() -> dict[str, int]:
        query = text(
            "SELECT trigger_type, count(*) AS number FROM workflow_executions WHERE workflow_name = :name AND state = 'completed' "
            "GROUP BY trigger_type"
        )
        with world.database.transaction(engine.owner) as session:
            return {row.trigger_type: row.number for row in session.execute(query, {"name": name})}

    eventually(lambda: ended() == {"event": 10, "scheduled": 1}, what="all executions")
    with world.database.transaction(engine.owner) as session:
        made = session.execute(text("SELECT count(*) FROM workflow_executions WHERE workflow_name = :n"), {"n": name})
        assert made.scalar_one() == 11


def test_jobs_that_two_beats_call_for_act_once(settings: Settings, shop: Shop, sql: Sql, later: Later) -> None:
    order = shop.over(shop.active(shop.place(billing_cycle="annual")))
    draft = shop.draft()
    [about] = shop.rows("SELECT id FROM subscriptions WHERE order_id = :id", id=order["id"])
    later(timedelta(days=365 - shop.settings.renewal_notice_days + 1))
    sender = CelerySender(sending_app(settings.celery_broker_url), lambda _: None)
    for name in JOBS:
        for _ in range(2):
            sender.send_task("engine.job", name)
    together(
        lambda: [JOBS[name].run(shop.world) for name in ("announce_expiring_subscriptions", "expire_draft_orders")]
    )

    def events(subject: str) -> Counter[str]:
        return Counter(row[0] for row in sql(f"SELECT type FROM outbox WHERE subject = '{subject}'"))

    eventually(lambda: not shop.world.redis.llen("turnup"), what="the jobs to be taken")
    expected = {"subscription.created": 1, "subscription.expiring_soon": 1}
    eventually(lambda: events(f"subscription/{about.id}") == expected, what="the announcement")
    eventually(lambda: shop.order(draft)["status"] == "cancelled", what="the draft to expire")
    assert events(f"order/{draft['id']}") == {"order.created": 1, "order.cancelled": 1}
    assert shop.subjects(order) == [CONFIRMED, WELCOME]
