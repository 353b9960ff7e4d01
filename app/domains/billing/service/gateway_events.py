"""What gateways tell by themselves. Each message counts once; it is a hint, and the gateway's own books are the truth."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.adapters.payments.errors import GatewayUnavailable, PaymentRefused, WebhookRejected
from app.adapters.payments.port import Gateway, GatewayEvent, Gateways
from app.adapters.payments.port import Payment as Made
from app.core import audit
from app.core.db import OWNER
from app.core.events import emit
from app.core.ids import new_id
from app.core.money import rounded
from app.core.world import World
from app.domains.billing.errors import GatewayBusy, GatewayNotFound, WebhookDisbelieved
from app.domains.billing.models import Payment, ReceivedEvent
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules.payment_states import Status
from app.domains.billing.service.asking import Transactions, find
from app.domains.billing.service.looking import end
from app.domains.billing.service.payables import get_payable
from app.domains.billing.service.paying import Answer, about, lock_payment, subject
from app.domains.billing.service.refunding import begin_return, look_again, make_refund
from pipelines.errors import OutcomeUnknown

log = logging.getLogger(__name__)

ENDS = frozenset({"payment_failed", "payment_canceled", "payment_pending", "payment_requires_action"})
REFUNDS = frozenset({"refund_changed", "refund_failed"})


def receive_event(world: World, *, gateway_name: str, payload: bytes, headers: Mapping[str, str]) -> bool:
    """Take a gateway's message; returns whether it was news. One about no payment of ours is none.

    Raises GatewayNotFound, WebhookDisbelieved; GatewayBusy when the gateway has to send it again.
    """
    gateways = world.ports.get(Gateways)
    event = _believed(gateways, gateway_name, payload, headers)
    if event.reference is None or event.kind == "other":
        return False
    with world.across.transaction() as session:
        payment = queries.by_reference(session, gateway=event.gateway, reference=event.reference)
    if payment is None:
        # of another system on the same account; or its answer is not written down yet, and a later look finds it
        log.info("%s told of %s, which is no payment of ours", event.gateway, event.reference)
        return False
    transaction = partial(world.database.transaction, payment.owner_id)
    try:
        return _take(gateways, transaction, event, payment)
    except (GatewayUnavailable, OutcomeUnknown) as error:
        raise GatewayBusy(str(error)) from error


def _believed(gateways: Gateways, name: str, payload: bytes, headers: Mapping[str, str]) -> GatewayEvent:
    try:
        gateway: Gateway = gateways.get(name)
    except PaymentRefused as error:
        raise GatewayNotFound(str(error)) from error
    try:
        return gateway.verify_webhook(payload, headers)
    except WebhookRejected as error:
        raise WebhookDisbelieved(str(error)) from error


def _take(gateways: Gateways, transaction: Transactions, event: GatewayEvent, payment: Payment) -> bool:
    answer = find(gateways, payment) if event.kind in ENDS else None
    refunds: list[UUID] = []
    with transaction() as session:
        locked = lock_payment(session, payment_id=payment.id)
        if not _is_new(session, event, locked):
            return False
        if event.kind == "payment_succeeded":
            refunds = _paid(session, event, locked)
        elif answer is not None:
            end(session, answer=answer)
        elif event.kind == "disputed":
            _dispute(session, locked)
        elif event.kind in REFUNDS:
            refunds = look_again(session, payment_id=payment.id)
    for refund_id in refunds:
        _make(gateways, transaction, refund_id)
    return True


def _is_new(session: Session, event: GatewayEvent, payment: Payment) -> bool:
    row = session.scalar(
        insert(ReceivedEvent)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            gateway=event.gateway,
            event_id=event.id,
            kind=event.kind,
            payment_id=payment.id,
            occurred_at=event.occurred_at,
        )
        .on_conflict_do_nothing(index_elements=["gateway", "event_id"])
        .returning(ReceivedEvent.id)
    )
    return row is not None


def _paid(session: Session, event: GatewayEvent, payment: Payment) -> list[UUID]:
    """The money is there. Of a payment that had been withdrawn or had failed it goes back, since nobody waits for it."""
    if payment.status in {Status.CANCELLED, Status.FAILED}:
        return [begin_return(session, payment=payment, reference=event.reference or "").id]
    made = Made(
        status="succeeded",
        reference=event.reference or "",
        amount=rounded(payment.amount, payment.currency),
        currency=payment.currency,
        gateway=event.gateway,
        captured_at=event.occurred_at,
    )
    end(session, answer=Answer(payment_id=payment.id, made=made))
    return []


def _dispute(session: Session, payment: Payment) -> None:
    """The customer's bank wants the money back; what is to be done a person decides."""
    payable = get_payable(session, payable_id=payment.payable_id)
    audit.record(session, "payment.disputed", subject(payment), after={"reference": payment.reference})
    emit(session, "payment.disputed", subject(payment), about(payment, payable))


def _make(gateways: Gateways, transaction: Transactions, refund_id: UUID) -> None:
    """What is begun is made, now or by a later run."""
    try:
        make_refund(gateways, transaction, refund_id=refund_id)
    except (GatewayUnavailable, OutcomeUnknown) as error:
        log.warning("refund %s is made later: %s", refund_id, error)
