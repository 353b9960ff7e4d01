"""Reads of payments, refunds and payment methods, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, exists, extract, func, select, text
from sqlalchemy.orm import Session

from app.domains.billing.models import Payable, Payment, PaymentMethod, Refund
from app.domains.billing.models.payments import IS_CAPTURED, IS_PENDING

MAX_ATTEMPTS = 100
"""At one payable: a customer who tries more often than that is looked at by the latest."""


def payments(
    *, status: str | None = None, payable_id: UUID | None = None, customer_id: UUID | None = None
) -> Select[Payment]:
    """Payments by these filters, to be paged."""
    statement = select(Payment)
    if status is not None:
        statement = statement.where(Payment.status == status)
    if payable_id is not None:
        statement = statement.where(Payment.payable_id == payable_id)
    if customer_id is not None:
        statement = statement.where(
            Payment.payable_id.in_(select(Payable.id).where(Payable.customer_id == customer_id))
        )
    return statement


def payment(session: Session, payment_id: UUID, *, locked: bool = False) -> Payment | None:
    """The payment; locked: as it is now."""
    statement = select(Payment).where(Payment.id == payment_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def captured(session: Session, payable_id: UUID) -> Payment | None:
    """The payment by which a payable is paid."""
    return session.scalar(
        select(Payment)
        .where(Payment.payable_id == payable_id, text(IS_CAPTURED))
        .execution_options(populate_existing=True)
    )


def pending(session: Session, payable_id: UUID) -> Payment | None:
    """The payment that is being made, or about to be."""
    return session.scalar(
        select(Payment)
        .where(Payment.payable_id == payable_id, text(IS_PENDING))
        .execution_options(populate_existing=True)
    )


def attempts(session: Session, payable_id: UUID) -> Sequence[Payment]:
    """The latest attempts at a payable, the earliest first."""
    latest = session.scalars(
        select(Payment)
        .where(Payment.payable_id == payable_id)
        .order_by(Payment.created_at.desc(), Payment.id.desc())
        .limit(MAX_ATTEMPTS)
        .execution_options(populate_existing=True)
    ).all()
    return latest[::-1]


def requested_by(session: Session, requested_by: str) -> Sequence[Payment]:
    """The payments that something wanted, a step of an execution, say; the earliest first."""
    return session.scalars(
        select(Payment)
        .where(Payment.requested_by == requested_by)
        .order_by(Payment.created_at, Payment.id)
        .limit(MAX_ATTEMPTS)
        .execution_options(populate_existing=True)
    ).all()


def by_reference(session: Session, *, gateway: str, reference: str) -> Payment | None:
    """The payment that a gateway calls so, whosever it is where the session sees all owners' rows."""
    return session.scalar(select(Payment).where(Payment.gateway == gateway, Payment.reference == reference))


def seconds_since_asked(session: Session, payment_id: UUID) -> float | None:
    """How long ago, by the database's clock, the gateway was asked last; None: it was not."""
    seconds = session.scalar(
        select(extract("epoch", func.clock_timestamp() - Payment.asked_at)).where(Payment.id == payment_id)
    )
    return None if seconds is None else float(seconds)


def to_look_at(session: Session, *, at: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(owner, payment) of payments of which nobody has told us the end, the longest first."""
    rows = session.execute(
        select(Payment.owner_id, Payment.id)
        .where(text(IS_PENDING), Payment.look_at <= at)
        .order_by(Payment.look_at)
        .limit(limit)
    )
    return [(owner_id, row_id) for owner_id, row_id in rows]


def refunds_to_look_at(session: Session, *, at: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(owner, refund) of refunds that are asked for or on their way, the longest first."""
    rows = session.execute(
        select(Refund.owner_id, Refund.id)
        .where(text(IS_PENDING), Refund.look_at <= at)
        .order_by(Refund.look_at)
        .limit(limit)
    )
    return [(owner_id, row_id) for owner_id, row_id in rows]


def refund(session: Session, refund_id: UUID, *, locked: bool = False) -> Refund | None:
    """The refund; locked: as it is now."""
    statement = select(Refund).where(Refund.id == refund_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def refund_for(session: Session, payment_id: UUID, requested_by: str) -> Refund | None:
    """The refund of a payment that something wanted."""
    return session.scalar(
        select(Refund)
        .where(Refund.payment_id == payment_id, Refund.requested_by == requested_by)
        .execution_options(populate_existing=True)
    )


def refunds_of(session: Session, payment_id: UUID) -> Sequence[Refund]:
    """The latest refunds of a payment, the earliest first."""
    latest = session.scalars(
        select(Refund)
        .where(Refund.payment_id == payment_id)
        .order_by(Refund.created_at.desc(), Refund.id.desc())
        .limit(MAX_ATTEMPTS)
        .execution_options(populate_existing=True)
    ).all()
    return latest[::-1]


def refunded_amount(session: Session, payment_id: UUID) -> Decimal:
    """What was given back of a payment, or is on its way."""
    found = session.scalar(
        select(func.sum(Refund.amount)).where(Refund.payment_id == payment_id, Refund.status != "failed")
    )
    return found or Decimal(0)


def methods(customer_id: UUID) -> Select[PaymentMethod]:
    """What a customer pays by, to be paged."""
    return select(PaymentMethod).where(PaymentMethod.customer_id == customer_id, PaymentMethod.status != "removed")


def method(session: Session, method_id: UUID, *, locked: bool = False) -> PaymentMethod | None:
    """The payment method; locked: as it is now."""
    statement = select(PaymentMethod).where(PaymentMethod.id == method_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def usable_method(
    session: Session, customer_id: UUID, *, gateway: str | None = None, reference: str | None = None
) -> PaymentMethod | None:
    """What a customer's payments are collected by, the default before the newest; at that gateway, of that name."""
    statement = select(PaymentMethod).where(PaymentMethod.customer_id == customer_id, PaymentMethod.status == "active")
    if gateway is not None:
        statement = statement.where(PaymentMethod.gateway == gateway)
    if reference is not None:
        statement = statement.where(PaymentMethod.reference == reference)
    return session.scalar(
        statement.order_by(PaymentMethod.is_default.desc(), PaymentMethod.created_at.desc(), PaymentMethod.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )


def has_methods(session: Session, customer_id: UUID) -> bool:
    """Whether the customer ever named a way of paying, also one that was refused since."""
    found = exists().where(PaymentMethod.customer_id == customer_id, PaymentMethod.status != "removed")
    return bool(session.scalar(select(found.select_from(PaymentMethod))))
