"""Payments in the database: begun before the gateway is asked, and ended by what it answered.

A payment is taken once, whatever dies: its row with everything that is asked is committed first, of one payable at most one
is pending, and the gateway knows it by a key of its own. Whoever finds it pending goes on with just that row and that key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.adapters.payments import port as gateways
from app.adapters.payments.errors import PaymentDeclined, PaymentFailed
from app.core import audit
from app.core.clock import now
from app.core.errors import Fault
from app.core.events import emit
from app.core.ids import new_id
from app.core.money import rounded
from app.domains.billing.errors import (
    AmountNotDue,
    PayableSettled,
    PaymentMethodInvalid,
    PaymentNotFound,
    PaymentStateForbids,
)
from app.domains.billing.models import Payable, Payment
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules import payable_states
from app.domains.billing.rules.payment_states import CAPTURED, Status, is_legal
from app.domains.billing.service.methods import Means, means_by_name, refuse_method
from app.domains.billing.service.payable_states import what_for
from app.domains.billing.service.payables import get_payable
from app.domains.billing.service.settling import settle

FIRST_LOOK = timedelta(minutes=10)
"""After so long somebody else asks what became of a payment that nobody ended."""
NEXT_LOOK = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a gateway said of a payment: what it made of it, or why it did not."""

    payment_id: UUID
    made: gateways.Payment | None = None
    refusal: PaymentFailed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A payment after an answer, with what it pays. `is_news`: it was this answer that changed it."""

    payment: Payment
    payable: Payable
    is_news: bool


def current_payment(session: Session, *, payable: Payable) -> Payment | None:
    """The payment by which a payable is paid, or that is being made for it."""
    return queries.captured(session, payable.id) or queries.pending(session, payable.id)


def check_due(payable: Payable, amount: Decimal | None) -> None:
    """Raises AmountNotDue for an amount that is not what is due."""
    if amount is not None and amount != payable.amount:
        due = f"{rounded(payable.amount, payable.currency)} {payable.currency}"
        message = f"{due} are due, not {amount:f}."
        raise AmountNotDue(message, faults=[Fault("/amount", message)])


def begin_payment(
    session: Session, *, payable: Payable, means: Means, requested_by: str, is_off_session: bool = False
) -> Payment:
    """A new attempt at a locked payable, pending, for whoever commits it to ask the gateway then.

    Where one is pending or captured, that one. Raises PayableSettled for what is not owed any more, PaymentMethodInvalid for
    a method that was declined for good: it is never tried again.
    """
    if known := current_payment(session, payable=payable):
        return known
    if payable_states.Status(payable.status) not in payable_states.OWED:
        message = f"This is not to be paid: it is {payable.status}."
        raise PayableSettled(message)
    for attempt in queries.attempts(session, payable.id):
        if attempt.is_hard_decline and (attempt.gateway, attempt.payment_method) == (means.gateway, means.reference):
            message = f"This payment method was declined for good: {attempt.failure_reason}"
            raise PaymentMethodInvalid(message, faults=[Fault("/payment_method", message)])
    payment_id = new_id()
    payment = Payment(
        id=payment_id,
        payable_id=payable.id,
        amount=payable.amount,
        currency=payable.currency,
        description=payable.description,
        gateway=means.gateway,
        payment_method=means.reference,
        method_id=means.method_id,
        customer_reference=means.customer_reference,
        is_off_session=is_off_session,
        idempotency_key=f"payment-{payment_id}",
        requested_by=requested_by,
        look_at=now(session) + FIRST_LOOK,
    )
    session.add(payment)
    session.flush()
    audit.record(session, "payment.begun", subject(payment), after=_picture(payment))
    return payment


def begin_by_name(
    session: Session, *, payable: Payable, wanted: str | None, requested_by: str, is_off_session: bool = False
) -> Payment:
    """The same by what somebody wants to pay by, which is looked for only where nothing is paid, or being paid, already."""
    if known := current_payment(session, payable=payable):
        return known
    means = means_by_name(session, customer_id=payable.customer_id, wanted=wanted)
    return begin_payment(
        session, payable=payable, means=means, requested_by=requested_by, is_off_session=is_off_session
    )


def end_payment(session: Session, *, answer: Answer) -> Ended:
    """Write down what the gateway answered; a payment that has ended stays as it is.

    Paid: emits payment.received, and what follows for the payable. Of a failure the caller tells (`tell_failure`): it knows
    whether anything else is tried.
    """
    payment = lock_payment(session, payment_id=answer.payment_id)
    payable = get_payable(session, payable_id=payment.payable_id, locked=True)
    is_news = payment.status == Status.PENDING
    if is_news and answer.refusal is not None:
        _fail(session, payment, answer.refusal)
    elif is_news and answer.made is not None:
        is_news = _advance(session, payment, payable, answer.made)
    return Ended(payment=payment, payable=payable, is_news=is_news)


def tell_failure(session: Session, *, ended: Ended, is_final: bool) -> None:
    """Emit payment.failed. `is_final`: nothing more is tried by itself."""
    payment = ended.payment
    told = {
        **about(payment, ended.payable),
        "reason": payment.failure_reason,
        "code": payment.failure_code,
        "is_final": is_final,
    }
    emit(session, "payment.failed", subject(payment), told, owner_id=payment.owner_id)


def cancel_locally(session: Session, *, payment_id: UUID, reason: str) -> bool:
    """Withdraw a payment of which nothing was captured and nothing will be; False when it has ended."""
    payment = lock_payment(session, payment_id=payment_id)
    if payment.status != Status.PENDING:
        return False
    _move(session, payment, Status.CANCELLED, reason=reason)
    return True


def get_payment(session: Session, *, payment_id: UUID) -> Payment:
    """A payment. Raises PaymentNotFound."""
    if found := queries.payment(session, payment_id):
        return found
    raise _not_found()


def lock_payment(session: Session, *, payment_id: UUID) -> Payment:
    """A payment as it is now; it and its payable are locked until the transaction ends, the payable first.

    Raises PaymentNotFound.
    """
    get_payable(session, payable_id=get_payment(session, payment_id=payment_id).payable_id, locked=True)
    if found := queries.payment(session, payment_id, locked=True):
        return found
    raise _not_found()


def all_payments(
    *, status: str | None = None, payable_id: UUID | None = None, customer_id: UUID | None = None
) -> Select[Payment]:
    """Payments by these filters, to be paged."""
    return queries.payments(status=status, payable_id=payable_id, customer_id=customer_id)


def requested_payments(session: Session, *, requested_by: str) -> list[Payment]:
    """The payments that something wanted, a step of an execution, say; the earliest first."""
    return list(queries.requested_by(session, requested_by))


def subject(payment: Payment) -> str:
    """What events of a payment are about."""
    return f"payment/{payment.id}"


def about(payment: Payment, payable: Payable) -> dict[str, Any]:
    """What events say of a payment and of what it pays; nothing of the card."""
    return {
        **what_for(payable),
        "payment_id": str(payment.id),
        "amount": str(rounded(payment.amount, payment.currency)),
        "currency": payment.currency,
        "gateway": payment.gateway,
        "reference": payment.reference,
    }


def move_to_status(session: Session, *, payment: Payment, status: Status) -> None:
    """Bring a locked, captured payment into a state of its refunds. Raises PaymentStateForbids."""
    _move(session, payment, status)


def _advance(session: Session, payment: Payment, payable: Payable, made: gateways.Payment) -> bool:
    payment.reference = made.reference
    payment.is_awaiting_customer = made.status == "requires_action"
    if made.status != "succeeded":
        payment.look_at = now(session) + NEXT_LOOK
        session.flush()
        return False
    payment.captured_at = made.captured_at or now(session)
    _move(session, payment, Status.SUCCEEDED)
    settle(session, payable=payable)
    emit(session, "payment.received", subject(payment), about(payment, payable), owner_id=payment.owner_id)
    return True


def _fail(session: Session, payment: Payment, refusal: PaymentFailed) -> None:
    payment.failed_at = now(session)
    payment.failure_reason = str(refusal)
    if isinstance(refusal, PaymentDeclined):
        payment.failure_code = refusal.decline_code or refusal.code
        payment.is_hard_decline = refusal.is_hard
    else:
        # asked like this, the gateway will refuse it again; that need not be the method's fault
        payment.failure_code, payment.is_hard_decline = "refused", True
    _move(session, payment, Status.FAILED, reason=str(refusal))
    if isinstance(refusal, PaymentDeclined) and refusal.is_hard and payment.method_id is not None:
        refuse_method(session, method_id=payment.method_id, reason=str(refusal))


def _move(session: Session, payment: Payment, status: Status, *, reason: str | None = None) -> None:
    before = Status(payment.status)
    if not is_legal(before, status):
        message = f"A payment that is {before} cannot become {status}."
        raise PaymentStateForbids(message)
    payment.status = status.value
    payment.is_awaiting_customer = False
    session.flush()
    audit.record(
        session,
        f"payment.{status}",
        subject(payment),
        before={"status": before.value},
        after=_picture(payment),
        reason=reason,
        owner_id=payment.owner_id,
    )


def _picture(payment: Payment) -> dict[str, Any]:
    return {
        "status": str(payment.status),
        "payable_id": str(payment.payable_id),
        "amount": str(rounded(payment.amount, payment.currency)),
        "currency": payment.currency,
        "gateway": payment.gateway,
        "reference": payment.reference,
        "requested_by": payment.requested_by,
    }


def is_captured(payment: Payment) -> bool:
    """Whether we have money of it."""
    return Status(payment.status) in CAPTURED


def _not_found() -> PaymentNotFound:
    message = "There is no such payment."
    return PaymentNotFound(message)
