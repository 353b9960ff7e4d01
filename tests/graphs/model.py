"""The plain model: the definition run in memory, one step after the other; and what an execution is told apart from it by."""

from __future__ import annotations

from typing import Any

from pipelines import testing
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.graph import Graph
from pipelines.loader import load
from pipelines.operations import Call, Catalogue, Effect
from tests.graphs.draw import EVENT, Drawn, signal_for
from tests.graphs.observe import Seen, order_faults

QUICK = RetryPolicy(maximum_attempts=3, initial_interval=0.3, maximum_interval=2.0, jitter=False)
OPERATIONS = Catalogue()

AT_WORK = frozenset({"pending", "running", "retrying", "waiting", "compensating"})


def _model(call: Call, fail: int, permanent: bool) -> dict[str, Any]:
    if call.attempt <= fail:
        raise StepFailed("on purpose", permanent=permanent)
    call.effect("note", call.step_name, "", undo={"step": call.step_name})
    return {"value": call.step_name}


@OPERATIONS.operation("test_service.note", undone_by="test_service.unnote", retry=QUICK)
def note(call: Call, *, fail: int = 0, permanent: bool = False, seconds: float = 0.0, kill: int = 0) -> dict[str, Any]:
    return _model(call, fail, permanent)


@OPERATIONS.operation("test_service.unnote", retry=QUICK)
def unnote(call: Call, *, step: str) -> dict[str, Any]:
    return {}


@OPERATIONS.operation(
    "test_service.outside",
    undone_by="test_service.unnote",
    lease=True,
    intends=lambda call, params: [Effect("note", call.step_name, "", undo={"step": call.step_name})],
    retry=QUICK,
)
def outside(
    call: Call, *, fail: int = 0, permanent: bool = False, seconds: float = 0.0, kill: int = 0
) -> dict[str, Any]:
    return _model(call, fail, permanent)


@OPERATIONS.operation("test_service.quiet")
def quiet(call: Call, *, value: Any = None) -> dict[str, Any]:
    return {"value": value}


def run(drawn: Drawn) -> testing.Outcome:
    """The graph in memory, with the same things said."""
    workflow = load({"name": "model", "version": "1.0.0", "steps": drawn.steps}, OPERATIONS)
    events: dict[str, list[dict[str, Any]]] = {EVENT: [{**data, "execution": 1} for _, data in drawn.said("event")]}
    for step, data in drawn.said("signal"):
        events.setdefault(signal_for(step), []).append(data)
    approvals = {step: data["approved"] for step, data in drawn.said("answer")}
    return testing.run(workflow, OPERATIONS, events=events, approvals=approvals)


def faults(drawn: Drawn, seen: Seen, *, crashes: bool = False) -> list[str]:
    """What is wrong with an execution. `crashes`: workers were killed, so attempts may have been made more often."""
    graph = Graph.make({step["name"]: step["depends_on"] for step in drawn.steps})
    model = run(drawn)
    wrong = order_faults(graph, seen) + _doubled(seen)
    if seen.execution.state != model.state:
        return [*wrong, f"{seen.execution.state} and not {model.state}: {seen.execution.error} {seen.states}"]
    if model.error is None:
        return wrong + _completed(model, seen, crashes=crashes) + _left_over_undone(drawn, seen)
    return wrong + _rolled_back(graph, drawn, seen)


def _doubled(seen: Seen) -> list[str]:
    noted = {what: seen.noted(what) for what in ("effect", "undo")}
    return [f"{what} twice: {steps}" for what, steps in noted.items() if len(set(steps)) < len(steps)]


def _completed(model: testing.Outcome, seen: Seen, *, crashes: bool) -> list[str]:
    expected = {name: str(run.state) for name, run in model.steps.items()}
    wrong = [f"{n} is {seen.states[n]} and not {expected[n]}" for n in expected if seen.states[n] != expected[n]]
    effects = {n for n, run in model.steps.items() if any(e.kind == "note" for e in run.effects) and run.output}
    if set(seen.noted("effect")) != effects:
        wrong.append(f"effects of {seen.noted('effect')} and not {sorted(effects)}")
    if crashes:
        return wrong
    made = seen.noted("attempt")
    asked = {n: model.steps[n].attempts for n in set(made) | effects}
    return wrong + [f"{made.count(n)} attempts of {n} and not {asked[n]}" for n in asked if made.count(n) != asked[n]]


def _left_over_undone(drawn: Drawn, seen: Seen) -> list[str]:
    expected = {step["name"] for step in _given_up(drawn) if seen.states[step["name"]] == "failed"}
    undone = seen.noted("undo")
    return [] if set(undone) == expected else [f"undone {undone} and not {sorted(expected)} in a completed one"]


def _given_up(drawn: Drawn) -> list[dict[str, Any]]:
    """Steps of the lease form that fail for good: what they had begun is undone."""
    return [step for step in drawn.steps if step.get("method") == "outside" and step["params"].get("fail") == 9]


def _rolled_back(graph: Graph, drawn: Drawn, seen: Seen) -> list[str]:
    wrong = []
    undone, effects = seen.noted("undo"), seen.noted("effect")
    begun = {step["name"] for step in drawn.steps if step.get("method") == "outside"} & set(seen.noted("attempt"))
    if set(undone) != set(effects) | begun:
        wrong.append(f"undone {sorted(undone)}, effects {sorted(effects)}, begun outside {sorted(begun)}")
    at_once = {step["name"] for step in _given_up(drawn) if not step.get("critical", True)}
    # what a step that is not critical leaves is undone when it fails
    rollback = [name for name in undone if name not in at_once]
    for place, name in enumerate(rollback):
        before = {graph.names[n] for n in graph.ancestors(graph.numbers[name])}
        if early := before & set(rollback[:place]):
            wrong.append(f"{sorted(early)} undone before {name}")
    if open_ := {n: s for n, s in seen.states.items() if s in AT_WORK or (s == "completed" and n in effects)}:
        wrong.append(f"still {open_}")
    if seen.execution.rollback != ("done" if rollback else "none"):
        wrong.append(f"rollback {seen.execution.rollback} after {rollback}")
    decided = [event.to_state for event in seen.events if event.step is None]
    if (turns := [state for state in decided if state not in {"running", "waiting"}]) != ["failing", "failed"]:
        wrong.append(f"settled {turns}")
    return wrong
