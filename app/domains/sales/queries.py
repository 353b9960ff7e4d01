"""What the sales room reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, or_, select, text
from sqlalchemy.orm import Session, selectinload

from app.core.lists import containing
from app.domains.billing.service import Payable, Payment
from app.domains.deployments.service import ScheduledDeployment
from app.domains.sales.models import Order, OrderHistory, OrderStatistic
from app.domains.workflows.service import WorkflowExecution, WorkflowStep

MAX_HISTORY = 500
MAX_TOTALS = 1000
EXECUTIONS_LOOKED_AT = 20

_FOLD = text(
    """
    WITH crowded AS (
      SELECT owner_id, day, status, currency FROM order_statistics
      GROUP BY owner_id, day, status, currency HAVING count(*) > 1 LIMIT :keys),
    gone AS (
      DELETE FROM order_statistics s USING crowded c
      WHERE s.owner_id = c.owner_id AND s.day = c.day AND s.status = c.status AND s.currency = c.currency
      RETURNING s.owner_id, s.day, s.status, s.currency, s.orders, s.revenue, s.seconds),
    kept AS (
      INSERT INTO order_statistics (owner_id, day, status, currency, orders, revenue, seconds)
      SELECT owner_id, day, status, currency, sum(orders), sum(revenue), sum(seconds) FROM gone
      GROUP BY owner_id, day, status, currency)
    SELECT count(*) FROM gone
    """
)


class Total(NamedTuple):
    """All orders of one status in one currency."""

    status: str
    currency: str
    orders: int
    revenue: Decimal
    seconds: Decimal


def order(session: Session, order_id: int) -> Order | None:
    """The order with its items, when the session's owner may read it."""
    return session.scalar(select(Order).where(Order.id == order_id).options(selectinload(Order.items)))


def bare_order(session: Session, order_id: int) -> Order | None:
    """The order as it is in the database now, without its items."""
    return session.scalar(select(Order).where(Order.id == order_id))


def order_for_update(session: Session, order_id: int) -> Order | None:
    """The order, locked and as it is now."""
    return session.scalar(
        select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    )


def order_by_number(session: Session, order_number: str) -> Order | None:
    """The order of that number, among those that the session sees."""
    return session.scalar(select(Order).where(Order.order_number == order_number))


def order_by_external_id(session: Session, *, source: str, external_order_id: str) -> Order | None:
    """The order that came under this number from this source."""
    return session.scalar(select(Order).where(Order.source == source, Order.external_order_id == external_order_id))


def orders(
    session: Session,
    *,
    status: str | None = None,
    q: str | None = None,
    customer_email: str | None = None,
    created_after: datetime | None = None,
) -> Select[Order]:
    """Orders by these filters, to be paged. `q`: part of number, customer, company or subdomain."""
    statement = select(Order)
    if status is not None:
        statement = statement.where(Order.status == status)
    if customer_email is not None:
        statement = statement.where(Order.customer_email == customer_email)
    if created_after is not None:
        statement = statement.where(Order.created_at > created_after)
    if q is not None:
        statement = statement.where(containing(session, Order.id, Order.search_text, q))
    return statement


def history(session: Session, order_id: int) -> Sequence[OrderHistory]:
    """The transitions of an order, in order."""
    return session.scalars(
        select(OrderHistory).where(OrderHistory.order_id == order_id).order_by(OrderHistory.id).limit(MAX_HISTORY)
    ).all()


def old_drafts(session: Session, *, before: datetime, limit: int) -> Sequence[Order]:
    """Drafts made before then that nobody will submit, locked; those that somebody is working on are passed over.

    Left out are those that are paid or being paid, themselves or by their quotes, and those whose deployment waits for its
    time, or has had it since then.
    """
    return session.scalars(
        select(Order)
        .where(
            Order.status == "draft",
            Order.created_at < before,
            ~_is_paid("order", cast(Order.id, Text)),
            ~_is_paid("quote", cast(Order.quote_id, Text)),
            ~_is_scheduled(since=before),
        )
        .order_by(Order.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def median_step_seconds(session: Session, *, workflow: str, owner_id: UUID) -> dict[str, float]:
    """The median duration of each step over the owner's last completed executions of a workflow."""
    last = (
        select(WorkflowExecution.id)
        .join(Order, Order.execution_id == WorkflowExecution.id)
        .where(Order.owner_id == owner_id, Order.status == "active", WorkflowExecution.workflow_name == workflow)
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(EXECUTIONS_LOOKED_AT)
    )
    rows = session.execute(
        select(WorkflowStep.step_name, func.percentile_cont(0.5).within_group(WorkflowStep.duration_seconds))
        .where(WorkflowStep.execution_id.in_(last), WorkflowStep.state == "completed")
        .group_by(WorkflowStep.step_name)
    )
    return {name: float(seconds) for name, seconds in rows if seconds is not None}


def totals(session: Session, owner_id: UUID) -> list[Total]:
    """An owner's totals by status and currency. Folded, there is one row a day and status to be summed."""
    rows = session.execute(
        select(
            OrderStatistic.status,
            OrderStatistic.currency,
            func.sum(OrderStatistic.orders),
            func.sum(OrderStatistic.revenue),
            func.sum(OrderStatistic.seconds),
        )
        .where(OrderStatistic.owner_id == owner_id)
        .group_by(OrderStatistic.status, OrderStatistic.currency)
        .limit(MAX_TOTALS)
    )
    return [Total(status, currency, int(count), revenue, seconds) for status, currency, count, revenue, seconds in rows]


def fold(session: Session, *, keys: int) -> int:
    """Make one row of all rows of a key, for at most that many keys; returns how many rows were folded away into them."""
    return int(session.execute(_FOLD, {"keys": keys}).scalar_one())


def _is_paid(source_type: str, source_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether that source of an order's owner is paid, or is being paid."""
    source = Payable.sources.any(owner_id=Order.owner_id, source_type=source_type, source_id=source_id)
    is_being_paid = exists().where(Payment.payable_id == Payable.id, Payment.status == "pending")
    return exists().where(source, or_(Payable.status == "paid", is_being_paid))


def _is_scheduled(*, since: datetime) -> ColumnElement[bool]:
    """Whether an order's deployment waits for its time, or has begun since then: what answers it submits the order."""
    return exists().where(
        ScheduledDeployment.owner_id == Order.owner_id,
        ScheduledDeployment.order_id == Order.id,
        or_(
            ScheduledDeployment.state == "scheduled",
            and_(ScheduledDeployment.state == "started", ScheduledDeployment.started_at >= since),
        ),
    )
