"""Orders into execution: submitted, begun by hand, processed again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault
from app.core.money import rounded
from app.core.ports import port
from app.core.settings import Settings
from app.domains.activation import service as activation
from app.domains.communications import service as communications
from app.domains.sales import queries
from app.domains.sales.errors import IllegalOrderTransition, OrderBusy, OrderInvalid, OrderNotFound
from app.domains.sales.models import Order
from app.domains.sales.rules import PAID, WORKFLOW, Status, expand
from app.domains.sales.service.changes import locked, subject, transition
from app.domains.sales.service.checks import template_for
from app.domains.workflows import service as workflows

log = logging.getLogger(__name__)

UNDOING = ("pending", "running")
INCOMPLETE = "incomplete"
PENDING = "pending"
SECONDS_PER_MINUTE = 60


def submit_order(
    session: Session, *, order_id: int, payment_reference: str | None = None, auto_activate: bool | None = None
) -> Order:
    """Submit a draft: its execution is made with the ordered services' steps, and begun where it activates by itself.

    `auto_activate`: None leaves it to the order, then to the activation workflow. The confirmation mail is queued. Raises
    OrderNotFound, IllegalOrderTransition, and Invalid where no template or activation workflow fits.
    """
    order = locked(session, order_id)
    if order.status != Status.DRAFT:
        raise IllegalOrderTransition(order.status, Status.SUBMITTED)
    if payment_reference is not None:
        order.payment_reference, order.payment_status = payment_reference, PAID
    if port(session, Settings).payment_required and not order.payment_reference:
        message = "The order has not been paid."
        raise OrderInvalid(message, faults=[Fault("/payment_reference", message)])
    if auto_activate is not None:
        order.auto_activate = auto_activate
    _start(session, order, begin=order.auto_activate)
    transition(session, order, Status.SUBMITTED)
    communications.queue_mail(
        session,
        template="order_confirmation",
        recipient=order.customer_email,
        variables={
            "order_number": order.order_number,
            "customer_name": order.customer_name,
            "total_amount": f"{rounded(order.total_amount, order.currency)} {order.currency}",
        },
        key=f"order/{order.id}/confirmation",
    )
    audit.record(session, "order.submitted", subject(order), after={"execution_id": order.execution_id})
    return order


def process_order(session: Session, *, order_id: int) -> workflows.WorkflowExecution:
    """Begin what was submitted and waits, or process a failed order again in a new execution; returns the execution.

    Raises OrderNotFound; OrderBusy when it is being processed or its rollback runs or is incomplete; IllegalOrderTransition in
    any other state.
    """
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    match order.status:
        case Status.SUBMITTED:
            execution_id = _begin(session, order)
        case Status.FAILED:
            execution_id = _again(session, order_id)
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


def _begin(session: Session, order: Order) -> int:
    execution = execution_of(session, order)
    if execution is None or execution.state != PENDING or execution.is_wanted:
        message = "The order is being processed."
        raise OrderBusy(message)
    workflows.begin(session, execution_id=execution.id)
    return execution.id


def _again(session: Session, order_id: int) -> int:
    order = locked(session, order_id)
    if order.status != Status.FAILED:
        message = "The order is being processed."
        raise OrderBusy(message)
    if (execution := execution_of(session, order)) is not None:
        refuse_unfinished(execution)
    _start(session, order, begin=True)
    transition(session, order, Status.SUBMITTED, reason="processed again")
    assert order.execution_id is not None
    return order.execution_id


def refuse_unfinished(execution: workflows.WorkflowExecution) -> None:
    """Raises OrderBusy while a rollback runs or after it was left incomplete."""
    if execution.rollback in UNDOING:
        message = "What was set up is still being removed; try again when that is done."
        raise OrderBusy(message)
    if execution.rollback == INCOMPLETE:
        message = f"The rollback of execution {execution.id} is incomplete: it has to be finished first."
        raise OrderBusy(message)


def execution_of(session: Session, order: Order) -> workflows.WorkflowExecution | None:
    """The execution that moves the order, if there is one."""
    return None if order.execution_id is None else workflows.get_execution(session, execution_id=order.execution_id)


def _start(session: Session, order: Order, *, begin: bool | None) -> None:
    """Choose template and activation workflow, make the activations and the execution that will run them."""
    template = template_for(session, order)
    chosen = activation.choose_workflow(session, template_id=template.id)
    activations = activation.create_activations(
        session, order_id=order.id, items=_ordered(order), workflow=chosen, terms=_terms(order)
    )
    document = expand(
        workflows.definition_document(session, workflow=WORKFLOW),
        activation.steps_for(activations),
        max_duration_seconds=chosen.max_duration_minutes * SECONDS_PER_MINUTE,
        rollback_on_failure=chosen.rollback_on_failure,
    )
    order.execution_id = workflows.start(
        session,
        workflow=WORKFLOW,
        document=document,
        context=_context(order, template.id),
        trigger_type="order",
        trigger_source=order.order_number,
        correlation_id=order.order_number,
        begin=chosen.auto_activate if begin is None else begin,
    )


def _ordered(order: Order) -> Sequence[activation.OrderedService]:
    return [
        activation.OrderedService(
            service_code=item.service_code,
            service_name=item.name,
            order_item_id=item.id,
            configuration={**order.service_configuration.get(item.service_code, {}), **item.configuration},
        )
        for item in order.items
        if item.service_code is not None
    ]


def _terms(order: Order) -> activation.Terms:
    return activation.Terms(
        customer_name=order.company_name or order.customer_name,
        customer_email=order.customer_email,
        currency=order.currency,
        amount=order.total_amount,
        billing_cycle=order.billing_cycle,
    )


def _context(order: Order, template_id: UUID) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "order_number": order.order_number,
        "customer_email": order.customer_email,
        "customer_name": order.customer_name,
        "company_name": order.company_name or order.customer_name,
        "organization_slug": order.organization_slug,
        "region": order.deployment_region,
        "template_id": str(template_id),
        "config": {"order_number": order.order_number, "features": order.features},
    }
