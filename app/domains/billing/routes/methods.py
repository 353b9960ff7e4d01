"""What customers pay by, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.billing import service
from app.domains.billing.schemas import payments as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

methods = Blueprint("payment-methods", __name__, description="What customers pay by, as their gateway calls it")


@endpoint(
    methods,
    "GET",
    "/customers/<uuid:customer_id>/payment-methods",
    permission="payment.read",
    answer=schemas.MethodOut,
    paged=True,
)
def list_payment_methods(ctx: Context, *, customer_id: UUID) -> Any:
    """A customer's payment methods, newest first."""
    return page(ctx, service.methods_of(ctx.session, customer_id=customer_id))


@endpoint(
    methods,
    "POST",
    "/customers/<uuid:customer_id>/payment-methods",
    permission="payment.update",
    body=schemas.MethodIn,
    answer=schemas.MethodOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def add_payment_method(ctx: Context, *, customer_id: UUID) -> Any:
    """Note what a customer pays by. What could not be collected from them so far is tried with it within a minute."""
    return service.add_method(ctx.session, customer_id=customer_id, **ctx.body)


@endpoint(
    methods,
    "POST",
    "/customers/<uuid:customer_id>/payment-methods/<uuid:method_id>/prefer",
    permission="payment.update",
    answer=schemas.MethodOut,
    idempotent=True,
)
def prefer_payment_method(ctx: Context, *, customer_id: UUID, method_id: UUID) -> Any:
    """From now on this one is charged where nothing else is said."""
    return service.prefer_method(ctx.session, customer_id=customer_id, method_id=method_id)


@endpoint(
    methods,
    "DELETE",
    "/customers/<uuid:customer_id>/payment-methods/<uuid:method_id>",
    permission="payment.update",
    status=204,
)
def remove_payment_method(ctx: Context, *, customer_id: UUID, method_id: UUID) -> None:
    """Charge nothing by it any more."""
    service.remove_method(ctx.session, customer_id=customer_id, method_id=method_id)
