"""Payments over HTTP: looked at, given back, confirmed where a person sees the money come, and withdrawn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.billing import service
from app.domains.billing.routes.asked import asked_by
from app.domains.billing.schemas import payments as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

payments = Blueprint("payments", __name__, description="Attempts to collect what is owed, and what became of them")


@endpoint(
    payments,
    "GET",
    "/payments",
    permission="payment.read",
    query=schemas.PaymentFilter,
    answer=schemas.PaymentOut,
    paged=True,
)
def list_payments(ctx: Context) -> Any:
    """Payments, newest first."""
    names = ("status", "payable_id", "customer_id")
    return page(ctx, service.all_payments(**{name: ctx.query.get(name) for name in names}))


@endpoint(payments, "GET", "/payments/<uuid:payment_id>", permission="payment.read", answer=schemas.PaymentOut)
def show_payment(ctx: Context, *, payment_id: UUID) -> Any:
    """One payment."""
    return service.get_payment(ctx.session, payment_id=payment_id)


@endpoint(
    payments,
    "GET",
    "/payments/<uuid:payment_id>/refunds",
    permission="payment.read",
    answer=schemas.RefundOut(many=True),
)
def list_refunds(ctx: Context, *, payment_id: UUID) -> Any:
    """The refunds of a payment, the first first."""
    service.get_payment(ctx.session, payment_id=payment_id)
    return service.refunds_of(ctx.session, payment_id=payment_id)


@endpoint(
    payments,
    "POST",
    "/payments/<uuid:payment_id>/refunds",
    permission="payment.refund",
    body=schemas.RefundIn,
    answer=schemas.RefundOut,
    status=201,
    idempotent=True,
    errors=[409, 503],
)
def refund_payment(ctx: Context, *, payment_id: UUID) -> Any:
    """Give back a payment, or a part of it. What is given back whole is owed again."""
    return service.give_back(
        ctx.world,
        owner_id=ctx.principal.owner_id,
        payment_id=payment_id,
        requested_by=asked_by(ctx),
        amount=ctx.body["amount"],
        reason=ctx.body["reason"],
    )


@endpoint(
    payments,
    "POST",
    "/payments/<uuid:payment_id>/confirm",
    permission="payment.confirm",
    body=schemas.ConfirmIn,
    answer=schemas.PaymentOut,
    idempotent=True,
    errors=[409, 503],
)
def confirm_payment(ctx: Context, *, payment_id: UUID) -> Any:
    """The bank transfer of a payment has come."""
    return service.confirm_payment(
        ctx.world, owner_id=ctx.principal.owner_id, payment_id=payment_id, amount=ctx.body["amount"]
    )


@endpoint(
    payments,
    "POST",
    "/payments/<uuid:payment_id>/cancel",
    permission="payment.cancel",
    body=schemas.Reason,
    answer=schemas.PaymentOut,
    idempotent=True,
    errors=[409, 503],
)
def cancel_payment(ctx: Context, *, payment_id: UUID) -> Any:
    """Wait no longer for a payment that is pending."""
    return service.withdraw_payment(
        ctx.world, owner_id=ctx.principal.owner_id, payment_id=payment_id, reason=ctx.body["reason"]
    )
