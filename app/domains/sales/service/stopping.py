"""Cancelling orders, and retrying what of them failed."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.core import audit
from app.domains.activation import service as activation
from app.domains.communications import service as communications
from app.domains.sales import queries
from app.domains.sales.errors import OrderBusy, OrderNotFound
from app.domains.sales.models import Order
from app.domains.sales.rules import IN_PROCESS, REMOVING_AFTER_CANCEL, RETRYING, Status
from app.domains.sales.service import dues
from app.domains.sales.service.changes import locked, say, subject, transition
from app.domains.sales.service.submission import execution_of, refuse_unfinished
from app.domains.workflows import service as workflows

BY_HAND = "cancelled by hand"


def cancel_order(session: Session, *, order_id: int, reason: str | None = None) -> Order:
    """Cancel an order: at once where nothing is left of it, else its execution stops and is undone, and the order follows.

    Raises OrderNotFound; OrderBusy when what was set up is already being removed; IllegalOrderTransition for an order that is
    active or cancelled.
    """
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    if order.status in IN_PROCESS:
        order = _stop(session, order, reason or BY_HAND)
    else:
        execution = execution_of(session, order) if order.status == Status.FAILED else None
        has_leftovers = execution is not None and _has_leftovers(session, execution)
        if execution is not None and has_leftovers:
            workflows.cancel(session, execution_id=execution.id, reason=reason or BY_HAND)
        order = locked(session, order_id)
        if has_leftovers:
            say(session, order, REMOVING_AFTER_CANCEL)
        else:
            transition(session, order, Status.CANCELLED, reason=reason or BY_HAND)
            dues.withdraw(session, order)
            if order.submitted_at is not None:
                tell_cancelled(session, order)
    audit.record(session, "order.cancelled", subject(order), reason=reason)
    return order


def withdraw_order(session: Session, *, order_id: int, reason: str) -> Order:
    """Cancel an order unless it is cancelled, or what it has set up is being removed; returns it as it is then.

    Raises OrderNotFound; OrderBusy when a rollback of it is incomplete; IllegalOrderTransition for an order that is active.
    """
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    execution = execution_of(session, order)
    is_stopping = execution is not None and execution.completed_at is None and execution.stopping is not None
    if order.status == Status.CANCELLED or is_stopping:
        return order
    return cancel_order(session, order_id=order_id, reason=reason)


def retry_activations(session: Session, *, order_id: int) -> Order:
    """Run the failed activations of an active order again, in the same execution.

    Raises OrderNotFound; OrderBusy when the order is still in process, none has failed, or the order itself has failed: then
    it has to be processed again.
    """
    order = queries.order(session, order_id)
    if order is None:
        raise OrderNotFound
    if order.status == Status.FAILED:
        message = f"The order has failed as a whole: process it again by POST /api/v1/orders/{order.id}/process."
        raise OrderBusy(message)
    execution = execution_of(session, order)
    if order.status != Status.ACTIVE or execution is None:
        message = f"Activations are retried when the order is through; it is {order.status}."
        raise OrderBusy(message)
    if execution.state != "completed":
        message = "The order's last steps, or a retry, are still going on: try again when they are done."
        raise OrderBusy(message)
    steps = activation.reopen_failed(session, order_id=order_id)
    if not steps:
        message = "No activation of this order has failed."
        raise OrderBusy(message)
    workflows.retry_steps(session, execution_id=execution.id, step_names=steps)
    order = locked(session, order_id)
    say(session, order, RETRYING)
    audit.record(session, "order.activations_retried", subject(order), after={"steps": steps})
    return order


def tell_cancelled(session: Session, order: Order) -> None:
    """The mail about a cancelled order, once per execution."""
    communications.queue_mail(
        session,
        template="order_cancelled",
        recipient=order.customer_email,
        variables={"order_number": order.order_number, "customer_name": order.customer_name},
        key=f"order/{order.id}/cancelled/{order.execution_id}",
    )


def _stop(session: Session, order: Order, reason: str) -> Order:
    """Stop the order's execution; its row is taken before the order's, as the engine does."""
    execution = execution_of(session, order)
    if execution is not None:
        refuse_unfinished(execution)
        if execution.stopping == "failure":
            message = "The order has just failed; what was set up is being removed."
            raise OrderBusy(message)
        workflows.cancel(session, execution_id=execution.id, reason=reason)
    order = locked(session, order.id)
    ended = execution is None or workflows.get_execution(session, execution_id=execution.id).state == "cancelled"
    if ended and order.status in IN_PROCESS:
        activation.skip_pending(session, order_id=order.id)
        transition(session, order, Status.CANCELLED, reason=reason)
        dues.withdraw(session, order)
        tell_cancelled(session, order)
    elif order.status in IN_PROCESS:
        say(session, order, REMOVING_AFTER_CANCEL)
    return order


def _has_leftovers(session: Session, execution: workflows.WorkflowExecution) -> bool:
    """Whether a failed order's execution, which was not rolled back, left something that can be undone."""
    refuse_unfinished(execution)
    return any(
        effect.state in {"intended", "confirmed"} and effect.undo_operation
        for effect in workflows.effects(session, execution_id=execution.id)
    )
