"""Steps that can never run, where the definition alone shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from pipelines.definition import OnFalse, StepType
from pipelines.errors import ExpressionError
from pipelines.expressions import Scope, cel_paths, holds
from pipelines.faults import Place
from pipelines.graph import Graph


def check_reach(
    place: Place, steps: Sequence[Mapping[str, Any]], sound: Sequence[AbstractSet[str]], graph: Graph
) -> None:
    """Warn of expressions that are always false, and of the steps that are never reached because of one."""
    index_of = {step["name"]: index for index, step in enumerate(steps)}
    behind: dict[int, str] = {}
    for index, (step, right) in enumerate(zip(steps, sound, strict=True)):
        if "when" in right and _is_never(step["when"]):
            (place / index / "when").warn("is always false: the step is never run")
        elif "match" in right and _is_never(step["match"]):
            (place / index / "match").warn("is always false: no event is ever the right one")
        elif _is_dead_end(step, right):
            for number in graph.descendants(graph.numbers[step["name"]]):
                behind.setdefault(index_of[graph.names[number]], step["name"])
    for index, name in sorted(behind.items()):
        (place / index).warn(f"is never reached: the condition of {name} is always false")


def _is_dead_end(step: Mapping[str, Any], right: AbstractSet[str]) -> bool:
    """Whether nothing after a condition ever runs. One that is itself skipped, or may fail, lets what follows go on."""
    if step.get("type") != StepType.CONDITION or "condition" not in right or "when" in step:
        return False
    may_fail = step.get("critical") is False and step.get("on_false", OnFalse.FAIL) == OnFalse.FAIL
    return not may_fail and _is_never(step["condition"])


def _is_never(source: str) -> bool:
    """Whether an expression is false whatever the data."""
    if cel_paths(source):
        return False
    try:
        return not holds(source, Scope())
    except ExpressionError:
        return False
