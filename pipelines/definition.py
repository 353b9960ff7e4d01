"""A workflow definition as the engine holds it: frozen, already validated by the loader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class StepType(StrEnum):
    """The types of steps that can run."""

    SERVICE_CALL = "service_call"
    CONDITION = "condition"
    TRANSFORM = "transform"


class OnFalse(StrEnum):
    """What a condition that is false does."""

    FAIL = "fail"
    SKIP_DEPENDENTS = "skip_dependents"
    END = "end"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Temporal's field names; intervals in seconds. Error names are exception class names."""

    maximum_attempts: int = 3
    initial_interval: float = 1.0
    backoff_coefficient: float = 2.0
    maximum_interval: float = 60.0
    jitter: bool = True
    retryable_errors: tuple[str, ...] = ()
    non_retryable_errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compensate:
    """A step's own undo in place of its operation's: an operation with a parameter template."""

    operation: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One node. `depends_on` is explicit here: the loader has filled in the step listed before where nothing was said.

    `compensate`: None = the operation's own; "none" = it is not to be undone.
    """

    name: str
    type: StepType
    depends_on: tuple[str, ...] = ()
    critical: bool = True
    when: str | None = None
    retry: RetryPolicy | None = None
    timeout_seconds: float | None = None
    description: str = ""
    service: str | None = None
    method: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    compensate: Compensate | str | None = None
    condition: str | None = None
    on_false: OnFalse = OnFalse.FAIL
    output: Any = None

    @property
    def operation(self) -> str | None:
        """`service.method` of a service_call, else None."""
        return f"{self.service}.{self.method}" if self.type is StepType.SERVICE_CALL else None

    @property
    def task(self) -> str:
        """The Celery task name under which the step travels and is seen in Flower."""
        return self.operation or f"engine.{self.type.value}"


@dataclass(frozen=True, slots=True)
class Workflow:
    """A named, versioned definition. `input` is a JSON Schema of the context (type: object)."""

    name: str
    version: str
    steps: tuple[Step, ...]
    description: str = ""
    input: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    max_duration_seconds: float | None = None
    deadline_seconds: float | None = None
    rollback_on_failure: bool = True
    tags: tuple[str, ...] = ()
