"""What is to be paid, over HTTP: looked at, and paid now."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.billing import service
from app.domains.billing.routes.asked import asked_by
from app.domains.billing.schemas import payments as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

payables = Blueprint("payables", __name__, description="What is to be paid, and for what")


@endpoint(
    payables,
    "GET",
    "/payables",
    permission="payment.read",
    query=schemas.PayableFilter,
    answer=schemas.PayableOut,
    paged=True,
)
def list_payables(ctx: Context) -> Any:
    """Payables, newest first."""
    names = ("status", "customer_id", "source_type", "source_id")
    return page(ctx, service.all_payables(**{name: ctx.query.get(name) for name in names}))


@endpoint(payables, "GET", "/payables/<uuid:payable_id>", permission="payment.read", answer=schemas.PayableOut)
def show_payable(ctx: Context, *, payable_id: UUID) -> Any:
    """One payable, with what it is for."""
    return service.get_payable(ctx.session, payable_id=payable_id)


@endpoint(
    payables,
    "POST",
    "/payables/<uuid:payable_id>/pay",
    permission="payment.create",
    body=schemas.PayIn,
    answer=schemas.PaymentOut,
    status=201,
    idempotent=True,
    errors=[402, 409, 503],
)
def pay(ctx: Context, *, payable_id: UUID) -> Any:
    """Charge it now, once: what is paid already, or being paid, answers with that payment. A decline is a 402."""
    return service.take_payment(
        ctx.world,
        owner_id=ctx.principal.owner_id,
        payable_id=payable_id,
        requested_by=asked_by(ctx),
        payment_method=ctx.body["payment_method"],
        amount=ctx.body["amount"],
    )
