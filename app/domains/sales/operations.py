"""What workflows may call of the sales room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.core.money import rounded
from app.domains.sales import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("sales_service.validate_order", lease=True, resource="order")
def validate_order(call: Call, *, order_id: int) -> dict[str, Any]:
    """Check everything that an order needs to be fulfilled; fails for good with all faults at once."""
    order, template_id = service.check_order(call.session, order_id=order_id, execution_id=call.execution_id)
    return {**_shown(order), "template_id": str(template_id)}


@OPERATIONS.operation("sales_service.approve_order", resource="order")
def approve_order(call: Call, *, order_id: int) -> dict[str, Any]:
    """Approve a checked order. The state goes with the order's own end, so there is nothing to undo."""
    return _shown(service.approve_order(call.session, order_id=order_id))


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
    return _shown(order)


@OPERATIONS.resource("order")
def read_order(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """An order as it is now; None when there is none of that id."""
    try:
        order = service.get_order(call.session, order_id=int(reference["id"]))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown(order)["order"]
    return shown


def _shown(order: service.Order) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "order": {
            "id": order.id,
            "order_number": order.order_number,
            "status": order.status,
            "total_amount": str(rounded(order.total_amount, order.currency)),
            "currency": order.currency,
            "activation_url": order.activation_url,
        },
    }
