"""Processing orders: by hand, and as a step of a larger whole that ends with it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.core import audit
from app.domains.sales import queries
from app.domains.sales.errors import IllegalOrderTransition, OrderBusy, OrderNotFound
from app.domains.sales.models import Order
from app.domains.sales.rules import IN_PROCESS, Status
from app.domains.sales.service import dues
from app.domains.sales.service.changes import locked, subject, transition
from app.domains.sales.service.submission import execution_of, refuse_unfinished, start, submit
from app.domains.workflows import service as workflows

log = logging.getLogger(__name__)

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Processing:
    """What processes an order. `is_new`: nobody else began it; it is to be begun by whoever took it up."""

    order: Order
    execution_id: int
    is_new: bool


def process_order(session: Session, *, order_id: int) -> workflows.WorkflowExecution:
    """Begin what was submitted and waits, or process a failed order again in a new execution; returns the execution.

    Raises OrderNotFound; OrderBusy when it is being processed or its rollback runs or is incomplete; IllegalOrderTransition in
    any other state.
    """
    order = _order(session, order_id)
    match order.status:
        case Status.SUBMITTED:
            execution_id = _begin(session, order)
        case Status.FAILED:
            execution_id = _again(session, order_id, begin=True)
        case Status.VALIDATING | Status.APPROVED | Status.PROVISIONING | Status.ACTIVATING:
            message = "The order is being processed."
            raise OrderBusy(message)
        case Status.DRAFT:
            message = "The order is a draft: submit it first."
            raise OrderBusy(message)
        case status:
            raise IllegalOrderTransition(status, Status.SUBMITTED)
    audit.record(session, "order.processed", subject(order), after={"execution_id": execution_id})
    log.info("processing of order %s started, execution %s", order_id, execution_id)
    return workflows.get_execution(session, execution_id=execution_id)


def take_up(session: Session, *, order_id: int) -> Processing | None:
    """Process an order for somebody who waits for its end: a draft is submitted first, a failed one processed again.

    One order is processed once at a time: what somebody else began is found. None: the order is active already. Raises
    OrderNotFound; OrderBusy while a rollback of it runs or is incomplete; IllegalOrderTransition for a cancelled one; Invalid
    for a draft that cannot be submitted.
    """
    order = _order(session, order_id)
    if order.status in {Status.DRAFT, Status.FAILED}:
        order = locked(session, order_id)
    match order.status:
        case Status.ACTIVE:
            return None
        case Status.DRAFT:
            submit(session, order, begin=False)
        case Status.FAILED:
            _again(session, order_id, begin=False)
        case Status.CANCELLED:
            raise IllegalOrderTransition(order.status, Status.SUBMITTED)
    execution = execution_of(session, order)
    if execution is None:
        message = f"Order {order.order_number} has no execution."
        raise OrderBusy(message)
    is_new = execution.state == PENDING and not execution.is_wanted
    audit.record(session, "order.processed", subject(order), after={"execution_id": execution.id})
    return Processing(order, execution.id, is_new)


def processed(session: Session, *, order_id: int) -> Order | None:
    """The order once it is active; None while it is on its way. Raises OrderNotFound; OrderBusy when it came to nothing."""
    order = _order(session, order_id)
    if order.status == Status.ACTIVE:
        return order
    if order.status in IN_PROCESS:
        return None
    message = f"Order {order.order_number} is {order.status}: {order.status_message}"
    raise OrderBusy(message)


def _order(session: Session, order_id: int) -> Order:
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    return order


def _begin(session: Session, order: Order) -> int:
    execution = execution_of(session, order)
    if execution is None or execution.state != PENDING or execution.is_wanted:
        message = "The order is being processed."
        raise OrderBusy(message)
    workflows.begin(session, execution_id=execution.id)
    return execution.id


def _again(session: Session, order_id: int, *, begin: bool) -> int:
    order = locked(session, order_id)
    if order.status != Status.FAILED:
        message = "The order is being processed."
        raise OrderBusy(message)
    if (execution := execution_of(session, order)) is not None:
        refuse_unfinished(execution)
    dues.ask(session, order)
    start(session, order, begin=begin)
    transition(session, order, Status.SUBMITTED, reason="processed again")
    assert order.execution_id is not None
    return order.execution_id
