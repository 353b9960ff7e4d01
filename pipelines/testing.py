"""Run a definition in memory, for unit tests of definitions and operations.

    outcome = run(load(document, OPERATIONS), OPERATIONS, {"quote_id": "q1"})
    assert outcome.state == "completed"
    assert outcome.steps["create_order"].output["order"]["total"] == "12.00"

One step after the other, over the same graph, expressions, states, retry policies and undo order as the real engine, but
with no database, broker or clock: retries are made at once. What the engine guarantees when things break is not tested
here; that takes PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pipelines.compensation import undo_order
from pipelines.definition import Compensate, OnFalse, Step, StepType, Workflow
from pipelines.errors import DefinitionError, StepFailed
from pipelines.expressions import Scope, holds, resolve, resolve_params
from pipelines.graph import Graph
from pipelines.loader import check_input, with_defaults
from pipelines.operations import Catalogue, Effect, Operation
from pipelines.retry import next_delay, resolve_policy
from pipelines.state import ExecutionState, RollbackState, StepState, check_step

T = TypeVar("T")

OWNER = UUID("00000000-0000-7000-8000-000000000001")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""What `call.now()` says unless told otherwise."""


@dataclass(slots=True)
class StepRun:
    """What became of a step. `attempts` counts those made, `effects` what its operation reported."""

    step: Step
    state: StepState = StepState.PENDING
    output: Any = None
    attempts: int = 0
    error: BaseException | None = None
    effects: list[Effect] = field(default_factory=list)

    def to(self, state: StepState) -> None:
        check_step(self.state, state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an execution.

    `started` and `undone` are names of steps in the order in which they were begun and undone; `stays` the effects that
    a rollback left, because nothing undoes them.
    """

    state: ExecutionState
    rollback: RollbackState
    steps: Mapping[str, StepRun]
    started: Sequence[str]
    undone: Sequence[str]
    stays: Sequence[Effect]
    error: BaseException | None = None

    @property
    def result(self) -> dict[str, Any]:
        """The outputs of the completed steps by name."""
        return {name: run.output for name, run in self.steps.items() if run.state is StepState.COMPLETED}


@dataclass(slots=True)
class MemoryCall:
    """A `Call` without a database; `session` and the ports are whatever the test gives."""

    step_name: str
    attempt: int
    session: Any
    ports: Mapping[type[Any], Any]
    clock: Callable[[], datetime]
    effects: list[Effect]
    owner_id: UUID = OWNER
    execution_id: int = 1
    correlation_id: str | None = None

    @property
    def idempotency_key(self) -> str:
        return f"{self.execution_id}:{self.step_name}"

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        yield self.session

    def now(self) -> datetime:
        return self.clock()

    def effect(
        self, kind: str, reference: str, summary: str, *, system: str = "turnup", undo: Mapping[str, Any] | None = None
    ) -> None:
        self.effects.append(Effect(kind, reference, summary, system, undo))

    def port(self, kind: type[T]) -> T:
        if kind not in self.ports:
            raise LookupError(kind.__name__)
        found: T = self.ports[kind]
        return found


def run(
    workflow: Workflow,
    operations: Catalogue,
    context: Mapping[str, Any] | None = None,
    *,
    event: Any = None,
    session: Any = None,
    ports: Mapping[type[Any], Any] | None = None,
    clock: Callable[[], datetime] = lambda: NOON,
    default_attempts: int = 3,
    choose: Callable[[Sequence[int]], int] = min,
) -> Outcome:
    """Run a workflow to its end, with its rollback where it fails.

    `choose` picks the next of the steps that are ready (by number; the first by default). Raises DefinitionError when the
    context does not fit the workflow's input.
    """
    document = {"input": workflow.input}
    if faults := check_input(document, context or {}):
        raise DefinitionError(faults)
    scope = Scope(
        context=with_defaults(document, context or {}),
        event=event,
        execution={"id": 1, "correlation_id": None},
        tenant={"id": str(OWNER), "slug": "test"},
    )
    return _Execution(workflow, operations, scope, session, ports or {}, clock, default_attempts, choose).run()


@dataclass(slots=True)
class _Execution:
    workflow: Workflow
    operations: Catalogue
    scope: Scope
    session: Any
    ports: Mapping[type[Any], Any]
    clock: Callable[[], datetime]
    default_attempts: int
    choose: Callable[[Sequence[int]], int]
    error: BaseException | None = None
    is_ended: bool = False
    started: list[str] = field(default_factory=list)
    graph: Graph = field(init=False)
    runs: list[StepRun] = field(init=False)

    def run(self) -> Outcome:
        steps = {step.name: step for step in self.workflow.steps}
        self.graph = Graph.of(self.workflow.steps)
        self.runs = [StepRun(steps[name]) for name in self.graph.names]
        while self.error is None and not self.is_ended and (ready := self._ready()):
            self._run_step(self.choose(ready))
        for left in self.runs:
            if left.state is StepState.PENDING:
                left.to(StepState.CANCELLED if self.error else StepState.SKIPPED)
        if self.error is None:
            return self._outcome(ExecutionState.COMPLETED, RollbackState.NONE, [])
        if not self.workflow.rollback_on_failure:
            return self._outcome(ExecutionState.FAILED, RollbackState.NONE, [])
        return self._roll_back()

    def _ready(self) -> list[int]:
        pending = {n for n, step_run in enumerate(self.runs) if step_run.state is StepState.PENDING}
        return [n for n, unmet in self.graph.residual(pending).items() if not unmet]

    def _run_step(self, number: int) -> None:
        step_run = self.runs[number]
        step = step_run.step
        self.started.append(step.name)
        step_run.to(StepState.RUNNING)
        try:
            if step.when is not None and not holds(step.when, self._scope(number)):
                step_run.to(StepState.SKIPPED)
                return
            step_run.output = self._perform(number)
        except Exception as error:  # noqa: BLE001 - whatever a step raises is its failure
            step_run.error = error
            step_run.to(StepState.FAILED)
            if step.critical:
                self.error = error
            else:
                # One that cannot be undone now stays on record for a rollback.
                with suppress(Exception):
                    self._undo_effects(step_run)
            return
        step_run.to(StepState.COMPLETED)
        if step.type is StepType.CONDITION and step_run.output is False:
            self._on_false(number, step.on_false)

    def _on_false(self, number: int, on_false: OnFalse) -> None:
        if on_false is OnFalse.END:
            self.is_ended = True
        for descendant in self.graph.descendants(number):
            if self.runs[descendant].state is StepState.PENDING:
                self.runs[descendant].to(StepState.SKIPPED)

    def _perform(self, number: int) -> Any:
        step = self.runs[number].step
        scope = self._scope(number)
        if step.type is StepType.TRANSFORM:
            return resolve(step.output, scope)
        if step.type is StepType.CONDITION:
            is_true = holds(step.condition or "", scope)
            if not is_true and step.on_false is OnFalse.FAIL:
                message = f"the condition is false: {step.condition}"
                raise StepFailed(message, permanent=True)
            return is_true
        operation = self.operations[str(step.operation)]
        fields = operation.parameters.model_fields
        optional = frozenset(name for name, info in fields.items() if not info.is_required())
        params = resolve_params(step.params, scope, step_name=step.name, optional=optional)
        return self._call(number, operation, params)

    def _call(self, number: int, operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
        """Attempts until one succeeds or the policy gives up; intended effects of the failed ones stay on record."""
        step_run = self.runs[number]
        policy = resolve_policy(step_run.step, operation, default_attempts=self.default_attempts, enabled=True)
        while True:
            step_run.attempts += 1
            call = self._memory_call(step_run)
            try:
                bound = operation.bind(params)
                if operation.intends is not None:
                    step_run.effects = list(operation.intends(call, bound))
                output = dict(operation.function(call, **bound) or {})
            except Exception as error:
                if next_delay(policy, attempt=step_run.attempts, error=error) is None:
                    raise
                continue
            step_run.effects = self._changed(number, operation, call.effects, output)
            return output

    def _changed(self, number: int, operation: Operation, told: list[Effect], output: Any) -> list[Effect]:
        """The effects as the ledger keeps them: with the step's own compensation in place of the operation's."""
        override = self.runs[number].step.compensate
        if isinstance(override, Compensate):
            scope = self._scope(number)
            scope = replace(scope, outputs={**scope.outputs, self.graph.names[number]: output})
            first = told[0] if told else Effect(operation.name, self.graph.names[number], operation.name)
            return [replace(first, undo=resolve(dict(override.params), scope))]
        return [replace(effect, undo=None) for effect in told] if override == "none" else told

    def _scope(self, number: int) -> Scope:
        before = sorted(self.graph.ancestors(number), key=lambda n: self.graph.listed[n])
        return replace(self.scope, outputs={self.graph.names[n]: self.runs[n].output for n in before})

    def _memory_call(self, step_run: StepRun) -> MemoryCall:
        return MemoryCall(step_run.step.name, step_run.attempts, self.session, self.ports, self.clock, effects=[])

    def _undoing(self, step_run: StepRun) -> Operation | None:
        """The operation that undoes a step's effects."""
        override = step_run.step.compensate
        if isinstance(override, Compensate):
            return self.operations.get(override.operation)
        operation = self.operations.get(step_run.step.operation or "")
        return self.operations.get(operation.undone_by) if operation and operation.undone_by else None

    def _to_undo(self) -> set[int]:
        ended = (StepState.COMPLETED, StepState.FAILED)
        return {
            n
            for n, step_run in enumerate(self.runs)
            if step_run.state in ended and self._undoing(step_run) and any(e.undo is not None for e in step_run.effects)
        }

    def _roll_back(self) -> Outcome:
        nodes = undo_order(self.graph, self._to_undo())
        undone: list[str] = []
        unmet = {n: node.unmet for n, node in nodes.items()}
        for n in nodes:
            self.runs[n].to(StepState.COMPENSATING)
        while ready := [n for n, count in unmet.items() if not count]:
            n = self.choose(ready)
            del unmet[n]
            try:
                self._undo_effects(self.runs[n])
            except Exception as error:  # noqa: BLE001 - whatever a compensation raises makes the rollback incomplete
                self.runs[n].error = error
                self.runs[n].to(StepState.COMPENSATION_FAILED)
                continue
            self.runs[n].to(StepState.COMPENSATED)
            undone.append(self.graph.names[n])
            for released in nodes[n].releases:
                unmet[released] -= 1
        if not nodes:
            return self._outcome(ExecutionState.FAILED, RollbackState.NONE, undone)
        whole = len(undone) == len(nodes)
        return self._outcome(ExecutionState.FAILED, RollbackState.DONE if whole else RollbackState.INCOMPLETE, undone)

    def _undo_effects(self, step_run: StepRun) -> None:
        undoing = self._undoing(step_run)
        if undoing is None:
            return
        for effect in reversed(step_run.effects):
            if effect.undo is not None:
                self._compensate(step_run, undoing, effect.undo)
        step_run.effects = [effect for effect in step_run.effects if effect.undo is None]

    def _compensate(self, step_run: StepRun, undoing: Operation, params: Mapping[str, Any]) -> None:
        bare = replace(step_run.step, retry=None)
        policy = resolve_policy(bare, undoing, default_attempts=self.default_attempts, enabled=True)
        attempt = 0
        while True:
            attempt += 1
            try:
                undoing.function(self._memory_call(step_run), **undoing.bind(params))
            except Exception as error:
                if next_delay(policy, attempt=attempt, error=error) is None:
                    raise
            else:
                return

    def _outcome(self, state: ExecutionState, rollback: RollbackState, undone: list[str]) -> Outcome:
        stays = [e for r in self.runs for e in r.effects if self.error is not None and e.undo is None]
        return Outcome(
            state=state,
            rollback=rollback,
            steps={r.step.name: r for r in self.runs},
            started=self.started,
            undone=undone,
            stays=stays,
            error=self.error,
        )
