"""What the room decides without a database: how a definition becomes rows, and what an execution is shown as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.definition import Step
from pipelines.expressions import reads
from pipelines.graph import Graph
from pipelines.loader import step_from_document
from pipelines.operations import Catalogue
from pipelines.plan import Hop, routes
from pipelines.state import ExecutionState, RollbackState


@dataclass(frozen=True, slots=True)
class Compiled:
    """A snapshot as rows of steps, in the form in which they are inserted, with what the execution's row counts."""

    rows: list[dict[str, Any]]
    roots: frozenset[int]
    sinks: int


def steps_of(document: Mapping[str, Any]) -> list[Step]:
    """The steps of an expanded, already checked definition."""
    return [step_from_document(step) for step in document["steps"]]


def hop(number: int, step: Step, operations: Catalogue) -> Hop:
    """How a step travels: under its operation's name, to its operation's queue."""
    operation = operations.get(step.task)
    return Hop(number, step.task, operation.queue if operation else None)


def compile_snapshot(document: Mapping[str, Any], operations: Catalogue) -> Compiled:
    """Number the steps topologically and say for each what it waits for, what it releases and how it travels."""
    steps = {step.name: step for step in steps_of(document)}
    documents = {step["name"]: step for step in document["steps"]}
    graph = Graph.of(list(steps.values()))
    ways = routes(graph, [hop(number, steps[name], operations) for number, name in enumerate(graph.names)])
    rows = [
        {
            "sequence_number": number,
            "step_name": name,
            "step_type": steps[name].type.value,
            "task": steps[name].task,
            "definition": documents[name],
            "critical": steps[name].critical,
            "unmet": len(graph.predecessors[number]),
            "releases": graph.successors[number],
            "reads": in_listed_order(reads(steps[name], graph), graph),
            "route": ways[number].as_json(),
            "sink": not graph.successors[number],
        }
        for number, name in enumerate(graph.names)
    ]
    return Compiled(rows=rows, roots=frozenset(graph.roots), sinks=len(graph.sinks))


def in_listed_order(names: Any, graph: Graph) -> list[int]:
    """Numbers of these steps in the order in which the definition lists them: of two outputs the later one wins."""
    return sorted((graph.numbers[name] for name in names), key=lambda number: graph.listed[number])


def shown_status(state: str, rollback: str) -> str:
    """An execution's status for people: `compensating` while its rollback is to run or runs."""
    undoing = rollback in {RollbackState.PENDING, RollbackState.RUNNING}
    return "compensating" if state == ExecutionState.RUNNING and undoing else state
