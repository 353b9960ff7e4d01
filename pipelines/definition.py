"""A workflow definition as the engine holds it: frozen, already validated by the loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FOR_EACH_TASK = "engine.for_each"
MAX_PARALLEL = 10
"""Elements of a step with for_each that run at a time, when it does not say."""


MAX_SECONDS = 10 * 366 * 24 * 3600
"""Ten years: nothing is waited for longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large things may be: steps of a definition, elements of a for_each, sub-workflows in each other."""

    steps: int = 1000
    elements: int = 10_000
    nesting: int = 10


LIMITS = Limits()
"""What an installation that configures nothing allows."""

MOST_ELEMENTS = 100_000
"""No configuration allows more elements: so many numbers are kept for those of each step."""


class StepType(StrEnum):
    """The types of steps that can run."""

    SERVICE_CALL = "service_call"
    CONDITION = "condition"
    TRANSFORM = "transform"
    WAIT = "wait"
    APPROVAL = "approval"
    SUB_WORKFLOW = "sub_workflow"


_PARKING = frozenset({StepType.WAIT, StepType.APPROVAL, StepType.SUB_WORKFLOW})


class OnFalse(StrEnum):
    """What a condition that is false does."""

    FAIL = "fail"
    SKIP_DEPENDENTS = "skip_dependents"
    END = "end"


class OnTimeout(StrEnum):
    """What a wait (fail, continue) or an approval (fail, approve, reject) does when its time is over."""

    FAIL = "fail"
    CONTINUE = "continue"
    APPROVE = "approve"
    REJECT = "reject"


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

    `compensate`: None = the operation's own; "none" = it is not to be undone. `for_each`: the list (or its `${...}`) of
    a call that runs once per element, `max_parallel` at a time. `timeout_seconds` is per attempt, for what parks in total.
    `seconds`, `until` and `event` are the three ways to wait; `match` filters the events, which may be waited for `until` a
    moment. `context` is a child's.
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
    for_each: str | Sequence[Any] | None = None
    max_parallel: int = MAX_PARALLEL
    seconds: float | str | None = None
    until: str | None = None
    event: str | None = None
    match: str | None = None
    on_timeout: OnTimeout = OnTimeout.FAIL
    permission: str | None = None
    prompt: str | None = None
    workflow: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def operation(self) -> str | None:
        """`service.method` of a service_call, else None."""
        return f"{self.service}.{self.method}" if self.type is StepType.SERVICE_CALL else None

    @property
    def task(self) -> str:
        """The Celery task name under which the step travels and is seen in Flower.

        The row of a step with for_each is the engine's: the operation's name is that of its elements.
        """
        if self.for_each is not None:
            return FOR_EACH_TASK
        return self.operation or f"engine.{self.type.value}"

    @property
    def is_parking(self) -> bool:
        """Whether it may wait for something outside its worker: time, an event, a person, a child, a condition."""
        return self.type in _PARKING or (self.type is StepType.CONDITION and self.timeout_seconds is not None)


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts a workflow by itself: a domain `event` that `when` lets through, or a cron `schedule` in a `timezone`.

    `context` is the template of the execution's context; it may read the event.
    """

    event: str | None = None
    when: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most `limit` executions run per value of the `key` template; parked ones count only with `count_parked`."""

    key: str
    limit: int = 1
    count_parked: bool = False


@dataclass(frozen=True, slots=True)
class Workflow:
    """A named, versioned definition. `input` is a JSON Schema of the context (type: object).

    `suppresses`: workflows that the events of its executions do not trigger. `inline`: a step that follows alone runs on
    in the same worker.
    """

    name: str
    version: str
    steps: tuple[Step, ...]
    description: str = ""
    input: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})
    max_duration_seconds: float | None = None
    deadline_seconds: float | None = None
    rollback_on_failure: bool = True
    tags: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    concurrency: Concurrency | None = None
    suppresses: tuple[str, ...] = ()
    inline: bool = False
