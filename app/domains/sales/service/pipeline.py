"""How an order follows its execution: told by the engine, inside the engine's own transactions."""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from app.core.queue import wake
from app.domains.activation import service as activation
from app.domains.communications import service as communications
from app.domains.notifications import service as notifications
from app.domains.sales import queries
from app.domains.sales.errors import OrderBusy
from app.domains.sales.models import Order
from app.domains.sales.rules import (
    IN_PROCESS,
    MESSAGES,
    REMOVING_AFTER_CANCEL,
    REMOVING_AFTER_FAILURE,
    Status,
    failure_message,
    is_legal,
    warning_message,
)
from app.domains.sales.service import dues
from app.domains.sales.service.changes import channel, locked, say, transition
from app.domains.sales.service.stopping import tell_cancelled
from app.domains.workflows import service as workflows

log = logging.getLogger(__name__)

VALIDATE, CREATE_TENANT, PROVISION = "validate_order", "create_tenant", "provision_deployment"
SHOWN = {VALIDATE: Status.VALIDATING, PROVISION: Status.PROVISIONING}
"""The steps by whose beginning an order comes to a new state; the first activation is another one."""


class OrderPipeline:
    """Observer of `order_to_activation`. An execution that is not the order's present one is none of its business."""

    def step_claimed(self, session: Session, execution: workflows.Execution, step: workflows.StepRun) -> None:
        """A step begins: the order comes to the state that this step stands for."""
        order = _order_of(session, execution)
        if order is None:
            return
        to = SHOWN.get(step.name)
        if activation.claimed(
            session, order_id=order.id, step_name=step.name, attempt=step.attempt, tenant_id=order.tenant_id
        ):
            to = Status.ACTIVATING
        if to is not None and is_legal(order.status, to):
            _advance(session, order, to)
        wake(session, channel(order.id))

    def step_ended(self, session: Session, execution: workflows.Execution, step: workflows.StepRun) -> None:
        """A step is over."""
        if order := _order_of(session, execution):
            activation.ended(
                session,
                order_id=order.id,
                step_name=step.name,
                state=step.state,
                output=step.output,
                error_message=step.error_message,
                error_type=step.error_type,
            )
            wake(session, channel(order.id))

    def step_retrying(self, session: Session, execution: workflows.Execution, step: workflows.StepRun) -> None:
        """An attempt failed and another follows."""
        if order := _order_of(session, execution):
            activation.retrying(
                session,
                order_id=order.id,
                step_name=step.name,
                attempt=step.attempt,
                error_message=step.error_message,
            )
            wake(session, channel(order.id))

    def step_undone(self, session: Session, execution: workflows.Execution, step: workflows.StepRun) -> None:
        """What a step did is gone."""
        if order := _order_of(session, execution):
            activation.undone(session, order_id=order.id, step_name=step.name)
            wake(session, channel(order.id))

    def stopping(self, session: Session, execution: workflows.Execution) -> None:
        """Nothing new starts; the order keeps its state until what was done is undone.

        Raises OrderBusy for a cancel of what has made its order active just now, or before: it would take away what the
        customer has. Only with the larger whole that the order was processed for that is undone, too.
        """
        if _order_of(session, execution) is None:
            return
        order = locked(session, _order_id(execution))
        cancelled = execution.stopping == "cancel"
        if cancelled and order.status == Status.ACTIVE and not execution.for_parent:
            message = f"Order {order.order_number} is active: what it set up is in use, and is not removed with its execution."
            raise OrderBusy(message)
        if order.status in IN_PROCESS or (cancelled and order.status == Status.ACTIVE):
            say(session, order, REMOVING_AFTER_CANCEL if cancelled else REMOVING_AFTER_FAILURE)

    def reopening(self, session: Session, execution: workflows.Execution) -> None:
        """Steps again: those of an order that is through. One that has failed or was cancelled is an order's own affair.

        Raises OrderBusy.
        """
        order = _order_of(session, execution)
        if order is None:
            return
        if order.status != Status.ACTIVE:
            message = f"Order {order.order_number} is {order.status}: process it again by POST /api/v1/orders/{order.id}/process."
            raise OrderBusy(message)
        activation.reopen_failed(session, order_id=order.id)

    def settled(self, session: Session, execution: workflows.Execution) -> None:
        """The execution is over, and so is the order's way."""
        if _order_of(session, execution) is None:
            return
        order = locked(session, _order_id(execution))
        if execution.state == "completed":
            _tell_warnings(session, order)
            return
        if order.status in IN_PROCESS or (order.status == Status.FAILED and execution.state == "cancelled"):
            activation.skip_pending(session, order_id=order.id)
            if execution.state == "cancelled":
                _cancel(session, order, execution)
            else:
                _fail(session, order, execution)
        elif order.status == Status.ACTIVE and (execution.state, execution.stopping) == ("cancelled", "cancel"):
            _cancel(session, order, execution)
        if execution.rollback == "incomplete" or order.status == Status.ACTIVE:
            _alert(session, order, execution)


def _order_id(execution: workflows.Execution) -> int:
    return int(execution.context["order_id"])


def _order_of(session: Session, execution: workflows.Execution) -> Order | None:
    order = queries.bare_order(session, _order_id(execution))
    return order if order is not None and order.execution_id == execution.id else None


def _advance(session: Session, order: Order, to: Status) -> None:
    """Move on, unless a sibling was faster."""
    order = locked(session, order.id)
    if is_legal(order.status, to):
        transition(session, order, to)


def _cancel(session: Session, order: Order, execution: workflows.Execution) -> None:
    transition(session, order, Status.CANCELLED, reason=execution.error_message, undone=True)
    dues.let_go(session, order)
    tell_cancelled(session, order)


def _fail(session: Session, order: Order, execution: workflows.Execution) -> None:
    names = {
        activation.step_name(each.service_code): each.service_name
        for each in activation.activations_of(session, order_id=order.id)
    }
    step = execution.failed_step
    message = failure_message(step, execution.error_message, names.get(step or ""))
    transition(session, order, Status.FAILED, message=message, reason=f"step {step} of execution {execution.id}")
    dues.let_go(session, order)
    log.error("order %s failed at %s: %s", order.id, step, execution.error_message)
    communications.queue_mail(
        session,
        template="order_failed",
        recipient=order.customer_email,
        variables={"order_number": order.order_number, "customer_name": order.customer_name, "reason": message},
        key=f"order/{order.id}/failed/{execution.id}",
    )


def _tell_warnings(session: Session, order: Order) -> None:
    """An active order says which of its services are not; a retry that mended them takes the words back."""
    if order.status != Status.ACTIVE:
        return
    failed = [
        each.service_name
        for each in activation.activations_of(session, order_id=order.id)
        if each.activation_status == "failed"
    ]
    say(session, order, warning_message(failed) if failed else MESSAGES[Status.ACTIVE])


def _alert(session: Session, order: Order, execution: workflows.Execution) -> None:
    """Operations are to look: something is left that should be gone, or gone that should be there."""
    left = execution.rollback == "incomplete"
    what = "What was set up could not be removed completely" if left else "It was stopped after the order was active"
    notifications.notify_operations(
        session,
        title=f"Order {order.order_number} needs attention",
        message=f"{what}: see execution {execution.id}, step {execution.failed_step or '-'}.",
        severity="critical",
        key=f"order/{order.id}/alert/{execution.id}",
    )
