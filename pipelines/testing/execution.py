"""One execution in memory: its steps one after the other, and its rollback."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.compensation import undo_order
from pipelines.definition import Compensate, OnFalse, StepType, Workflow
from pipelines.errors import DefinitionError, StepFailed
from pipelines.expressions import Scope, holds, resolve, resolve_params
from pipelines.graph import Graph
from pipelines.loader import check_input, with_defaults
from pipelines.operations import Effect, Operation, Started
from pipelines.retry import next_delay, resolve_policy
from pipelines.state import ExecutionState, RollbackState, StepState
from pipelines.testing import looks
from pipelines.testing.records import OWNER, Given, MemoryCall, Outcome, StepRun, Unanswered


@dataclass(slots=True)
class Execution:
    """A workflow on its way. `children` are its sub-workflows by step, `depth` is how deep it is one itself."""

    workflow: Workflow
    given: Given
    scope: Scope
    id: int
    depth: int = 0
    error: BaseException | None = None
    rollback: RollbackState = RollbackState.NONE
    is_ended: bool = False
    started: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    children: dict[str, Execution] = field(default_factory=dict)
    graph: Graph = field(init=False)
    runs: list[StepRun] = field(init=False)

    def __post_init__(self) -> None:
        steps = {step.name: step for step in self.workflow.steps}
        self.graph = Graph.of(self.workflow.steps)
        self.runs = [StepRun(steps[name]) for name in self.graph.names]

    @classmethod
    def start(
        cls, workflow: Workflow, given: Given, context: Mapping[str, Any], *, event: Any = None, depth: int = 0
    ) -> Execution:
        """Raises DefinitionError when the context does not fit the workflow's input."""
        document = {"input": workflow.input}
        if faults := check_input(document, context):
            raise DefinitionError(faults)
        given.executions += 1
        scope = Scope(
            context=with_defaults(document, context),
            declared=frozenset(workflow.input.get("properties", ())),
            event=event,
            execution={"id": given.executions, "correlation_id": None},
            tenant={"id": str(OWNER), "slug": "test"},
        )
        return cls(workflow, given, scope, given.executions, depth)

    def run(self) -> Outcome:
        """To its end, with its rollback where it fails."""
        while self.error is None and not self.is_ended and (ready := self._ready()):
            self._run_step(self.given.choose(ready))
        for left in self.runs:
            if left.state is StepState.PENDING:
                left.to(StepState.CANCELLED if self.error else StepState.SKIPPED)
        if self.error is None:
            return self._outcome(ExecutionState.COMPLETED)
        if self.workflow.rollback_on_failure:
            self._roll_back()
        return self._outcome(ExecutionState.FAILED)

    def undo(self) -> Outcome:
        """Undo what an ended execution has left, because the one that it is a step of is rolled back."""
        if self._to_undo():
            self._roll_back()
        return self._outcome(ExecutionState.CANCELLED)

    def leaves_something(self) -> bool:
        """Whether there is anything of it to undo, or that could not be undone."""
        return self.rollback is RollbackState.INCOMPLETE or bool(self._to_undo())

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
        except Unanswered:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a step raises is its failure
            step_run.error = error
            step_run.to(StepState.FAILED)
            if step.critical:
                self.error = error
            else:
                # One that cannot be undone now stays on record for a rollback.
                with suppress(Exception):
                    self._undo_intended(step_run)
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
        match step.type:
            case StepType.TRANSFORM:
                return resolve(step.output, scope)
            case StepType.WAIT:
                return looks.wait(step, scope, self.given)
            case StepType.APPROVAL:
                return looks.approval(step, self.given)
            case StepType.SUB_WORKFLOW:
                return self._run_child(number, scope)
            case StepType.CONDITION:
                return looks.condition(step, scope)
        return self._call(number, scope) if step.for_each is None else self._call_for_each(number, scope)

    def _run_child(self, number: int, scope: Scope) -> dict[str, Any]:
        step_run = self.runs[number]
        name = step_run.step.workflow or ""
        workflow = self.given.workflows.get(name)
        if workflow is None:
            message = f"Workflow '{name}' not found"
            raise StepFailed(message, permanent=True)
        if self.depth >= self.given.limits.nesting:
            message = f"{name} would be nested {self.depth + 1} deep; the limit is {self.given.limits.nesting}"
            raise StepFailed(message, permanent=True)
        context = resolve(dict(step_run.step.context), scope)
        child = Execution.start(workflow, self.given, context, depth=self.depth + 1)
        self.children[step_run.step.name] = child
        step_run.child = outcome = child.run()
        if outcome.state is not ExecutionState.COMPLETED:
            message = f"{name} (execution {child.id}) failed: {outcome.error}"
            raise StepFailed(message, permanent=True)
        return {"execution_id": child.id, "status": outcome.state.value, "result": outcome.result}

    def _call_for_each(self, number: int, scope: Scope) -> list[dict[str, Any]]:
        items = resolve(self.runs[number].step.for_each, scope)
        if not isinstance(items, list):
            message = "for_each needs a list"
            raise StepFailed(message, permanent=True)
        if len(items) > self.given.limits.elements:
            message = f"for_each has {len(items)} elements; at most {self.given.limits.elements} are allowed"
            raise StepFailed(message, permanent=True)
        return [self._call(number, replace(scope, item=item, index=index)) for index, item in enumerate(items)]

    def _call(self, number: int, scope: Scope) -> dict[str, Any]:
        """Attempts until one succeeds or the policy gives up; intended effects of the failed ones stay on record."""
        step_run = self.runs[number]
        step = step_run.step
        operation = self.given.operations[str(step.operation)]
        fields = operation.parameters.model_fields
        optional = frozenset(name for name, info in fields.items() if not info.is_required())
        params = resolve_params(step.params, scope, step_name=step.name, optional=optional)
        policy = resolve_policy(step, operation, default_attempts=self.given.default_attempts, enabled=True)
        attempt = 0
        while True:
            attempt += 1
            step_run.attempts += 1
            call = self._memory_call(step_run, attempt, index=scope.index if step.for_each is not None else None)
            try:
                output = self._attempt(step_run, operation, call, params)
            except Unanswered:
                raise
            except Exception as error:
                if next_delay(policy, attempt=attempt, error=error) is None:
                    raise
                continue
            step_run.intended = []
            step_run.effects += self._changed(step_run, scope, operation, call.effects, output)
            return output

    def _attempt(
        self, step_run: StepRun, operation: Operation, call: MemoryCall, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """One attempt; before another one is made, an operation that can tell is asked whether one got through."""
        bound = operation.bind(params)
        if call.attempt > 1 and operation.finds is not None and not operation.starts:
            found = operation.finds(call, **bound)
            if found is not None:
                return dict(found)
        if operation.intends is not None:
            step_run.intended = list(operation.intends(call, bound))
        answer = operation.function(call, **bound)
        if isinstance(answer, Started):
            # nothing runs an execution here: it has ended when the operation says so
            answer = operation.finds(call, **bound) if operation.finds else None
            if answer is None:
                message = f"step {step_run.step.name} waits for an execution that does not end here"
                raise Unanswered(message)
        return dict(answer or {})

    def _changed(
        self, step_run: StepRun, scope: Scope, operation: Operation, told: list[Effect], output: Any
    ) -> list[Effect]:
        """The effects as the ledger keeps them: with the step's own compensation in place of the operation's."""
        name, override = step_run.step.name, step_run.step.compensate
        if isinstance(override, Compensate):
            after = replace(scope, outputs={**scope.outputs, name: output})
            first = told[0] if told else Effect(operation.name, name, operation.name)
            return [replace(first, undo=resolve(dict(override.params), after))]
        return [replace(effect, undo=None) for effect in told] if override == "none" else told

    def _scope(self, number: int) -> Scope:
        before = sorted(self.graph.ancestors(number), key=lambda n: self.graph.listed[n])
        return replace(self.scope, outputs={self.graph.names[n]: self.runs[n].output for n in before})

    def _memory_call(self, step_run: StepRun, attempt: int, *, index: int | None = None) -> MemoryCall:
        return MemoryCall(step_run.step.name, attempt, self.given, self.id, index)

    def _undoing(self, step_run: StepRun) -> Operation | None:
        """The operation that undoes a step's effects."""
        operations, override = self.given.operations, step_run.step.compensate
        if isinstance(override, Compensate):
            return operations.get(override.operation)
        operation = operations.get(step_run.step.operation or "")
        return operations.get(operation.undone_by) if operation and operation.undone_by else None

    def _to_undo(self) -> set[int]:
        ended = (StepState.COMPLETED, StepState.FAILED)
        return {n for n, step_run in enumerate(self.runs) if step_run.state in ended and self._has_left(step_run)}

    def _has_left(self, step_run: StepRun) -> bool:
        child = self.children.get(step_run.step.name)
        if child is not None:
            return child.leaves_something()
        told = [*step_run.effects, *step_run.intended]
        return self._undoing(step_run) is not None and any(effect.undo is not None for effect in told)

    def _roll_back(self) -> None:
        nodes = undo_order(self.graph, self._to_undo())
        unmet = {n: node.unmet for n, node in nodes.items()}
        for n in nodes:
            self.runs[n].to(StepState.COMPENSATING)
        while ready := [n for n, count in unmet.items() if not count]:
            n = self.given.choose(ready)
            del unmet[n]
            try:
                self._undo_step(self.runs[n])
            except Exception as error:  # noqa: BLE001 - whatever a compensation raises makes the rollback incomplete
                self.runs[n].error = error
                self.runs[n].to(StepState.COMPENSATION_FAILED)
                continue
            self.runs[n].to(StepState.COMPENSATED)
            self.undone.append(self.graph.names[n])
            for released in nodes[n].releases:
                unmet[released] -= 1
        if nodes:
            is_whole = all(self.runs[n].state is StepState.COMPENSATED for n in nodes)
            self.rollback = RollbackState.DONE if is_whole else RollbackState.INCOMPLETE

    def _undo_step(self, step_run: StepRun) -> None:
        child = self.children.get(step_run.step.name)
        if child is not None:
            step_run.child = child.undo()
            if child.rollback is RollbackState.INCOMPLETE:
                message = f"the rollback of {child.workflow.name} (execution {child.id}) is incomplete"
                raise StepFailed(message, permanent=True)
        self._undo_intended(step_run)
        self._undo_effects(step_run, step_run.effects)
        step_run.effects = [effect for effect in step_run.effects if effect.undo is None]

    def _undo_intended(self, step_run: StepRun) -> None:
        """What attempts that failed may have left half-made."""
        self._undo_effects(step_run, step_run.intended)
        step_run.intended = []

    def _undo_effects(self, step_run: StepRun, effects: list[Effect]) -> None:
        undoing = self._undoing(step_run)
        for effect in reversed(effects):
            if undoing is not None and effect.undo is not None:
                self._compensate(step_run, undoing, effect.undo)

    def _compensate(self, step_run: StepRun, undoing: Operation, params: Mapping[str, Any]) -> None:
        bare = replace(step_run.step, retry=None)
        policy = resolve_policy(bare, undoing, default_attempts=self.given.default_attempts, enabled=True)
        attempt = 0
        while True:
            attempt += 1
            try:
                undoing.function(self._memory_call(step_run, attempt), **undoing.bind(params))
            except Exception as error:
                if next_delay(policy, attempt=attempt, error=error) is None:
                    raise
            else:
                return

    def _outcome(self, state: ExecutionState) -> Outcome:
        return Outcome(
            state=state,
            rollback=self.rollback,
            steps={r.step.name: r for r in self.runs},
            started=self.started,
            undone=self.undone,
            stays=[] if state is ExecutionState.COMPLETED else self._stays(),
            error=self.error,
        )

    def _stays(self) -> list[Effect]:
        """Effects that nothing undoes, with those of the sub-workflows."""
        own = [e for r in self.runs for e in (*r.effects, *r.intended) if e.undo is None]
        return own + [effect for child in self.children.values() for effect in child._stays()]  # noqa: SLF001 - its own
