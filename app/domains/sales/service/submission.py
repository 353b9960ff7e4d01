"""Orders into execution: submitted, with an execution that has a step for each ordered service."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
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
from app.domains.sales.errors import IllegalOrderTransition, OrderBusy, OrderInvalid
from app.domains.sales.models import Order
from app.domains.sales.rules import ENDED, PAID, WORKFLOW, Status, expand
from app.domains.sales.service import dues
from app.domains.sales.service.changes import locked, subject, transition
from app.domains.sales.service.checks import template_for
from app.domains.workflows import service as workflows

UNDOING = ("pending", "running")
INCOMPLETE = "incomplete"
SECONDS_PER_MINUTE = 60


def submit_order(
    session: Session, *, order_id: int, payment_reference: str | None = None, auto_activate: bool | None = None
) -> Order:
    """Submit a draft: its execution is made with the ordered services' steps, and begun where it activates by itself.

    `auto_activate`: None leaves it to the order, then to the activation workflow. What is not paid is asked for; the
    confirmation mail is queued. Raises OrderNotFound, IllegalOrderTransition, and Invalid where it has to be paid first or
    no template or activation workflow fits.
    """
    order = locked(session, order_id)
    if order.status != Status.DRAFT:
        raise IllegalOrderTransition(order.status, Status.SUBMITTED)
    if auto_activate is not None:
        order.auto_activate = auto_activate
    submit(session, order, begin=order.auto_activate, payment_reference=payment_reference)
    return order


def find_or_submit(
    session: Session, *, order_id: int, payment_reference: str | None = None, auto_activate: bool | None = None
) -> Order:
    """The same for whoever may come second: what was submitted before is found as it is.

    Raises IllegalOrderTransition for an order that has failed or was cancelled.
    """
    order = locked(session, order_id)
    if order.status == Status.DRAFT:
        return submit_order(
            session, order_id=order_id, payment_reference=payment_reference, auto_activate=auto_activate
        )
    if order.status in ENDED and order.status != Status.ACTIVE:
        raise IllegalOrderTransition(order.status, Status.SUBMITTED)
    return order


def receive_payment(
    session: Session, *, order_id: int, amount: Decimal, currency: str, payment_reference: str
) -> tuple[Order, bool]:
    """Somebody has paid for an order: a draft of that amount is submitted; says whether it was just now.

    An order that is on its way, or through, is noted as paid. A draft of another amount, and an order that is over, stay as
    they are. Raises OrderNotFound, and Invalid where no template or activation workflow fits.
    """
    order = locked(session, order_id)
    over = order.status in {Status.FAILED, Status.CANCELLED}
    if over or not dues.is_whole(order, amount=amount, currency=currency):
        return order, False
    if order.status == Status.DRAFT:
        return submit_order(session, order_id=order_id, payment_reference=payment_reference), True
    order.payment_status = PAID
    order.payment_reference = order.payment_reference or payment_reference
    session.flush()
    return order, False


def submit(session: Session, order: Order, *, begin: bool | None, payment_reference: str | None = None) -> None:
    """Submit a locked draft. `begin`: its execution at once; None leaves it to the activation workflow."""
    if payment_reference is not None:
        dues.note_paid(session, order, reference=payment_reference)
    else:
        dues.ask(session, order)
    if port(session, Settings).payment_required and order.payment_status != PAID:
        message = "The order has not been paid."
        raise OrderInvalid(message, faults=[Fault("/payment_reference", message)])
    start(session, order, begin=begin)
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


def start(session: Session, order: Order, *, begin: bool | None) -> None:
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
