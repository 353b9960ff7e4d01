"""Refunds: written before the gateway is asked, and never more than was captured."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.adapters.payments import port as gateway_port
from app.adapters.payments.errors import PaymentRefused
from app.adapters.payments.port import Gateways
from app.core import audit
from app.core.clock import now
from app.core.errors import Fault
from app.core.events import emit
from app.core.ids import new_id
from app.core.money import rounded
from app.domains.billing.errors import AmountInvalid, PaymentNotFound, PaymentStateForbids
from app.domains.billing.models import Payment, Refund
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules.payable_states import OWED
from app.domains.billing.rules.payable_states import Status as PayableStatus
from app.domains.billing.rules.payment_states import CAPTURED, RefundStatus, Status, after_refunds
from app.domains.billing.service.asking import Transactions
from app.domains.billing.service.payables import get_payable
from app.domains.billing.service.paying import about, get_payment, lock_payment, move_to_status, subject
from app.domains.billing.service.settling import reopen, settle

FIRST_LOOK = timedelta(minutes=10)
NEXT_LOOK = timedelta(hours=6)
"""Banks take days; a message of the gateway comes before this in most cases."""


def begin_refund(
    session: Session, *, payment_id: UUID, requested_by: str, amount: Decimal | None = None, reason: str = ""
) -> Refund:
    """A refund of `amount`, or of all that is left, for whoever commits it to have the gateway make it then.

    `requested_by` names what wants it: asking again finds it. Raises PaymentNotFound, PaymentStateForbids for a payment of
    which nothing is captured, AmountInvalid for more than is left.
    """
    payment = lock_payment(session, payment_id=payment_id)
    if earlier := queries.refund_for(session, payment_id, requested_by):
        return earlier
    if Status(payment.status) not in CAPTURED:
        message = f"Nothing can be given back of a payment that is {payment.status}."
        raise PaymentStateForbids(message)
    left = payment.amount - queries.refunded_amount(session, payment_id)
    wanted = left if amount is None else amount
    if not (wanted.is_finite() and 0 < wanted <= left and wanted == rounded(wanted, payment.currency)):
        message = (
            f"Of this payment {rounded(left, payment.currency)} {payment.currency} can be given back, not {wanted:f}."
        )
        raise AmountInvalid(message, faults=[Fault("/amount", message)])
    return _written(session, payment, wanted, requested_by=requested_by, reason=reason)


def begin_return(session: Session, *, payment: Payment, reference: str) -> Refund:
    """Give back what was captured of a locked payment after it had been withdrawn or had failed: nobody wants it any more."""
    requested_by = f"withdrawn/{payment.id}"
    if earlier := queries.refund_for(session, payment.id, requested_by):
        return earlier
    payment.reference, payment.captured_at = reference, now(session)
    return _written(session, payment, payment.amount, requested_by=requested_by, reason="It was withdrawn before.")


def make_refund(gateways: Gateways, transaction: Transactions, *, refund_id: UUID) -> Refund:
    """Have the gateway make a refund, or say what became of it; the gateway looks itself for an earlier call under its key.

    The refund and the payment are brought up to date. Raises OutcomeUnknown and GatewayUnavailable: asking again is harmless.
    """
    with transaction() as session:
        refund = get_refund(session, refund_id=refund_id)
        payment = get_payment(session, payment_id=refund.payment_id)
    if payment.reference is None:
        raise RuntimeError(f"payment {payment.id} was captured without a reference")
    try:
        made = gateways.get(payment.gateway).refund(
            payment.reference,
            idempotency_key=refund.idempotency_key,
            amount=rounded(refund.amount, refund.currency),
        )
    except PaymentRefused as refusal:
        with transaction() as session:
            return end_refund(session, refund_id=refund_id, refusal=str(refusal))
    with transaction() as session:
        return end_refund(session, refund_id=refund_id, made=made)


def end_refund(
    session: Session, *, refund_id: UUID, made: gateway_port.Refund | None = None, refusal: str | None = None
) -> Refund:
    """Write down what the gateway says of a refund, as often as it is asked; emits payment.refunded the first time it is made."""
    payment = lock_payment(session, payment_id=get_refund(session, refund_id=refund_id).payment_id)
    refund = get_refund(session, refund_id=refund_id, locked=True)
    was_accepted = refund.reference is not None and refund.status != RefundStatus.FAILED
    refund.status = (RefundStatus.FAILED if made is None else RefundStatus(made.status)).value
    refund.reference = refund.reference if made is None else made.reference
    refund.failure_reason = refusal or ("It came back." if refund.status == RefundStatus.FAILED else None)
    refund.look_at = now(session) + NEXT_LOOK
    session.flush()
    if refund.status == RefundStatus.FAILED:
        _failed(session, payment, refund)
    elif not was_accepted:
        _accepted(session, payment, refund)
    return refund


def look_again(session: Session, *, payment_id: UUID) -> list[UUID]:
    """The refunds of a payment, to be asked for again since the gateway says that one changed."""
    lock_payment(session, payment_id=payment_id)
    return [each.id for each in queries.refunds_of(session, payment_id) if each.status != RefundStatus.FAILED]


def get_refund(session: Session, *, refund_id: UUID, locked: bool = False) -> Refund:
    """A refund; locked: as it is now. Raises PaymentNotFound."""
    if found := queries.refund(session, refund_id, locked=locked):
        return found
    message = "There is no such refund."
    raise PaymentNotFound(message)


def refunds_of(session: Session, *, payment_id: UUID) -> list[Refund]:
    """The refunds of a payment, the first first."""
    return list(queries.refunds_of(session, payment_id))


def _written(session: Session, payment: Payment, amount: Decimal, *, requested_by: str, reason: str) -> Refund:
    refund_id = new_id()
    refund = Refund(
        id=refund_id,
        owner_id=payment.owner_id,
        payment_id=payment.id,
        amount=amount,
        currency=payment.currency,
        reason=reason,
        idempotency_key=f"refund-{refund_id}",
        requested_by=requested_by,
        look_at=now(session) + FIRST_LOOK,
    )
    session.add(refund)
    session.flush()
    audit.record(
        session, "refund.begun", subject(payment), after=_told(refund), reason=reason, owner_id=payment.owner_id
    )
    return refund


def _accepted(session: Session, payment: Payment, refund: Refund) -> None:
    _recount(session, payment)
    payable = get_payable(session, payable_id=payment.payable_id, locked=True)
    # money of what had failed came after all and went back whole: its attempt stays failed, the money was refunded
    status = Status.REFUNDED if payment.status == Status.FAILED else Status(payment.status)
    told = {**about(payment, payable), **_told(refund), "status": status.value}
    emit(session, "payment.refunded", subject(payment), told, owner_id=payment.owner_id)
    if payment.status == Status.REFUNDED:
        reopen(session, payable=payable)


def _failed(session: Session, payment: Payment, refund: Refund) -> None:
    """The money is ours again, and what it paid is paid. Where it was paid anew, or is owed no more, a person sees to it."""
    audit.record(
        session,
        "refund.failed",
        subject(payment),
        after=_told(refund),
        reason=refund.failure_reason,
        owner_id=payment.owner_id,
    )
    other = queries.captured(session, payment.payable_id)
    if other is not None and other.id != payment.id:
        return
    _recount(session, payment)
    payable = get_payable(session, payable_id=payment.payable_id, locked=True)
    if Status(payment.status) in CAPTURED and PayableStatus(payable.status) in OWED:
        settle(session, payable=payable)


def _recount(session: Session, payment: Payment) -> None:
    payment.refunded_amount = queries.refunded_amount(session, payment.id)
    session.flush()
    if Status(payment.status) not in {*CAPTURED, Status.REFUNDED}:
        return
    status = after_refunds(amount=payment.amount, refunded=payment.refunded_amount)
    if status != payment.status:
        move_to_status(session, payment=payment, status=status)


def _told(refund: Refund) -> dict[str, Any]:
    return {
        "refund_id": str(refund.id),
        "refunded_amount": str(rounded(refund.amount, refund.currency)),
        "refund_reference": refund.reference,
    }
