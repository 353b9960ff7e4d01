"""Withdrawing a payment that has not ended: only once it is certain that nothing was captured, and nothing will be."""

from __future__ import annotations

import math
from uuid import UUID

from app.adapters.payments.errors import GatewayUnavailable, PaymentRefused
from app.adapters.payments.port import Gateways
from app.domains.billing.models import Payment
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules.payment_states import Status
from app.domains.billing.service.asking import Transactions, find
from app.domains.billing.service.paying import (
    cancel_locally,
    end_payment,
    get_payment,
    lock_payment,
    tell_failure,
)

UNANSWERED_SECONDS = 60.0
"""A call that was sent longer ago has been answered or broken off: what is not found then never got through."""

UNDONE = "What it was for was undone."


def cancel_payment(gateways: Gateways, transaction: Transactions, *, payment_id: UUID, reason: str = UNDONE) -> Payment:
    """See to it that nothing comes of a pending payment, and return it as it is then; one that has ended stays as it is.

    The gateway is asked first: what was captured after all is written down as paid. Raises GatewayUnavailable while a call
    may still be on its way, and when the gateway cannot be asked.
    """
    with transaction() as session:
        payment = lock_payment(session, payment_id=payment_id)
        was_asked = payment.asked_at is not None
        if payment.status == Status.PENDING and not was_asked:
            cancel_locally(session, payment_id=payment_id, reason=reason)
    if payment.status != Status.PENDING:
        return payment
    answer = find(gateways, payment)
    is_certain = False
    if answer is not None and answer.made is not None and answer.made.status != "succeeded":
        is_certain = _stopped(gateways, payment, answer.made.reference)
        answer = None if is_certain else find(gateways, payment)
    with transaction() as session:
        if answer is not None:
            ended = end_payment(session, answer=answer)
            if ended.is_news and answer.refusal is not None:
                tell_failure(session, ended=ended, is_final=True)
        elif lock_payment(session, payment_id=payment_id).status == Status.PENDING:
            if not is_certain:
                _refuse_recent(queries.seconds_since_asked(session, payment_id) or 0.0)
            cancel_locally(session, payment_id=payment_id, reason=reason)
        return get_payment(session, payment_id=payment_id)


def _stopped(gateways: Gateways, payment: Payment, reference: str) -> bool:
    """Tell the gateway to wait for the customer or their bank no more; False when it was captured in this moment."""
    try:
        gateways.get(payment.gateway).cancel(reference)
    except PaymentRefused:
        return False
    return True


def _refuse_recent(seconds: float) -> None:
    left = UNANSWERED_SECONDS - seconds
    if left > 0:
        message = "The payment was asked for just now; whether it got through is not known yet."
        raise GatewayUnavailable(message, retry_after=math.ceil(left))
