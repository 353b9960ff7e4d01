"""Issuing: what was worked out becomes an invoice or credit note with a number, and stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.core.ids import new_id
from app.domains.billing.models import Invoice, InvoiceLine, InvoiceSeries
from app.domains.billing.rules import invoices as rules
from app.domains.billing.rules.invoice_states import Status
from app.domains.billing.rules.items import TaxCategory
from app.domains.billing.service.invoice_states import about, subject
from app.domains.billing.service.numbering import number_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """Who is billed, as it stands on the paper. One of customer and account is there."""

    customer_id: UUID | None
    billing_account_id: UUID | None
    name: str
    email: str | None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """What an invoice is issued for. `key` is unique in the owner's books; `due_after`: the time there is to pay it."""

    key: str
    kind: str
    due_after: timedelta
    subscription_id: UUID | None = None
    credited_invoice_id: UUID | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None


def issue(
    session: Session,
    *,
    series: InvoiceSeries,
    said: rules.Invoice,
    billed: Billed,
    occasion: Occasion,
    credits_positions: Sequence[int | None] = (),
) -> Invoice:
    """Write an invoice or credit note into the books under the next number of its series, which is held; emits invoice.created.

    It is open, or paid where it comes to nothing and where it gives back.
    """
    at = now(session)
    given = number_in(session, series=series)
    invoice = Invoice(
        id=new_id(),
        kind=occasion.kind,
        invoice_number=given.number,
        series_id=given.series_id,
        series_year=given.place.year,
        series_number=given.place.number,
        issued_for=occasion.key,
        status=(Status.OPEN if said.total_amount > 0 else Status.PAID).value,
        customer_id=billed.customer_id,
        billing_account_id=billed.billing_account_id,
        subscription_id=occasion.subscription_id,
        credited_invoice_id=occasion.credited_invoice_id,
        billed_name=billed.name,
        billed_email=billed.email,
        billed_to=billed.details,
        notes=list(rules.notes(said)),
        currency=said.currency,
        prices_include_tax=said.prices_include_tax,
        subtotal=said.subtotal,
        discount_amount=said.discount_amount,
        net_amount=said.net_amount,
        tax_amount=said.tax_amount,
        total_amount=said.total_amount,
        period_start=occasion.period_start,
        period_end=occasion.period_end,
        issued_at=at,
        due_at=at + occasion.due_after,
        paid_at=None if said.total_amount > 0 else at,
    )
    places = credits_positions or [None] * len(said.lines)
    invoice.lines = [
        _line(line, position=position, credits_position=credited)
        for position, (line, credited) in enumerate(zip(said.lines, places, strict=True), start=1)
    ]
    session.add(invoice)
    session.flush()
    audit.record(session, "invoice.created", subject(invoice), after=about(invoice))
    emit(session, "invoice.created", subject(invoice), about(invoice))
    return invoice


def as_said(invoice: Invoice) -> rules.Invoice:
    """What an invoice in the books says."""
    return rules.Invoice(
        currency=invoice.currency,
        prices_include_tax=invoice.prices_include_tax,
        lines=tuple(
            rules.Line(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                subtotal=line.subtotal,
                discount_amount=line.discount_amount,
                net_amount=line.net_amount,
                tax_rate=line.tax_rate,
                tax_category=TaxCategory(line.tax_category),
                tax_amount=line.tax_amount,
                total_amount=line.total_amount,
            )
            for line in invoice.lines
        ),
    )


def _line(line: rules.Line, *, position: int, credits_position: int | None) -> InvoiceLine:
    return InvoiceLine(
        position=position,
        credits_position=credits_position,
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        subtotal=line.subtotal,
        discount_amount=line.discount_amount,
        net_amount=line.net_amount,
        tax_rate=line.tax_rate,
        tax_category=line.tax_category.value,
        tax_amount=line.tax_amount,
        total_amount=line.total_amount,
    )
