"""Asking a gateway, outside any transaction: first what became of a payment, then, if nothing did, for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined, PaymentRefused
from app.adapters.payments.port import Charge, Gateways
from app.core.money import rounded
from app.domains.billing.models import Payment
from app.domains.billing.rules.payment_states import Status
from app.domains.billing.service.paying import Answer, lock_payment

Transactions = Callable[[], AbstractContextManager[Session]]
"""Begins a transaction of the payment's owner, committed at its end."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment, since when it is asked for (null: it has ended), and whether that is for the first time."""

    payment: Payment
    at: datetime | None
    is_first: bool


def ask(gateways: Gateways, transaction: Transactions, *, payment_id: UUID) -> Answer:
    """Have a pending payment made. That it may have been asked for is committed before it is.

    Unless this is the first time, the gateway is asked what became of it before anything else; only when there is nothing is
    it asked for again, with the same parameters under the same key. Raises OutcomeUnknown and GatewayUnavailable: nothing
    is known then, and asking again is harmless.
    """
    with transaction() as session:
        asked = _note(session, payment_id)
    payment = asked.payment
    if asked.at is None:
        return Answer(payment_id=payment_id)
    gateway = gateways.get(payment.gateway)
    try:
        found = None if asked.is_first else gateway.find(payment.idempotency_key)
        return Answer(payment_id=payment_id, made=found or gateway.charge(_charge(payment)))
    except (PaymentDeclined, PaymentRefused) as refusal:
        return Answer(payment_id=payment_id, refusal=refusal)
    except GatewayUnavailable:
        if asked.is_first:
            with transaction() as session:
                _take_back(session, asked)
        raise


def find(gateways: Gateways, payment: Payment) -> Answer | None:
    """What became of a payment; None when the gateway knows nothing of it. Moves nothing. Raises GatewayUnavailable."""
    try:
        found = gateways.get(payment.gateway).find(payment.idempotency_key)
    except PaymentDeclined as refusal:
        return Answer(payment_id=payment.id, refusal=refusal)
    return None if found is None else Answer(payment_id=payment.id, made=found)


def _note(session: Session, payment_id: UUID) -> Asked:
    """Note that it is asked for now, by the database's clock: workers' clocks differ."""
    payment = lock_payment(session, payment_id=payment_id)
    if payment.status != Status.PENDING:
        return Asked(payment, at=None, is_first=False)
    is_first = payment.asked_at is None
    at = session.scalar(
        update(Payment)
        .where(Payment.id == payment_id)
        .values(asked_at=func.clock_timestamp())
        .returning(Payment.asked_at),
        execution_options={"synchronize_session": False},
    )
    return Asked(payment, at=at, is_first=is_first)


def _take_back(session: Session, asked: Asked) -> None:
    """Nothing was done, and nobody had asked before: unless somebody else has since, it is as if it was not asked for."""
    session.execute(
        update(Payment).where(Payment.id == asked.payment.id, Payment.asked_at == asked.at).values(asked_at=None),
        execution_options={"synchronize_session": False},
    )


def _charge(payment: Payment) -> Charge:
    """What is asked for, from the row alone: the same whoever asks."""
    return Charge(
        amount=rounded(payment.amount, payment.currency),
        currency=payment.currency,
        idempotency_key=payment.idempotency_key,
        payment_method=payment.payment_method,
        customer_reference=payment.customer_reference,
        off_session=payment.is_off_session,
        description=payment.description,
        metadata={"payment_id": str(payment.id), "payable_id": str(payment.payable_id)},
    )
