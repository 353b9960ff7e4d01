"""Nothing accepted is lost, and nothing is done twice: messages lost, doubled and never sent."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from app.core.settings import Settings
from app.core.world import World
from app.domains.workflows import service
from app.factory import build_world
from pipelines.canvas import CelerySender, sending_app
from pipelines.plan import Chain, Hop, Segment
from tests.scenarios.conftest import Engine, step


class Unreachable:
    """A sender whose broker is away."""

    def send_steps(self, owner_id: UUID, execution_id: int, segments: Sequence[Segment], **more: object) -> None:
        raise ConnectionError

    def send_task(self, name: str, *args: str | int) -> None:
        raise ConnectionError

    def is_reachable(self) -> bool:
        return True

    def wake(self, channel: str) -> None:
        raise ConnectionError


def test_what_could_not_be_sent_is_sent_by_the_sweeper(settings: Settings, engine: Engine) -> None:
    world = build_world(settings, sender=Unreachable())
    try:
        execution_id = replace(engine, world=world).start([step("a"), step("b")])
    finally:
        world.close()
    assert engine.ended(execution_id).state == "completed"
    assert engine.calls(execution_id, "effect") == ["a", "b"]


def test_an_emptied_broker_loses_nothing(world: World, engine: Engine) -> None:
    started = [engine.start([step("a", params={"seconds": 0.05}), step("b"), step("c")]) for _ in range(20)]
    world.redis.delete("turnup")  # the queue with all that waits in it
    for execution_id in started:
        assert engine.ended(execution_id).state == "completed"
        assert engine.calls(execution_id, "effect") == ["a", "b", "c"]


def test_a_message_delivered_many_times_acts_once(settings: Settings, world: World, engine: Engine) -> None:
    execution_id = engine.start([step("first"), step("slow", "outside", params={"block": "go-twice"}), step("last")])
    engine.until_step(execution_id, "slow", "running")
    sender = CelerySender(sending_app(settings.celery_broker_url), lambda _: None)
    for number, name in enumerate(("note", "outside", "note")):
        for _ in range(5):
            sender.send_steps(engine.owner, execution_id, [Chain((Hop(number, f"test_service.{name}"),))])
    engine.raise_flag("go-twice")
    assert engine.ended(execution_id).state == "completed"
    assert engine.calls(execution_id, "effect") == ["first", "slow", "last"]
    assert engine.calls(execution_id, "attempt") == ["first", "slow", "last"]


def test_with_the_engine_switched_off_executions_are_kept_and_begin_later(settings: Settings, engine: Engine) -> None:
    off = build_world(replace(settings, workflow_engine_enabled=False))
    try:
        execution_id = replace(engine, world=off).start([step("a")])
        with off.database.transaction(engine.owner) as session:
            assert service.get_execution(session, execution_id=execution_id).state == "pending"
    finally:
        off.close()
    assert engine.ended(execution_id).state == "completed"  # the running sweeper's engine is on


def test_an_execution_that_takes_too_long_fails_and_is_undone(engine: Engine) -> None:
    execution_id = engine.start(
        [step("a"), step("slow", "outside", params={"block": "never-raised"}), step("never")], max_duration_seconds=1
    )
    execution = engine.ended(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert "longer than its 1 seconds" in execution.error["message"]
    assert engine.calls(execution_id, "undo")[-1] == "a"
    engine.raise_flag("never-raised")


def test_two_sweepers_at_once_send_a_step_once(settings: Settings, world: World, engine: Engine) -> None:
    lost = build_world(settings, sender=Unreachable())
    try:
        started = [replace(engine, world=lost).start([step("a")]) for _ in range(10)]
    finally:
        lost.close()

    def sweep() -> None:
        with world.across.transaction() as session:
            service.send_lost_work(session)

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for execution_id in started:
        assert engine.ended(execution_id).state == "completed"
        assert engine.calls(execution_id, "effect") == ["a"]


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_an_execution_that_has_ended_is_left_alone(engine: Engine, verb: str) -> None:
    execution = engine.run([step("a", "quiet")])
    with (
        engine.world.database.transaction(engine.owner) as session,
        pytest.raises(Exception, match=r"completed|failed"),
    ):
        if verb == "cancel":
            service.cancel(session, execution_id=execution.id)
        else:
            service.retry_steps(session, execution_id=execution.id, step_names=["a"])
