"""One message as it came: which step, and under which circumstances."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from pipelines.plan import Route


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivered message. `redelivered`: the broker says that a worker had it before."""

    owner_id: UUID
    execution_id: int
    number: int
    undo: bool = False
    redelivered: bool = False
    worker: str | None = None
    task_id: str | None = None


@dataclass(slots=True)
class Outcome:
    """What came of a delivery. `ready`: the steps that its commit made ready, by number, with their routes.

    `error`: the attempt failed, and with what, in words; `retry_in`: seconds until the next one, which `ready` then holds. `undo`: what is ready is to be
    undone. `settle`: this could have been the last thing that a stopping execution waited for. `inline`: of what is ready, what the
    worker may go on with itself.
    """

    ready: dict[int, Route] = field(default_factory=dict)
    error: str | None = None
    retry_in: float | None = None
    undo: bool = False
    settle: bool = False
    inline: frozenset[int] = frozenset()
