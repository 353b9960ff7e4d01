"""Everything the engine raises.

Error
├── DefinitionError      a definition that could not run (all its faults at once)
├── IllegalTransition    a state change that the table does not know
├── ExpressionError      an expression or reference that cannot be resolved
├── DuplicateOperation   one operation name registered twice
└── StepFailed           a step's attempt failed; `permanent` says whether another attempt could help
    └── OutcomeUnknown   the other side may or may not have done it: ask before trying again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Error(Exception):
    """Base of the engine's errors."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a definition: where (a JSON pointer, RFC 6901) and what, in words."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.message}"


class DefinitionError(Error):
    """A workflow definition that cannot run. `faults` holds every fault found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(str(fault) for fault in self.faults))


class IllegalTransition(Error):
    """A state change that is not in the table of legal transitions."""

    def __init__(self, kind: str, before: str, after: str) -> None:
        self.kind, self.before, self.after = kind, before, after
        super().__init__(f"{kind} cannot go from {before} to {after}")


class ExpressionError(Error):
    """An expression or reference that cannot be resolved; permanent by nature."""


class DuplicateOperation(Error):
    """An operation name that is registered twice."""


class StepFailed(Error):
    """A step's attempt failed.

    `permanent`: another attempt cannot help (validation, declined, not found).
    `retry_after`: seconds the other side asked us to wait (HTTP 429/503 Retry-After), else None.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after


class OutcomeUnknown(StepFailed):
    """The call may have taken effect on the other side: it has to be looked up before anything is tried again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)
