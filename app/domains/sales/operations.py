"""What workflows may call of the sales room."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.domains.billing.errors import PayableSettled
from app.domains.sales import service
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue, Started

OPERATIONS = Catalogue()

UNDONE = "what it was made for was undone"
UNTIL_REMOVED = RetryPolicy(maximum_attempts=100, initial_interval=1.0, backoff_coefficient=2.0, maximum_interval=60.0)
"""What an order has set up is removed in its own time: it is asked for about an hour and a half."""


@OPERATIONS.operation("sales_service.validate_order", lease=True, resource="order")
def validate_order(call: Call, *, order_id: int) -> dict[str, Any]:
    """Check everything that an order needs to be fulfilled; fails for good with all faults at once."""
    order, template_id = service.check_order(call.session, order_id=order_id, execution_id=call.execution_id)
    return {**service.shown(order), "template_id": str(template_id)}


@OPERATIONS.operation("sales_service.approve_order", resource="order")
def approve_order(call: Call, *, order_id: int) -> dict[str, Any]:
    """Approve a checked order. The state goes with the order's own end, so there is nothing to undo."""
    return service.shown(service.approve_order(call.session, order_id=order_id))


@OPERATIONS.operation("sales_service.create_tenant", undone_by="sales_service.delete_tenant")
def create_tenant(call: Call, *, order_id: int) -> dict[str, Any]:
    """Make the tenant that the order is for; the slug's uniqueness decides races."""
    tenant = service.make_tenant(call.session, order_id=order_id)
    tenant_id = str(tenant.id)
    call.effect("tenant", tenant_id, f"Tenant {tenant.slug}", undo={"tenant_id": tenant_id})
    return {"tenant_id": tenant_id, "tenant": {"id": tenant_id, "slug": tenant.slug, "name": tenant.name}}


@OPERATIONS.operation("sales_service.delete_tenant")
def delete_tenant(call: Call, *, tenant_id: UUID) -> dict[str, Any]:
    """Remove a tenant that an order made; nothing happens when it is gone."""
    service.remove_tenant(call.session, tenant_id=tenant_id)
    return {}


@OPERATIONS.operation("sales_service.complete_order", resource="order")
def complete_order(call: Call, *, order_id: int, deployment_instance_id: UUID | None = None) -> dict[str, Any]:
    """The order is active and has its address."""
    order = service.complete_order(call.session, order_id=order_id, deployment_instance_id=deployment_instance_id)
    return service.shown(order)


@OPERATIONS.operation("sales_service.submit_order", resource="order")
def submit_order(
    call: Call, *, order_id: int, auto_activate: bool | None = None, payment_reference: str | None = None
) -> dict[str, Any]:
    """Submit a draft; one that is on its way or through is found as it is. What it starts is the order's own execution."""
    order = service.find_or_submit(
        call.session, order_id=order_id, auto_activate=auto_activate, payment_reference=payment_reference
    )
    return service.shown(order)


@OPERATIONS.operation("sales_service.receive_payment", resource="order")
def receive_payment(
    call: Call, *, order_id: int, amount: Decimal, currency: str, payment_reference: str
) -> dict[str, Any]:
    """Note that an order was paid; a draft of just that amount is submitted. `submitted` says whether it was."""
    order, submitted = service.receive_payment(
        call.session, order_id=order_id, amount=amount, currency=currency, payment_reference=payment_reference
    )
    return {**service.shown(order), "submitted": submitted}


def _processed(call: Call, *, order_id: int) -> dict[str, Any] | None:
    order = service.processed(call.session, order_id=order_id)
    return None if order is None else service.shown(order)


@OPERATIONS.operation("sales_service.process_order", starts=True, finds=_processed, resource="order")
def process_order(call: Call, *, order_id: int) -> dict[str, Any] | Started:
    """Process an order and end with it: a draft is submitted first, a failed one processed again.

    Its execution is a child of this one and is undone with it. What somebody else began already is waited for.
    """
    taken = service.take_up(call.session, order_id=order_id)
    if taken is None:
        return service.shown(service.get_order(call.session, order_id=order_id))
    return Started(taken.execution_id, is_own=taken.is_new, subject=f"order/{order_id}")


@OPERATIONS.operation("sales_service.cancel_order", lease=True, retry=UNTIL_REMOVED, resource="order")
def cancel_order(call: Call, *, order_id: int, reason: str = UNDONE) -> dict[str, Any]:
    """Cancel an order, and wait until what it has set up is removed; one that is cancelled stays as it is."""
    try:
        with call.transaction() as session:
            order = service.withdraw_order(session, order_id=order_id, reason=reason)
    except PayableSettled as being_paid:
        raise StepFailed(str(being_paid), permanent=False) from being_paid
    if order.status != service.Status.CANCELLED:
        message = f"What order {order.order_number} has set up is still being removed."
        raise StepFailed(message, permanent=False)
    return service.shown(order)


@OPERATIONS.resource("order")
def read_order(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """An order as it is now; None when there is none of that id."""
    try:
        order = service.get_order(call.session, order_id=int(reference["id"]))
    except NotFound:
        return None
    shown: dict[str, Any] = service.shown(order)["order"]
    return shown
