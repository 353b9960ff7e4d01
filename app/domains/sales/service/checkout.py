"""The customer pays for an order: what is due is shown, and taken by an execution, so that it is taken once whatever dies."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from app.core import audit
from app.domains.billing import service as billing
from app.domains.sales import queries
from app.domains.sales.errors import NothingDue, OrderNotFound
from app.domains.sales.models import Order
from app.domains.sales.rules import CHECKOUT_WORKFLOW, PAID
from app.domains.sales.service.changes import subject
from app.domains.sales.service.dues import ORDER
from app.domains.workflows import service as workflows


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is to be paid for an order. `payment_status`: open, paid, dunning or given_up."""

    order_number: str
    status: str
    payment_status: str
    amount: Decimal
    currency: str


def checkout(session: Session, *, order_id: int) -> Checkout:
    """What is due for an order, or was paid. Raises OrderNotFound; NothingDue where nothing ever was."""
    order = _order(session, order_id)
    payable = billing.find_payable(session, source_type=ORDER, source_id=str(order.id))
    if payable is None:
        raise NothingDue(order.order_number)
    return Checkout(order.order_number, order.status, str(payable.status), payable.amount, payable.currency)


def pay(session: Session, *, order_id: int, payment_method: str | None = None) -> Checkout:
    """Take what is due, by this payment method or the gateway's default one; a draft is submitted once it is taken.

    What was paid already is not taken again. Raises OrderNotFound, NothingDue.
    """
    due = checkout(session, order_id=order_id)
    if due.payment_status != PAID:
        context = {"order_id": order_id} | ({} if payment_method is None else {"payment_method": payment_method})
        execution_id = workflows.start(
            session,
            workflow=CHECKOUT_WORKFLOW,
            context=context,
            trigger_type="order",
            trigger_source=due.order_number,
            correlation_id=due.order_number,
        )
        order = _order(session, order_id)
        audit.record(session, "order.checkout", subject(order), after={"execution_id": execution_id})
    return due


def _order(session: Session, order_id: int) -> Order:
    order = queries.bare_order(session, order_id)
    if order is None:
        raise OrderNotFound
    return order
