"""What the runtime holds of an execution and its steps while it works, and whom it tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from pipelines.definition import Step
from pipelines.loader import step_from_document


@dataclass(slots=True)
class Execution:
    """An execution as observers see it. `event`: the one that started it. `inline`: its straight runs stay in one worker.

    `for_parent`: it is being stopped since the execution that started it no longer needs it, or is undone.
    """

    id: int
    owner_id: UUID
    workflow_name: str
    correlation_id: str | None
    context: Mapping[str, Any]
    state: str
    rollback: str = "none"
    stopping: str | None = None
    error: dict[str, Any] | None = None
    event: Mapping[str, Any] | None = None
    inline: bool = False
    key: UUID | None = None
    for_parent: bool = False

    @classmethod
    def of(cls, execution_id: int, row: Any) -> Execution:
        """As a row tells of it that has these columns, perhaps among others."""
        return cls(
            id=execution_id,
            owner_id=row.owner_id,
            workflow_name=row.workflow_name,
            correlation_id=row.correlation_id,
            context=row.context,
            state=row.state,
            rollback=row.rollback,
            stopping=row.stopping,
            error=row.error,
            event=getattr(row, "event", None),
            inline=getattr(row, "inline", False),
            key=getattr(row, "key", None),
        )

    @property
    def failed_step(self) -> str | None:
        return (self.error or {}).get("step")

    @property
    def error_message(self) -> str | None:
        return (self.error or {}).get("message")


@dataclass(frozen=True, slots=True)
class Held:
    """What a step's row holds as committed: the next write goes through only if it still does.

    `attempts`: those made, or in a rollback the attempts to undo.
    """

    state: str
    token: UUID | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Passage:
    """An attempt may call this integration. `probe`: as the one that tries whether it works again; `failures`: those in a row before."""

    integration: str
    probe: UUID | None
    failures: int


@dataclass
class StepRun:
    """A step of an execution while it is worked on, as it was claimed. `state` is what it is about to become.

    An element of a step with for_each has `parent_number`, `item` and `item_index`; that step itself has `elements` once
    it was expanded. `child_id`, `due_at` and `deadline_at` are of steps that were parked. `definition`: JSON text.
    `has_dependents` and `is_sink`: False only where its end is known to release nothing, to be followed by something.
    """

    execution: Execution
    number: int
    name: str
    task: str
    definition: str
    critical: bool
    state: str
    held: Held
    idempotency_key: str
    outputs: dict[str, Any] = field(default_factory=dict)
    is_passed_over: bool = False
    attempt: int = 1
    input: dict[str, Any] | None = None
    output: Any = None
    error_message: str | None = None
    error_type: str | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    parent_number: int | None = None
    item: Any = None
    item_index: int | None = None
    elements: int | None = None
    child_id: int | None = None
    due_at: datetime | None = None
    deadline_at: datetime | None = None
    passages: tuple[Passage, ...] = ()
    has_dependents: bool = True
    is_sink: bool = True

    @cached_property
    def step(self) -> Step:
        return _step(self.definition)

    @property
    def operation(self) -> str | None:
        return self.step.operation


@lru_cache(maxsize=4096)
def _step(definition: str) -> Step:
    """Executions of one version hold the same texts."""
    return step_from_document(json.loads(definition))


class Observer(Protocol):
    """Told of what happens to the executions of one workflow, inside the engine's own transactions.

    Whatever it writes commits together with the transition it is told of; what it raises undoes that transition.
    """

    def step_claimed(self, session: Session, execution: Execution, step: StepRun) -> None:
        """A worker begins an attempt."""

    def step_ended(self, session: Session, execution: Execution, step: StepRun) -> None:
        """`step.state` is completed, failed or skipped."""

    def step_retrying(self, session: Session, execution: Execution, step: StepRun) -> None:
        """An attempt failed and another follows."""

    def step_undone(self, session: Session, execution: Execution, step: StepRun) -> None:
        """The step's effects are undone."""

    def stopping(self, session: Session, execution: Execution) -> None:
        """Nothing new starts: a critical step failed, or somebody cancelled."""

    def reopening(self, session: Session, execution: Execution) -> None:
        """Somebody wants steps of an execution that has ended to run again; a BusinessError refuses it."""

    def settled(self, session: Session, execution: Execution) -> None:
        """The execution has ended, after its rollback if there was one to run."""


class Observers:
    """Observers by the workflow's name; one each."""

    def __init__(self) -> None:
        self._by_workflow: dict[str, Observer] = {}

    def add(self, workflow_name: str, observer: Observer) -> None:
        if workflow_name in self._by_workflow:
            message = f"{workflow_name} is observed twice"
            raise ValueError(message)
        self._by_workflow[workflow_name] = observer

    def of(self, execution: Execution) -> Observer | None:
        return self._by_workflow.get(execution.workflow_name)
