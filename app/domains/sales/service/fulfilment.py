"""What the pipeline's steps do with an order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import Conflict
from app.core.ports import port
from app.core.settings import Settings
from app.domains.activation import service as activation
from app.domains.deployments import service as deployments
from app.domains.sales import queries
from app.domains.sales.errors import IllegalOrderTransition, OrderBusy, OrderNotFound
from app.domains.sales.models import Order
from app.domains.sales.rules import Status, warning_message
from app.domains.sales.service import checks
from app.domains.sales.service.changes import locked, transition
from app.domains.sales.service.submission import execution_of
from app.domains.tenants import service as tenants
from app.domains.tenants.errors import SlugTaken

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OrderTenant:
    """The tenant that an order made."""

    id: UUID
    slug: str
    name: str


def check_order(session: Session, *, order_id: int, execution_id: int) -> tuple[Order, UUID]:
    """The order and the deployment template that it gets.

    Raises OrderInvalid with everything that stands against fulfilling it; OrderBusy when another execution processes it.
    """
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    if order.execution_id != execution_id:
        message = f"Order {order.order_number} is processed by another execution."
        raise OrderBusy(message)
    template_id, faults = checks.fulfilment_faults(session, order)
    checks.refuse(faults)
    assert template_id is not None
    return order, template_id


def approve_order(session: Session, *, order_id: int) -> Order:
    """Approve a checked order; one that is approved or further stays as it is."""
    order = locked(session, order_id)
    if order.approved_at is None:
        transition(session, order, Status.APPROVED)
    return order


def make_tenant(session: Session, *, order_id: int) -> OrderTenant:
    """The tenant by the order's name and slug; the one that this order made before is found again.

    Raises SlugTaken when another tenant got the slug first.
    """
    order = locked(session, order_id)
    tenant = tenants.find_by_slug(session, slug=order.organization_slug)
    if tenant is None:
        tenant = tenants.create_tenant(
            session,
            name=order.organization_name or order.company_name or order.customer_name,
            slug=order.organization_slug,
            settings={"order_id": order.id, "order_number": order.order_number},
        )
    elif not checks.is_of(tenant.settings, order):
        message = f"The subdomain “{order.organization_slug}” is taken."
        raise SlugTaken(message)
    order.tenant_id = tenant.id
    activation.assign_tenant(session, order_id=order.id, tenant_id=tenant.id)
    session.flush()
    log.info("order %s has tenant %s", order.id, tenant.id)
    return OrderTenant(tenant.id, tenant.slug, tenant.name)


def remove_tenant(session: Session, *, tenant_id: UUID) -> None:
    """Undo `make_tenant`; nothing happens when the tenant is gone."""
    tenants.delete_tenant(session, tenant_id=tenant_id)


def complete_order(session: Session, *, order_id: int, deployment_instance_id: UUID | None = None) -> Order:
    """The order is active, with its address; a repeat changes nothing.

    Raises Conflict when an activation that the order depends on is not completed, OrderBusy when its execution has just been
    stopped and will be undone, IllegalOrderTransition in other states.
    """
    order = locked(session, order_id)
    if order.status == Status.ACTIVE:
        return order
    # who stops it holds the order's row, too: either this sees the stop, or the stop sees an active order
    execution = execution_of(session, order)
    if execution is not None and execution.stopping is not None:
        message = "The order's execution is being stopped."
        raise OrderBusy(message)
    activations = activation.activations_of(session, order_id=order_id)
    unfinished = [each.service_name for each in activations if each.critical and each.activation_status != "completed"]
    if unfinished or not activations:
        message = f"Not activated: {', '.join(unfinished) or 'any service'}."
        raise Conflict(message)
    if order.status != Status.ACTIVATING:
        raise IllegalOrderTransition(order.status, Status.ACTIVE)
    order.deployment_instance_id = deployment_instance_id
    order.activation_url = deployments.activation_url(port(session, Settings), order.organization_slug)
    failed = [each.service_name for each in activations if each.activation_status == "failed"]
    return transition(session, order, Status.ACTIVE, message=warning_message(failed) if failed else None)
