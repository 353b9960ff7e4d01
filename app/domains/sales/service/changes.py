"""The one way in which an order changes its state, and the numbers that go with it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.core.audit import ACTOR
from app.core.clock import now
from app.core.events import emit
from app.core.queue import wake
from app.domains.sales.errors import IllegalOrderTransition, OrderNotFound
from app.domains.sales.models import Order, OrderHistory, OrderStatistic
from app.domains.sales.queries import order_for_update
from app.domains.sales.rules import EVENTS, MESSAGES, TIMESTAMPS, Status, is_legal

_CLEARED_BY_A_NEW_RUN = ("approved_at", "provisioning_started_at", "activated_at", "failed_at")
_NOTHING = Decimal(0)


def locked(session: Session, order_id: int) -> Order:
    """The order, as it is now, its row locked until the transaction ends. Raises OrderNotFound, also for who may only read it."""
    order = order_for_update(session, order_id)
    if order is None:
        raise OrderNotFound
    return order


def transition(
    session: Session,
    order: Order,
    to: Status,
    *,
    message: str | None = None,
    reason: str | None = None,
    undone: bool = False,
) -> Order:
    """Move a locked order to another state: status, timestamp, event, history and statistics together.

    `message`: what the customer reads, default the state's own sentence; `reason`: for the history only; `undone`: the order
    goes with the larger whole that it was processed for. Raises IllegalOrderTransition.
    """
    before = order.status
    if not is_legal(before, to, undone=undone):
        raise IllegalOrderTransition(before, to)
    if to is Status.SUBMITTED:
        for column in _CLEARED_BY_A_NEW_RUN:
            setattr(order, column, None)
    order.status = to.value
    order.status_message = message or MESSAGES[to]
    if to in TIMESTAMPS:
        setattr(order, TIMESTAMPS[to], now(session))
    session.flush()
    _count(session, order, before, -1)
    record(session, order, before=before, reason=reason)
    return order


def record(session: Session, order: Order, *, before: str | None, reason: str | None = None) -> None:
    """The event, history row and statistics of the state that a flushed order has come to."""
    _count(session, order, order.status, 1)
    session.add(
        OrderHistory(
            order_id=order.id,
            at=now(session),
            from_status=before,
            to_status=order.status,
            status_message=order.status_message,
            actor=session.info.get(ACTOR, "system"),
            reason=reason,
            execution_id=order.execution_id,
            owner_id=order.owner_id,
        )
    )
    emit(session, EVENTS[Status(order.status)], subject(order), _about(order), owner_id=order.owner_id)


def say(session: Session, order: Order, message: str) -> None:
    """Tell the customer something while the state stays."""
    order.status_message = message
    wake(session, channel(order.id))


def subject(order: Order) -> str:
    """What the order's events are about."""
    return f"order/{order.id}"


def channel(order_id: int) -> str:
    """The pub/sub channel that is woken when an order changes."""
    return f"turnup:order/{order_id}"


def _about(order: Order) -> dict[str, Any]:
    about: dict[str, Any] = {"order_id": order.id, "order_number": order.order_number, "status": order.status}
    match Status(order.status):
        case Status.ACTIVE:
            about["tenant_id"] = _text(order.tenant_id)
            about["deployment_instance_id"] = _text(order.deployment_instance_id)
            about["activation_url"] = order.activation_url
        case Status.FAILED | Status.CANCELLED:
            about["status_message"] = order.status_message
        case Status.SUBMITTED:
            about["total_amount"] = str(order.total_amount)
            about["currency"] = order.currency
    return about


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _count(session: Session, order: Order, status: str, by: int) -> None:
    earned = status == Status.ACTIVE
    session.add(
        OrderStatistic(
            day=now(session).date(),
            status=status,
            currency=order.currency,
            orders=by,
            revenue=order.total_amount * by if earned else _NOTHING,
            seconds=(order.processing_seconds or _NOTHING) * by if earned else _NOTHING,
            owner_id=order.owner_id,
        )
    )
