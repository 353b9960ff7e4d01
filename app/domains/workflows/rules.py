"""What the room decides without a database: how a definition becomes rows, and what an execution is shown as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.definition import FOR_EACH_TASK, MOST_ELEMENTS, Step
from pipelines.expressions import reads
from pipelines.graph import Graph
from pipelines.loader import step_from_document
from pipelines.operations import Catalogue
from pipelines.plan import GROUP_LIMIT, Hop, Route, routes
from pipelines.state import ExecutionState, RollbackState


@dataclass(frozen=True, slots=True)
class Compiled:
    """A snapshot as rows of steps, in the form in which they are inserted, with what the execution's row counts.

    `text`: snapshot and rows as JSON, which the same version needs at each start. `roots`: what is ready at once.
    """

    rows: list[dict[str, Any]]
    roots: list[int]
    sinks: int
    text: tuple[str, str]

    @property
    def first(self) -> list[Any]:
        """The routes of the roots."""
        return [self.rows[number]["route"] for number in self.roots]


def steps_of(document: Mapping[str, Any]) -> list[Step]:
    """The steps of an expanded, already checked definition."""
    return [step_from_document(step) for step in document["steps"]]


def hop(number: int, step: Step, operations: Catalogue) -> Hop:
    """How a step travels: under its operation's name, to its operation's queue."""
    return operation_hop(number, step.task, operations)


def operation_hop(number: int, name: str, operations: Catalogue) -> Hop:
    """How what an operation does for a step travels; a name that is no operation's is a task of the engine's own."""
    operation = operations.get(name)
    return Hop(number, name, operation.queue if operation else None)


def element_numbers(number: int) -> range:
    """The numbers of a step's elements: negative, so below those of all steps, and apart from those of other steps."""
    first = -(number + 1) * MOST_ELEMENTS
    return range(first, first + MOST_ELEMENTS)


def element_route(way: Hop, number: int, *, count: int, at_a_time: int) -> Route:
    """How one of `count` elements of a step travels: with the others to the step, where all can be sent together."""
    together = count <= min(at_a_time, GROUP_LIMIT)
    return Route((way,), Hop(number, FOR_EACH_TASK), count) if together else Route((way,))


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
            "reads": in_listed_order(_reads(steps[name], steps, graph), graph),
            "route": ways[number].as_json(),
            "sink": not graph.successors[number],
        }
        for number, name in enumerate(graph.names)
    ]
    text = json.dumps(document), json.dumps(rows)
    return Compiled(rows=rows, roots=sorted(graph.roots), sinks=len(graph.sinks), text=text)


def _reads(step: Step, steps: Mapping[str, Step], graph: Graph) -> set[str]:
    """What a step needs to see; one that waits for an event also the waits before it, whose events it does not take again."""
    seen = reads(step, graph)
    if step.event is not None:
        before = {graph.names[n] for n in graph.ancestors(graph.numbers[step.name])}
        seen |= {name for name in before if steps[name].event is not None}
    return seen


def in_listed_order(names: Any, graph: Graph) -> list[int]:
    """Numbers of these steps in the order in which the definition lists them: of two outputs the later one wins."""
    return sorted((graph.numbers[name] for name in names), key=lambda number: graph.listed[number])


def shown_status(state: str, rollback: str) -> str:
    """An execution's status for people: `compensating` while its rollback is to run or runs."""
    undoing = rollback in {RollbackState.PENDING, RollbackState.RUNNING}
    return "compensating" if state == ExecutionState.RUNNING and undoing else state
