"""What a rollback would do, before a person asks for it; and what is left, after it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from app.core.ports import port
from app.domains.workflows import queries
from app.domains.workflows.errors import StepNotFound
from app.domains.workflows.models import ExecutionEffect, WorkflowExecution
from app.domains.workflows.rules import steps_of
from app.domains.workflows.service.executions import get_execution
from app.domains.workflows.store.parent import CHILD_TASK
from pipelines.compensation import undo_order
from pipelines.graph import Graph
from pipelines.operations import Catalogue

NAMED = 3
"""So many of what is left are named in the sentence about it."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """One effect that will be undone: by which operation, and after the undo of which steps; `is_child`: an execution with a plan."""

    step_name: str
    kind: str
    reference: str
    summary: str
    system: str
    operation: str
    moves_money: bool
    after: Sequence[str]
    is_child: bool = False


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What will be undone, the first first; what stays, since it cannot be; which steps are at work, whose effects are to come.

    `children`: the plans of the executions that its steps started.
    """

    execution_id: int
    workflow_name: str
    undo: Sequence[Undoing]
    stays: Sequence[ExecutionEffect]
    at_work: Sequence[str]
    children: Sequence[UndoPlan] = field(default_factory=list)

    @property
    def moves_money(self) -> int:
        """How many acts of the undo, children's included, move money."""
        return sum(each.moves_money for plan in self.all() for each in plan.undo)

    @property
    def summary(self) -> str:
        """The plan in a sentence."""
        undone = sum(not each.is_child for plan in self.all() for each in plan.undo)
        stays = sum(len(plan.stays) for plan in self.all())
        money = f", {self.moves_money} of them moving money" if self.moves_money else ""
        what = f"{undone} effect{'s' * (undone != 1)} will be undone{money}" if undone else "Nothing is to be undone"
        return f"{what}; {stays} cannot be undone and stay{'s' * (stays == 1)}." if stays else f"{what}."

    def all(self) -> Iterator[UndoPlan]:
        """The plan itself and those of the children, at any depth."""
        yield self
        for child in self.children:
            yield from child.all()


def undo_plan(session: Session, *, execution_id: int, from_step: str | None = None) -> UndoPlan:
    """What a cancel or rollback would undo now; `from_step`: what a re-run from that step would undo first.

    Raises ExecutionNotFound, StepNotFound.
    """
    execution = get_execution(session, execution_id=execution_id)
    if from_step is None:
        return _plan(session, execution)
    graph = Graph.of(steps_of(execution.snapshot))
    if from_step not in graph.numbers:
        raise StepNotFound(execution_id, from_step)
    first = graph.numbers[from_step]
    return _plan(session, execution, within={first} | graph.descendants(first))


def _plan(session: Session, execution: WorkflowExecution, *, within: Collection[int] | None = None) -> UndoPlan:
    described = steps_of(execution.snapshot)
    graph = Graph.of(described)
    operations = {graph.numbers[step.name]: step.operation for step in described}
    parents = queries.element_parents(session, execution.id)

    def node(effect: ExecutionEffect) -> int:
        return parents.get(effect.sequence_number, effect.sequence_number)

    standing = [
        effect for effect in queries.standing_effects(session, execution.id) if within is None or node(effect) in within
    ]
    undoable = [effect for effect in standing if effect.undo_operation is not None]
    undoable.sort(key=lambda effect: (-node(effect), -effect.id))
    nodes = undo_order(graph, {node(effect) for effect in undoable})
    after = {number: [graph.names[n] for n in nodes if number in nodes[n].releases] for number in nodes}
    undo = [
        Undoing(
            step_name=effect.step_name,
            kind=effect.kind,
            reference=effect.reference,
            summary=effect.summary,
            system=effect.system,
            operation=effect.undo_operation or "",
            moves_money=_moves_money(session, effect.undo_operation, operations[node(effect)]),
            after=after[node(effect)],
            is_child=effect.undo_operation == CHILD_TASK,
        )
        for effect in undoable
    ]
    started = [int(effect.reference) for effect in undoable if effect.undo_operation == CHILD_TASK]
    children = [_plan(session, child) for number in started if (child := queries.execution(session, number))]
    running = [step for step in queries.steps(session, execution.id) if step.state == "running"]
    return UndoPlan(
        execution_id=execution.id,
        workflow_name=execution.workflow_name,
        undo=undo,
        stays=[effect for effect in standing if effect.undo_operation is None],
        at_work=[step.step_name for step in running if within is None or step.sequence_number in within],
        children=children,
    )


def _moves_money(session: Session, *names: str | None) -> bool:
    """Whether one of these operations does."""
    catalogue = port(session, Catalogue)
    found = [catalogue.get(name) for name in names if name is not None]
    return any(operation.moves_money for operation in found if operation is not None)


def leftovers(session: Session, *, execution_id: int) -> list[ExecutionEffect] | None:
    """What is left of an execution that failed or was stopped; empty: nothing is. None for one that goes on or has completed."""
    execution = get_execution(session, execution_id=execution_id)
    if execution.state not in {"failed", "cancelled"}:
        return None
    return queries.standing_effects(session, execution_id)


def leftovers_summary(left: Sequence[ExecutionEffect]) -> str:
    """What is left, in a sentence."""
    if not left:
        return "Nothing is left."
    first = "; ".join(effect.summary for effect in left[:NAMED])
    more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
    return f"{len(left)} effect{'s are' if len(left) > 1 else ' is'} left: {first}{more}."
