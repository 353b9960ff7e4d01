"""Calling an operation as the engine does, without an engine: claim, call, completion, over the real database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import Database
from app.core.ports import Ports
from pipelines.operations import Effect, Operation

T = TypeVar("T")


@dataclass
class DirectCall:
    """A `Call` on one database. `ports` come before those of the database."""

    database: Database
    owner_id: UUID
    ports: Ports = field(default_factory=Ports)
    execution_id: int = 1
    correlation_id: str | None = None
    step_name: str = "step"
    attempt: int = 1
    idempotency_key: str = "key"
    effects: list[Effect] = field(default_factory=list)
    _stack: ExitStack = field(default_factory=ExitStack)
    _session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = self._stack.enter_context(self.database.transaction(self.owner_id))
        return self._session

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with self.database.transaction(self.owner_id) as session:
            yield session

    def now(self) -> datetime:
        return clock.now(self.session)

    def effect(
        self, kind: str, reference: str, summary: str, *, system: str = "turnup", undo: Mapping[str, Any] | None = None
    ) -> None:
        self.effects.append(Effect(kind, reference, summary, system, undo))

    def port(self, kind: type[T]) -> T:
        return self.ports.find(kind) or self.database.ports.get(kind)


@dataclass(frozen=True)
class Outcome:
    """What an operation returned and recorded; `intended` is what its claim promised."""

    output: Mapping[str, Any] | None
    effects: list[Effect]
    intended: list[Effect]


def claim(operation: Operation, database: Database, owner_id: UUID, **params: Any) -> list[Effect]:
    """The claim's commit alone: as if the worker died right after it."""
    call = DirectCall(database, owner_id)
    with call._stack:
        return list(operation.intends(call, operation.bind(params))) if operation.intends else []


def perform(
    operation: Operation, database: Database, owner_id: UUID, *, ports: Ports | None = None, **params: Any
) -> Outcome:
    """Claim, call and completion; an error rolls the completion back, as in a worker."""
    intended = claim(operation, database, owner_id, **params)
    call = DirectCall(database, owner_id, ports=ports or Ports())
    with call._stack:
        output = operation.function(call, **operation.bind(params))
    return Outcome(output, call.effects, intended)
