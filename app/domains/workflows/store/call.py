"""What an operation is given: its session, who and where it is, and the ledger of effects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import Database
from app.core.events import CAUSED_BY
from app.domains.workflows.store.records import StepRun
from pipelines.operations import Effect

T = TypeVar("T")


class StepCall:
    """The `Call` of one attempt (pipelines.operations says what each part means).

    `begin` gives the session of the completion's transaction; it is called at first use, so that an operation of the lease
    form may talk to the outside before any transaction is open.
    """

    def __init__(
        self, database: Database, step: StepRun, begin: Callable[[], Session], *, idempotency_key: str | None = None
    ) -> None:
        self._database = database
        self._step = step
        self._begin = begin
        self._idempotency_key = idempotency_key or step.idempotency_key
        self._session: Session | None = None
        self.effects: list[Effect] = []

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = self._begin()
            self._session.info[CAUSED_BY] = self.execution_id
        return self._session

    @property
    def step(self) -> StepRun:
        """The step as it was claimed."""
        return self._step

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A short transaction of its own, committed at its end; for what is to be seen, or read, before the outside call."""
        scope: AbstractContextManager[Session] = self._database.transaction(self.owner_id)
        with scope as session:
            yield session

    @property
    def owner_id(self) -> UUID:
        return self._step.execution.owner_id

    @property
    def execution_id(self) -> int:
        return self._step.execution.id

    @property
    def correlation_id(self) -> str | None:
        return self._step.execution.correlation_id

    @property
    def step_name(self) -> str:
        return self._step.name

    @property
    def attempt(self) -> int:
        return self._step.attempt

    @property
    def idempotency_key(self) -> str:
        return self._idempotency_key

    def to_undo(self, effect_id: int) -> StepCall:
        """The call of a compensation, in the same transaction: an act of its own, so with a key of its own."""
        key = uuid5(UUID(self._step.idempotency_key), f"undo:{effect_id}")
        return StepCall(self._database, self._step, lambda: self.session, idempotency_key=str(key))

    def now(self) -> datetime:
        return clock.now(self.session)

    def effect(
        self, kind: str, reference: str, summary: str, *, system: str = "turnup", undo: Mapping[str, Any] | None = None
    ) -> None:
        self.effects.append(Effect(kind, reference, summary, system, undo))

    def port(self, kind: type[T]) -> T:
        return self._database.ports.get(kind)
