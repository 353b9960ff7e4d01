"""Random graphs on real workers while workers are killed, messages come twice and the queue is emptied."""

from __future__ import annotations

import random
import time

import pytest

from app.core.settings import Settings
from app.core.world import World
from pipelines.canvas import CelerySender, sending_app
from pipelines.graph import Graph
from pipelines.plan import Chain, Hop
from tests.graphs.draw import Drawn, draw
from tests.graphs.model import faults
from tests.graphs.observe import Observer
from tests.scenarios.conftest import Engine, step


def test_random_graphs_end_as_the_model_says_whatever_happens(settings: Settings, world: World, engine: Engine) -> None:
    dice = random.Random(2)
    started: dict[int, Drawn] = {}
    for n in range(60):
        drawn = draw(dice, may_fail=n % 2 == 1, kills=n % 10 == 0)
        started[engine.start(drawn.steps)] = drawn
    sender = CelerySender(sending_app(settings.celery_broker_url), lambda channel: None)
    world.redis.delete("turnup")
    for _ in range(150):
        execution_id = dice.choice(list(started))
        stray(sender, engine, execution_id, started[execution_id], dice)
        time.sleep(0.05)
    observer = Observer(settings)
    try:
        observer.until_over(started)
        wrong = {
            execution_id: (found, started[execution_id].steps)
            for execution_id, seen in observer.see(started).items()
            if (found := faults(started[execution_id], seen, crashes=True))
        }
    finally:
        observer.close()
    assert not wrong


def stray(sender: CelerySender, engine: Engine, execution_id: int, drawn: Drawn, dice: random.Random) -> None:
    """A message for any of its steps, forward or back, that nobody asked for."""
    graph = Graph.make({each["name"]: each["depends_on"] for each in drawn.steps})
    found = dice.choice(drawn.steps)
    task = f"test_service.{found['method']}" if "method" in found else "engine.condition"
    chain = Chain((Hop(graph.numbers[found["name"]], task),))
    sender.send_steps(engine.owner, execution_id, [chain], undo=dice.random() < 0.3)


@pytest.mark.parametrize("method", ["note", "outside"])
def test_an_undo_that_always_kills_its_worker_gives_up(engine: Engine, method: str) -> None:
    execution_id = engine.start(
        [
            step("a", compensate={"operation": f"test_service.{method}", "params": {"kill": 99}}),
            step("bad", params={"fail": 9, "permanent": True}),
        ]
    )
    execution = engine.ended(execution_id, within=120)
    assert execution.rollback == "incomplete"
    assert engine.states(execution_id)["a"] == "compensation_failed"


def test_a_wide_fork_and_join(engine: Engine) -> None:
    names = [f"m{n}" for n in range(250)]
    execution = engine.run(
        [step("a", "quiet"), *(step(n, "quiet", depends_on=["a"]) for n in names), step("z", "quiet", depends_on=names)]
    )
    assert execution.state == "completed"
    assert set(engine.states(execution.id).values()) == {"completed"}
