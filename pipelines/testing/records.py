"""What a run in memory is given, keeps and returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from pipelines.definition import LIMITS, Limits, Step, Workflow
from pipelines.errors import Error
from pipelines.operations import Catalogue, Effect
from pipelines.state import ExecutionState, RollbackState, StepState, check_step

T = TypeVar("T")

OWNER = UUID("00000000-0000-7000-8000-000000000001")
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""What `call.now()` says unless told otherwise."""


class Unanswered(Error):
    """A step waits for something that the test does not give, and would wait for ever."""


@dataclass(slots=True)
class StepRun:
    """What became of a step.

    `attempts` counts those made, of all elements; `effects` are what its operation reported, `intended` those of an
    attempt that failed; `child` is what became of its sub-workflow.
    """

    step: Step
    state: StepState = StepState.PENDING
    output: Any = None
    attempts: int = 0
    error: BaseException | None = None
    effects: list[Effect] = field(default_factory=list)
    intended: list[Effect] = field(default_factory=list)
    child: Outcome | None = None

    def to(self, state: StepState) -> None:
        check_step(self.state, state)
        self.state = state


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an execution.

    `started` and `undone` are names of steps in the order in which they were begun and undone; `stays` the effects that
    a rollback left, because nothing undoes them, also those of sub-workflows.
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
class Given:
    """What a test gives to a run and the sub-workflows in it. `executions` counts them."""

    operations: Catalogue
    session: Any = None
    ports: Mapping[type[Any], Any] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: NOON
    default_attempts: int = 3
    choose: Callable[[Sequence[int]], int] = min
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    approvals: Mapping[str, bool | None] = field(default_factory=dict)
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    limits: Limits = LIMITS
    executions: int = 0


@dataclass(slots=True)
class MemoryCall:
    """A `Call` without a database; `session` and the ports are whatever the test gives. `index`: of an element."""

    step_name: str
    attempt: int
    given: Given
    execution_id: int
    index: int | None = None
    effects: list[Effect] = field(default_factory=list)
    owner_id: UUID = OWNER
    correlation_id: str | None = None

    @property
    def session(self) -> Any:
        return self.given.session

    @property
    def idempotency_key(self) -> str:
        key = f"{self.execution_id}:{self.step_name}"
        return key if self.index is None else f"{key}:{self.index}"

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        yield self.session

    def now(self) -> datetime:
        return self.given.clock()

    def effect(
        self, kind: str, reference: str, summary: str, *, system: str = "turnup", undo: Mapping[str, Any] | None = None
    ) -> None:
        self.effects.append(Effect(kind, reference, summary, system, undo))

    def port(self, kind: type[T]) -> T:
        if kind not in self.given.ports:
            raise LookupError(kind.__name__)
        found: T = self.given.ports[kind]
        return found
