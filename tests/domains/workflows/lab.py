"""The engine in this process, one delivery at a time: a broker in memory over a database that no worker looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from kombu.exceptions import OperationalError
from sqlalchemy import text

from app.core.db import Database
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.domains.tenants import service as tenants
from app.domains.workflows import service
from app.domains.workflows.service import Delivery, Outcome
from app.factory import build_world
from pipelines.operations import Catalogue
from pipelines.plan import Chain, Chord, Segment
from tests.scenarios.conftest import Engine

TASKS: Mapping[str, Callable[[Database, UUID, Any], object]] = {
    service.SETTLE_TASK: lambda db, owner, execution: service.settle(db, owner_id=owner, execution_id=execution),
    service.EXPIRE_TASK: lambda db, owner, execution: service.expire(db, owner_id=owner, execution_id=execution),
    service.STOP_CHILDREN_TASK: lambda db, owner, execution: service.stop_children(
        db, owner_id=owner, execution_id=execution
    ),
    service.ADMIT_TASK: lambda db, owner, key: service.admit(db, owner_id=owner, key=key),
}


@dataclass
class Recorder:
    """A broker in memory."""

    sent: list[tuple[UUID, int, int, bool]] = field(default_factory=list)
    tasks: list[tuple[str, tuple[str | int, ...]]] = field(default_factory=list)
    away: bool = False

    def send_steps(
        self,
        owner_id: UUID,
        execution_id: int,
        segments: Sequence[Segment],
        *,
        countdown: int | None = None,
        undo: bool = False,
    ) -> None:
        if self.away:
            raise OperationalError
        for segment in segments:
            chains = [segment] if isinstance(segment, Chain) else list(segment.chains)
            self.sent += [(owner_id, execution_id, chain.hops[0].number, undo) for chain in chains]
            assert isinstance(segment, Chain | Chord) or segment.chains

    def send_task(self, name: str, *args: str | int) -> None:
        if self.away:
            raise OperationalError
        self.tasks.append((name, args))

    def is_reachable(self) -> bool:
        return not self.away

    def wake(self, channel: str) -> None:
        pass


@dataclass
class Lab(Engine):
    """The engine in this process."""

    broker: Recorder = field(default_factory=Recorder)

    def deliver(self, execution_id: int, number: int, *, undo: bool = False, redelivered: bool = False) -> Outcome:
        delivery = Delivery(self.owner, execution_id, number, undo=undo, redelivered=redelivered, worker="lab")
        outcome = service.run(self.world, delivery)
        if outcome.retry_in is None:
            self.broker.sent += [(self.owner, execution_id, n, outcome.undo) for n in outcome.ready]
        return outcome

    def drain(self) -> list[Outcome]:
        """Work until nothing is in the broker; retries are left alone."""
        outcomes = []
        while self.broker.sent or self.broker.tasks:
            if self.broker.tasks:
                name, (owner, about) = self.broker.tasks.pop(0)
                TASKS[name](self.world.database, UUID(str(owner)), about)
                continue
            _, execution_id, number, undoing = self.broker.sent.pop(0)
            outcomes.append(self.deliver(execution_id, number, undo=undoing))
        return outcomes

    def sql(self, query: str, **parameters: Any) -> None:
        with self.world.database.transaction(self.owner) as session:
            session.execute(text(query), parameters)

    def due(self, execution_id: int) -> None:
        """Make retries due now, and the sweeper's look."""
        self.sql(
            "UPDATE workflow_steps SET not_before = NULL, sent_at = NULL WHERE execution_id = :e AND not_before IS NOT NULL",
            e=execution_id,
        )
        self.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE id = :e", e=execution_id)

    def sweep(self, *, seen: Mapping[str, float] | None = None) -> None:
        with self.world.across.transaction() as session:
            service.send_lost_work(session, seen=seen)

    def to_the_end(self, execution_id: int, *, rounds: int = 12) -> service.WorkflowExecution:
        """Work, and sweep as if much time went by, until it has ended or `rounds` sweeps did not help."""
        for _ in range(rounds):
            self.drain()
            if (found := self.look(execution_id)).state in {"completed", "failed", "cancelled"}:
                return found
            self.due(execution_id)
            self.sql(
                "UPDATE workflow_steps SET sent_at = now() - interval '1 day' WHERE execution_id = :e", e=execution_id
            )
            self.sweep()
        return self.look(execution_id)

    def look(self, execution_id: int) -> service.WorkflowExecution:
        with self.world.database.transaction(self.owner) as session:
            return service.get_execution(session, execution_id=execution_id)


@contextmanager
def opened(settings: Settings, operations: Catalogue) -> Iterator[Lab]:
    """The engine over this database with these operations besides, for a tenant of its own."""
    broker = Recorder()
    world = build_world(settings, sender=broker)
    world.operations.include(operations)
    try:
        with world.database.transaction(OPERATOR_ID) as session:
            slug = f"t{new_id().hex[-12:]}"
            owner = tenants.create_tenant(session, name=slug, slug=slug).id
        yield Lab(world, owner, broker)
    finally:
        world.close()
