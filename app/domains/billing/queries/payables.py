"""Reads of payables, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, select, text
from sqlalchemy.orm import Session

from app.domains.billing.models import Payable, PayableSource, Payment
from app.domains.billing.models.payables import TO_COLLECT

MAX_DUNNING = 1000
"""Of one customer."""


def payables(
    *,
    status: str | None = None,
    customer_id: UUID | None = None,
    source_type: str | None = None,
    source_id: str | None = None,
) -> Select[Payable]:
    """Payables by these filters, to be paged."""
    statement = select(Payable)
    if status is not None:
        statement = statement.where(Payable.status == status)
    if customer_id is not None:
        statement = statement.where(Payable.customer_id == customer_id)
    if source_type is not None or source_id is not None:
        source = exists().where(PayableSource.payable_id == Payable.id)
        if source_type is not None:
            source = source.where(PayableSource.source_type == source_type)
        if source_id is not None:
            source = source.where(PayableSource.source_id == source_id)
        statement = statement.where(source)
    return statement


def payable(session: Session, payable_id: UUID, *, locked: bool = False) -> Payable | None:
    """The payable with its sources; locked: as it is now."""
    statement = select(Payable).where(Payable.id == payable_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def payable_of(session: Session, source_type: str, source_id: str) -> UUID | None:
    """The id of the payable of a source."""
    return session.scalar(
        select(PayableSource.payable_id).where(
            PayableSource.source_type == source_type, PayableSource.source_id == source_id
        )
    )


def source(session: Session, source_type: str, source_id: str) -> PayableSource | None:
    return session.scalar(
        select(PayableSource)
        .where(PayableSource.source_type == source_type, PayableSource.source_id == source_id)
        .execution_options(populate_existing=True)
    )


def has_payments(session: Session, payable_id: UUID) -> bool:
    """Whether anything was ever tried to collect it."""
    return bool(session.scalar(select(exists().where(Payment.payable_id == payable_id).select_from(Payment))))


def to_collect(session: Session, *, at: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(owner, payable) of what is to be collected, or decided on, by then; the longest due first."""
    rows = session.execute(
        select(Payable.owner_id, Payable.id)
        .where(text(TO_COLLECT), Payable.next_attempt_at <= at)
        .order_by(Payable.next_attempt_at)
        .limit(limit)
    )
    return [(owner_id, row_id) for owner_id, row_id in rows]


def awaiting_method(session: Session, customer_id: UUID) -> Sequence[Payable]:
    """A customer's payables of which an attempt has failed, locked."""
    return session.scalars(
        select(Payable)
        .where(Payable.customer_id == customer_id, Payable.status == "dunning")
        .order_by(Payable.id)
        .limit(MAX_DUNNING)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
