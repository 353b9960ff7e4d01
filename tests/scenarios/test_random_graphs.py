"""Random graphs on real workers against a plain model of the semantics."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from app.core.settings import Settings
from app.core.world import World
from app.domains.workflows import service
from pipelines import testing
from pipelines.canvas import CelerySender, sending_app
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.graph import Graph
from pipelines.loader import load
from pipelines.operations import Call, Catalogue, Effect
from pipelines.plan import Chain, Hop
from tests.scenarios.conftest import Engine, step

QUICK = RetryPolicy(maximum_attempts=3, initial_interval=0.3, maximum_interval=2.0, jitter=False)
MODEL = Catalogue()


def _model(call: Call, fail: int, permanent: bool, undoable: bool) -> dict[str, Any]:
    if call.attempt <= fail:
        raise StepFailed("on purpose", permanent=permanent)
    if undoable:
        call.effect("note", call.step_name, "", undo={"step": call.step_name})
    return {"value": call.step_name}


@MODEL.operation("test_service.note", undone_by="test_service.unnote", retry=QUICK)
def note(call: Call, *, fail: int = 0, permanent: bool = False, seconds: float = 0.0, kill: int = 0) -> dict[str, Any]:
    return _model(call, fail, permanent, undoable=True)


@MODEL.operation("test_service.unnote", retry=QUICK)
def unnote(call: Call, *, step: str) -> dict[str, Any]:
    return {}


@MODEL.operation(
    "test_service.outside",
    undone_by="test_service.unnote",
    lease=True,
    intends=lambda call, params: [Effect("note", call.step_name, "", undo={"step": call.step_name})],
    retry=QUICK,
)
def outside(
    call: Call, *, fail: int = 0, permanent: bool = False, seconds: float = 0.0, kill: int = 0
) -> dict[str, Any]:
    return _model(call, fail, permanent, undoable=True)


@MODEL.operation("test_service.quiet")
def quiet(call: Call, *, value: Any = None) -> dict[str, Any]:
    return {"value": value}


def random_steps(dice: random.Random, *, may_fail: bool, kills: bool) -> list[dict[str, Any]]:
    """6 to 14 steps with random dependencies."""
    steps: list[dict[str, Any]] = []
    for n in range(dice.randint(6, 14)):
        width = min(n, dice.choice((0, 1, 1, 2, 2, 3)) if n > 1 else n)
        common: dict[str, Any] = {"depends_on": sorted(f"s{i}" for i in dice.sample(range(n), width))}
        if dice.random() < 0.1:
            common["when"] = dice.choice(("false", "true"))
        kind = dice.random()
        if kind < 0.12:
            condition = dice.choice(("false", "true", "false"))
            steps.append(
                {
                    "name": f"s{n}",
                    "type": "condition",
                    "condition": condition,
                    "on_false": "skip_dependents",
                    **common,
                }
            )
        elif kind < 0.2:
            steps.append(step(f"s{n}", "quiet", **common))
        else:
            params: dict[str, Any] = {"seconds": round(dice.random() * 0.03, 3)}
            luck = dice.random()
            if luck < 0.06:
                params["fail"] = dice.choice((1, 2))
            elif luck < 0.16:
                params |= {"fail": 9, "permanent": True}
                common["critical"] = False
            elif may_fail and luck < 0.26:
                params |= {"fail": 9, "permanent": True}
            elif kills and luck < 0.30:
                params["kill"] = 1
            steps.append(step(f"s{n}", dice.choice(("note", "note", "outside")), params=params, **common))
    return steps


def check_against_the_model(  # noqa: C901, PLR0912 - one rule after another
    engine: Engine, execution: service.WorkflowExecution, document: dict[str, Any]
) -> list[str]:
    """What is wrong with an execution."""
    workflow = load(document, MODEL)
    graph = Graph.of(workflow.steps)
    model = testing.run(workflow, MODEL)
    states = engine.states(execution.id)
    effects, undone = engine.calls(execution.id, "effect"), engine.calls(execution.id, "undo")
    wrong = []
    if len(set(effects)) != len(effects):
        wrong.append(f"effects twice: {effects}")
    if len(set(undone)) != len(undone):
        wrong.append(f"undone twice: {undone}")
    for name in effects:
        before = {graph.names[n] for n in graph.ancestors(graph.numbers[name])}
        late = [other for other in effects[effects.index(name) + 1 :] if other in before]
        if late:
            wrong.append(f"{name} before {late}")
    by_name = {each["name"]: each for each in document["steps"]}
    left_over = {
        n
        for n, state in states.items()
        if by_name[n].get("method") == "outside" and by_name[n]["params"].get("fail") == 9
    }
    if str(execution.state) != str(model.state):
        wrong.append(f"{execution.state} and not {model.state}: {execution.error}")
    if model.error is None:
        expected = {name: str(run.state) for name, run in model.steps.items()}
        if states != expected:
            wrong.append(f"{ {n: (states[n], expected[n]) for n in states if states[n] != expected[n]} }")
        if set(undone) != {name for name in left_over if states[name] == "failed"}:
            wrong.append(f"undone in a completed one: {undone}")
        return wrong
    begun = set(engine.calls(execution.id, "attempt"))
    if set(undone) != set(effects) | (left_over & begun):
        wrong.append(f"undone {sorted(undone)}, effects {sorted(effects)}, left over {sorted(left_over & begun)}")
    rollback = [name for name in undone if not (name in left_over and not by_name[name].get("critical", True))]
    for name in rollback:
        before = {graph.names[n] for n in graph.ancestors(graph.numbers[name])}
        early = [other for other in rollback[: rollback.index(name)] if other in before]
        if early:
            wrong.append(f"{early} undone before {name}")
    if open_ := {n: s for n, s in states.items() if s in {"pending", "running", "completed", "compensating"}}:
        quiet_ones = {n for n in open_ if n not in effects and open_[n] == "completed"}
        if rest := {n: s for n, s in open_.items() if n not in quiet_ones}:
            wrong.append(f"still {rest}")
    if execution.rollback not in ({"done"} if rollback else {"none"}):
        wrong.append(f"rollback {execution.rollback} after {rollback}")
    history = [event for event in engine.history(execution.id) if event.step_name is None]
    if [event.to_state for event in history] != ["running", "failing", "failed"]:
        wrong.append(f"settled {[event.to_state for event in history]}")
    return wrong


@pytest.mark.parametrize(("seed", "chaos"), [(1, False), (2, True)])
def test_random_graphs_end_as_the_model_says(
    settings: Settings, world: World, engine: Engine, seed: int, chaos: bool
) -> None:
    dice = random.Random(seed)
    documents: dict[int, dict[str, Any]] = {}
    for n in range(60):
        steps = random_steps(dice, may_fail=n % 2 == 1, kills=chaos and n % 10 == 0)
        documents[engine.start(steps)] = {"name": "model", "steps": steps}
    if chaos:
        sender = CelerySender(sending_app(settings.celery_broker_url), lambda channel: None)
        world.redis.delete("turnup")
        for _ in range(150):
            execution_id = dice.choice(list(documents))
            graph = Graph.of(load(documents[execution_id], MODEL).steps)
            name = dice.choice(graph.names)
            found = next(each for each in documents[execution_id]["steps"] if each["name"] == name)
            task = f"test_service.{found['method']}" if "method" in found else "engine.condition"
            sender.send_steps(
                engine.owner, execution_id, [Chain((Hop(graph.numbers[name], task),))], undo=dice.random() < 0.3
            )
            time.sleep(0.05)
    faults = {}
    for execution_id, document in documents.items():
        execution = engine.ended(execution_id, within=240)
        if wrong := check_against_the_model(engine, execution, document):
            faults[execution_id] = (wrong, document["steps"])
    assert not faults, faults


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
