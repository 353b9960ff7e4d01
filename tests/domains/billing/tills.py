"""A seller with a gateway: what is put up to be paid, operations as a worker calls them, and what the gateway's own books say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.adapters.payments.port import Charge, Gateways, Payment
from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.core.world import World
from app.domains.billing import service
from app.domains.billing.models import Refund
from app.domains.billing.operations import OPERATIONS
from pipelines.operations import Effect
from tests.adapters.payments.benches import HARD, SOFT, Bench, SandboxBench, StripeBench
from tests.calls import DirectCall

__all__ = ["HARD", "SOFT", "Done", "Till", "WorkerDied"]

GOOD = "pm_card_visa"


class WorkerDied(BaseException):
    """What no code sees coming: the process is gone."""


@dataclass(frozen=True)
class Done:
    """What a step returned and recorded."""

    output: Mapping[str, Any]
    effects: list[Effect]


@dataclass
class Dying:
    """A gateway whose caller dies once it has charged."""

    gateway: Any
    has_died: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.gateway, name)

    def charge(self, request: Charge) -> Payment:
        made: Payment = self.gateway.charge(request)
        if not self.has_died:
            self.has_died = True
            raise WorkerDied
        return made


@dataclass
class Till:
    """Where one owner takes payments, by one gateway."""

    world: World
    owner: UUID
    bench: Bench
    keys: list[str] = field(default_factory=list)

    def transaction(self):
        return self.world.database.transaction(self.owner)

    def put(self, amount="49.90", *, currency="EUR", source=None, **fields):
        """Something to be paid; returns its source and the payable."""
        source_type, source_id = source or ("quote", str(new_id()))
        with self.transaction() as session:
            return service.put_payable(
                session,
                source_type=source_type,
                source_id=source_id,
                amount=Decimal(amount),
                currency=currency,
                description="Fibre 500",
                **fields,
            )

    def perform(self, name, *, key=None, attempt=1, claimed=True, **params):
        """A step's attempt as a worker makes it: claim, look-up after the first, call, completion."""
        operation, key = OPERATIONS[f"billing_service.{name}"], key or f"step-{new_id()}"
        if claimed:
            self.claim(name, key=key, **params)
        call = DirectCall(self.world.database, self.owner, idempotency_key=key, attempt=attempt)
        bound = operation.bind(params)
        with call._stack:
            found = operation.finds(call, **bound) if attempt > 1 and operation.finds else None
            output = operation.function(call, **bound) if found is None else found
        return Done(output, call.effects)

    def claim(self, name, *, key, **params):
        """The claim's commit alone: as if the worker died right after it."""
        operation = OPERATIONS[f"billing_service.{name}"]
        if operation.intends is None:
            return []
        call = DirectCall(self.world.database, self.owner, idempotency_key=key)
        with call._stack:
            return list(operation.intends(call, operation.bind(params)))

    def read(self, noun, reference):
        """A resource as a waiting condition reads it."""
        call = DirectCall(self.world.database, self.owner)
        with call._stack:
            return OPERATIONS.reader(noun)(call, reference)

    def payable(self, payable_id):
        with self.transaction() as session:
            return service.get_payable(session, payable_id=payable_id)

    def payments(self, payable_id):
        """The attempts at a payable, the first first."""
        with self.transaction() as session:
            found = session.scalars(service.all_payments(payable_id=payable_id)).all()
            return sorted(found, key=lambda each: (each.created_at, each.id))

    def refunds(self, payable_id):
        ids = [each.id for each in self.payments(payable_id)]
        with self.transaction() as session:
            return session.scalars(select(Refund).where(Refund.payment_id.in_(ids)).order_by(Refund.id)).all()

    def charges(self, payable_id):
        """How often money was taken for it, by the gateway's own books."""
        self.bench.gateway.health()  # whose books may have to be opened first
        return sum(self.bench.charges(each.idempotency_key) for each in self.payments(payable_id))

    def told(self, subject):
        """The events about something, in order."""
        with self.transaction() as session:
            about = select(OutboxEvent.type).where(OutboxEvent.subject == subject).order_by(OutboxEvent.position)
            return list(session.scalars(about))

    def data_of(self, event_type, subject):
        """What the latest event of a type says of something."""
        with self.transaction() as session:
            found = select(OutboxEvent.data).where(OutboxEvent.subject == subject, OutboxEvent.type == event_type)
            return session.scalars(found.order_by(OutboxEvent.position.desc())).first()

    def unheard_of(self):
        """A payment method by which the next charge is made so that nobody hears of it."""
        if isinstance(self.bench, StripeBench):
            self.bench.server.switches.drop_answer = True
            return GOOD
        assert isinstance(self.bench, SandboxBench)
        return "pm_sandbox_answerLost"

    def dies_once(self):
        """Let the next worker die when the gateway has charged."""
        gateways = self.world.ports.get(Gateways)
        gateways._by_name[self.bench.gateway.name] = Dying(self.bench.gateway)

    def forget_keys(self):
        """Let the gateway forget the keys that it was asked under, as Stripe does after a day: only a look-up helps then."""
        if isinstance(self.bench, StripeBench):
            self.bench.server.forget_keys()
