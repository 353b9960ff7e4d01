"""Reads of invoices and their series, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, func, select, text, tuple_
from sqlalchemy.orm import Session

from app.core.lists import containing
from app.domains.billing.models import CREDIT_NOTE, INVOICE, Invoice, InvoiceLine, InvoiceSeries
from app.domains.billing.models.invoices import TO_TELL_OVERDUE

MAX_NOTES = 1000
"""Of one invoice."""


def invoices(
    session: Session,
    *,
    status: str | None = None,
    kind: str | None = None,
    customer_id: UUID | None = None,
    subscription_id: UUID | None = None,
    is_overdue_at: datetime | None = None,
    q: str | None = None,
) -> Select[Invoice]:
    """Invoices and credit notes by these filters, to be paged. `q`: part of number or name."""
    statement = select(Invoice)
    wanted = {"status": status, "kind": kind, "customer_id": customer_id, "subscription_id": subscription_id}
    for name, value in wanted.items():
        if value is not None:
            statement = statement.where(getattr(Invoice, name) == value)
    if is_overdue_at is not None:
        statement = statement.where(Invoice.status == "open", Invoice.due_at < is_overdue_at)
    if q is not None:
        statement = statement.where(containing(session, Invoice.id, Invoice.search_text, q))
    return statement


def invoice(session: Session, invoice_id: UUID, *, locked: bool = False) -> Invoice | None:
    """The invoice with its lines; locked: as it is now."""
    statement = select(Invoice).where(Invoice.id == invoice_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def issued_for(session: Session, what: str) -> Invoice | None:
    return session.scalar(select(Invoice).where(Invoice.issued_for == what))


def credited_by_line(session: Session, invoice_id: UUID) -> dict[int, Decimal]:
    """What credit notes took back of an invoice's lines, by their position."""
    rows = session.execute(
        select(InvoiceLine.credits_position, -func.sum(InvoiceLine.total_amount))
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(Invoice.credited_invoice_id == invoice_id)
        .group_by(InvoiceLine.credits_position)
    )
    return {position: amount for position, amount in rows if position is not None}


def notes_of(session: Session, invoice_id: UUID) -> Sequence[Invoice]:
    """The credit notes of an invoice, the first first."""
    return session.scalars(
        select(Invoice)
        .where(Invoice.credited_invoice_id == invoice_id, Invoice.kind == CREDIT_NOTE)
        .order_by(Invoice.id)
        .limit(MAX_NOTES)
    ).all()


def unpaid_since(session: Session, subscription_id: UUID, *, at: datetime) -> datetime | None:
    """When the earliest invoice of a subscription that is overdue at that time was due."""
    return session.scalar(
        select(func.min(Invoice.due_at)).where(
            Invoice.subscription_id == subscription_id,
            Invoice.kind == INVOICE,
            Invoice.status.in_(["open", "uncollectible"]),
            Invoice.due_at < at,
        )
    )


@dataclass(frozen=True, slots=True)
class Late:
    """An invoice that should have been paid: whose it is, and when it was due."""

    invoice_id: UUID
    owner_id: UUID
    due_at: datetime


def newly_overdue(session: Session, *, at: datetime, after: Late | None, limit: int) -> list[Late]:
    """What nobody paid in time and nobody was told of yet, the longest due first; `after`: where to go on."""
    statement = select(Invoice.id, Invoice.owner_id, Invoice.due_at).where(text(TO_TELL_OVERDUE), Invoice.due_at < at)
    if after is not None:
        statement = statement.where(tuple_(Invoice.due_at, Invoice.id) > (after.due_at, after.invoice_id))
    rows = session.execute(statement.order_by(Invoice.due_at, Invoice.id).limit(limit))
    return [Late(invoice_id, owner_id, due_at) for invoice_id, owner_id, due_at in rows]


def locked_series(session: Session, billing_account_id: UUID | None) -> InvoiceSeries | None:
    """The series of an account, or the owner's own, as it is now; locked until the transaction ends."""
    return session.scalar(
        select(InvoiceSeries)
        .where(InvoiceSeries.billing_account_id.is_not_distinct_from(billing_account_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
