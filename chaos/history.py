"""Whether a history is whole: replayed against the tables of legal transitions and the graph that it tells of. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pipelines.state import ENDED_EXECUTIONS, ENDED_STEPS, EXECUTION_TRANSITIONS, STEP_TRANSITIONS

PENDING, RUNNING, RETRYING, WAITING = "pending", "running", "retrying", "waiting"
COMPENSATING, COMPENSATED = "compensating", "compensated"
FORWARD = frozenset({PENDING, RUNNING, RETRYING, WAITING})
UNDER_WAY = frozenset({"failing", "cancelling", "ending"})
"""Words for an execution that runs and in which nothing new starts: no states of their own."""

Row = Mapping[str, Any]


def gaps(execution: Row, steps: Sequence[Row], events: Sequence[Row]) -> list[str]:
    """What is missing from, or cannot be in, the history of an execution that has ended; nothing when it is whole."""
    found = list(_execution_gaps(execution, [event for event in events if event["step_name"] is None]))
    by_step: dict[str, list[Row]] = defaultdict(list)
    for event in events:
        if event["step_name"] is not None:
            by_step[event["step_name"]].append(event)
    for step in steps:
        found += [f"{step['step_name']}: {gap}" for gap in _step_gaps(step, by_step.pop(step["step_name"], []))]
    found += [f"{name}: is told of and does not exist" for name in by_step]
    return found + list(_release_gaps(steps, events))


def _execution_gaps(execution: Row, events: Iterable[Row]) -> Iterable[str]:
    state = PENDING
    for event in events:
        before, after = event["from_state"], event["to_state"]
        if (RUNNING if before in UNDER_WAY else before) != state:
            yield f"execution: goes from {before} to {after}, and was {state}"
        state = RUNNING if after in UNDER_WAY else after
        legal = EXECUTION_TRANSITIONS.get(before, frozenset())
        if after not in UNDER_WAY and before not in UNDER_WAY and after not in legal:
            yield f"execution: may not go from {before} to {after}"
    if state != execution["state"]:
        yield f"execution: the history ends {state}, and it is {execution['state']}"
    if state not in ENDED_EXECUTIONS:
        yield f"execution: has not ended but is {state}"


def _step_gaps(step: Row, events: Iterable[Row]) -> Iterable[str]:
    state = PENDING
    for event in events:
        before, after = event["from_state"], event["to_state"]
        if state == COMPENSATING and {before, after} <= {RUNNING, RETRYING, COMPENSATING}:
            continue  # an attempt to undo, which is put back or claimed
        if before != state and {before, state} != {PENDING, RETRYING}:
            yield f"goes from {before} to {after}, and was {state}"
        if after not in STEP_TRANSITIONS.get(before, frozenset()):
            yield f"may not go from {before} to {after}"
        state = after
    if state != step["state"]:
        yield f"the history ends {state}, and it is {step['state']}"
    if state not in ENDED_STEPS:
        yield f"has not ended but is {state}"


def _release_gaps(steps: Sequence[Row], events: Sequence[Row]) -> Iterable[str]:
    """Each step that began was released once before, by the commit of the last of those it depends on.

    One that parks, or waits for its elements, is released again whenever it is to look; then the first time counts.
    Elements are let in by their step.
    """
    names = {step["sequence_number"]: step["step_name"] for step in steps}
    place = {event["id"]: number for number, event in enumerate(events)}
    released: dict[str, list[Row]] = defaultdict(list)
    for event in events:
        if event["to_state"] != COMPENSATED:
            for number in event["released"] or ():
                released[names.get(number, str(number))].append(event)
    began = _first(events, {RUNNING, WAITING})
    ended = _first(events, {"completed", "failed", "skipped"})
    for step in steps:
        name = step["step_name"]
        if step["parent_number"] is not None or name not in began:
            continue
        by = released.get(name, [])
        if not by or (len(by) > 1 and not _looks_again(step)):
            yield f"{name}: was released {len(by)} times"
            continue
        depends = set(step["definition"].get("depends_on") or ())
        from_step, at = by[0]["step_name"], place[by[0]["id"]]
        if at > place[began[name]]:
            yield f"{name}: began before it was released"
        if from_step not in (depends or {None}):
            yield f"{name}: was released by {from_step or 'the start'}, and depends on {sorted(depends)}"
        late = [other for other in depends if other not in ended or place[ended[other]] > at]
        if late:
            yield f"{name}: was released before the end of {', '.join(sorted(late))}"


def _first(events: Iterable[Row], states: Collection[str]) -> dict[str, int]:
    """By step, the event by which it first came to one of these states on its way forward."""
    found: dict[str, int] = {}
    for event in events:
        if event["step_name"] and event["to_state"] in states and event["from_state"] in FORWARD:
            found.setdefault(event["step_name"], event["id"])
    return found


def _looks_again(step: Row) -> bool:
    definition = step["definition"]
    parks = step["step_type"] in {"wait", "approval", "sub_workflow"}
    return parks or "for_each" in definition or "timeout_seconds" in definition
