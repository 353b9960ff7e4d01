"""Orders as they are read: by the caller's own right, or by whoever knows an order's number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.money import rounded
from app.domains.activation import service as activation
from app.domains.sales import queries
from app.domains.sales.errors import OrderNotFound
from app.domains.sales.models import Order, OrderHistory
from app.domains.sales.rules import ENDED, IN_PROCESS, WORKFLOW, Status, Work, percent_done, remaining_seconds
from app.domains.sales.service.changes import locked
from app.domains.workflows import service as workflows

FINISHED_STEPS = frozenset({"completed", "failed", "skipped", "cancelled"})
"""States from which a step of an execution that goes forward does not move."""


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """What a customer sees of an order."""

    order_number: str
    status: str
    status_message: str | None
    progress_percent: int
    tenant_subdomain: str
    activation_url: str | None
    created_at: datetime
    estimated_completion: datetime | None


def has_ended(status: str) -> bool:
    """Whether nothing goes on by itself any more."""
    return status in ENDED


def get_order(session: Session, *, order_id: int) -> Order:
    """The order with its items. Raises OrderNotFound."""
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    return order


def shown(order: Order) -> dict[str, Any]:
    """An order as operations return it; amounts in its currency, as decimal text."""
    return {
        "order_id": order.id,
        "order": {
            "id": order.id,
            "order_number": order.order_number,
            "status": order.status,
            "total_amount": str(rounded(order.total_amount, order.currency)),
            "currency": order.currency,
            "payment_status": order.payment_status,
            "customer_name": order.customer_name,
            "customer_email": order.customer_email,
            "company_name": order.company_name or order.customer_name,
            "organization_slug": order.organization_slug,
            "tenant_id": None if order.tenant_id is None else str(order.tenant_id),
            "activation_url": order.activation_url,
        },
    }


def order_to_change(session: Session, *, order_id: int) -> Order:
    """The order, locked until the transaction ends. Raises OrderNotFound."""
    return locked(session, order_id)


def list_orders(
    session: Session,
    *,
    status: str | None = None,
    q: str | None = None,
    customer_email: str | None = None,
    created_after: datetime | None = None,
) -> Select[Order]:
    """A statement for a page of orders."""
    return queries.orders(session, status=status, q=q, customer_email=customer_email, created_after=created_after)


def order_history(session: Session, *, order_id: int) -> Sequence[OrderHistory]:
    """Every transition of an order, in order. Raises OrderNotFound."""
    get_order(session, order_id=order_id)
    return queries.history(session, order_id)


def place_of(session: Session, *, order_number: str) -> tuple[UUID, int]:
    """Across owners: owner and id of the order of that number. Raises OrderNotFound."""
    order = queries.order_by_number(session, order_number)
    if order is None:
        raise OrderNotFound
    return order.owner_id, order.id


def order_status(session: Session, *, order_id: int) -> OrderStatus:
    """What a customer sees of an order: how far it is, and when it is likely to be done. Raises OrderNotFound."""
    order = queries.bare_order(session, order_id)
    if order is None:
        raise OrderNotFound
    steps = [] if order.execution_id is None else workflows.steps(session, execution_id=order.execution_id)
    done = sum(step.state in FINISHED_STEPS for step in steps)
    return OrderStatus(
        order_number=order.order_number,
        status=order.status,
        status_message=order.status_message,
        progress_percent=100 if order.status == Status.ACTIVE else percent_done(done, len(steps)),
        tenant_subdomain=order.organization_slug,
        activation_url=order.activation_url,
        created_at=order.created_at,
        estimated_completion=_estimate(session, order, steps),
    )


def activation_progress(session: Session, *, order_id: int) -> tuple[Order, activation.Progress]:
    """The order and how far its activations have come. Raises OrderNotFound."""
    order = queries.bare_order(session, order_id)
    if order is None:
        raise OrderNotFound
    return order, activation.progress(session, order_id=order_id)


def _estimate(session: Session, order: Order, steps: Sequence[workflows.WorkflowStep]) -> datetime | None:
    """When the order will be active, going by the medians of past steps; None where they say nothing."""
    if order.status not in IN_PROCESS or not steps:
        return None
    at = now(session)
    works = [
        Work(
            name=step.step_name,
            depends_on=tuple(step.definition.get("depends_on", ())),
            finished=step.state in FINISHED_STEPS,
            running_seconds=(at - step.started_at).total_seconds() if step.started_at else None,
        )
        for step in steps
    ]
    medians = queries.median_step_seconds(session, workflow=WORKFLOW, owner_id=order.owner_id)
    seconds = remaining_seconds(works, medians)
    return None if seconds is None else at + timedelta(seconds=seconds)
