"""The net under everything that was asked of a gateway: what became of payments and refunds that nobody ended."""

from __future__ import annotations

import logging
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from app.adapters.payments.errors import GatewayUnavailable
from app.adapters.payments.port import Gateways
from app.core.clock import now
from app.core.world import World
from app.domains.billing.models import Payment
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules.payment_states import Status
from app.domains.billing.service.asking import Transactions, find
from app.domains.billing.service.cancelling import cancel_payment
from app.domains.billing.service.dunning import end_attempt
from app.domains.billing.service.paying import (
    NEXT_LOOK,
    Answer,
    end_payment,
    get_payment,
    lock_payment,
    tell_failure,
)
from app.domains.billing.service.refunding import get_refund, make_refund
from pipelines.errors import OutcomeUnknown

log = logging.getLogger(__name__)

BATCH = 100
FORGOTTEN_SECONDS = 86_400.0
"""A payment that nobody has asked for for so long, and that the gateway does not know, is withdrawn."""

NEVER_MADE = "It was never made, and nobody asks for it any more."


def look_after_payments(world: World, *, limit: int = BATCH) -> int:
    """Ask for the end of payments and refunds that have none, each by itself; moves no money but refunds that were begun.

    Returns how many were looked at: call again while it is `limit`.
    """
    with world.across.transaction() as session:
        at = now(session)
        payments = queries.to_look_at(session, at=at, limit=limit)
        refunds = queries.refunds_to_look_at(session, at=at, limit=limit)
    gateways = world.ports.get(Gateways)
    for owner_id, payment_id in payments:
        transaction = partial(world.database.transaction, owner_id)
        try:
            look_at_payment(gateways, transaction, payment_id=payment_id)
        except (GatewayUnavailable, OutcomeUnknown) as error:
            log.warning("payment %s is looked at later: %s", payment_id, error)
            _postpone(transaction, payment_id)
        except Exception:
            log.exception("what became of payment %s could not be found out", payment_id)
            _postpone(transaction, payment_id)
    for owner_id, refund_id in refunds:
        transaction = partial(world.database.transaction, owner_id)
        try:
            make_refund(gateways, transaction, refund_id=refund_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, a later run tries again
            log.warning("refund %s is looked at later: %s", refund_id, error)
            with transaction() as session:
                get_refund(session, refund_id=refund_id, locked=True).look_at = now(session) + NEXT_LOOK
    return max(len(payments), len(refunds))


def look_at_payment(gateways: Gateways, transaction: Transactions, *, payment_id: UUID) -> Payment:
    """Write down what became of a pending payment, and withdraw one that was never made and that nobody asks for any more."""
    with transaction() as session:
        payment = get_payment(session, payment_id=payment_id)
        unasked = queries.seconds_since_asked(session, payment_id)
        waiting = (now(session) - payment.created_at).total_seconds() if unasked is None else unasked
    if payment.status != Status.PENDING:
        return payment
    answer = find(gateways, payment) if payment.asked_at else None
    if answer is None and waiting > FORGOTTEN_SECONDS:
        return cancel_payment(gateways, transaction, payment_id=payment_id, reason=NEVER_MADE)
    with transaction() as session:
        if answer is not None:
            return end(session, answer=answer)
    _postpone(transaction, payment_id)
    return payment


def end(session: Session, *, answer: Answer) -> Payment:
    """Write down what became of a payment, with what follows: of one that was collected by itself, the next attempt."""
    if get_payment(session, payment_id=answer.payment_id).is_off_session:
        return end_attempt(session, answer=answer)
    ended = end_payment(session, answer=answer)
    if ended.is_news and ended.payment.status == Status.FAILED:
        tell_failure(session, ended=ended, is_final=True)
    return ended.payment


def _postpone(transaction: Transactions, payment_id: UUID) -> None:
    with transaction() as session:
        payment = lock_payment(session, payment_id=payment_id)
        if payment.status == Status.PENDING:
            payment.look_at = now(session) + NEXT_LOOK
