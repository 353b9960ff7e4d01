"""Invoices: one for each period of a subscription, with what is owed for it; found, listed, voided."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.billing.errors import InvoiceNotFound
from app.domains.billing.models import INVOICE, BillingAccount, Invoice, Subscription
from app.domains.billing.queries import invoices as queries
from app.domains.billing.queries import payments as payment_queries
from app.domains.billing.queries import plan as plan_of
from app.domains.billing.rules import invoices as rules
from app.domains.billing.rules.days import local_day
from app.domains.billing.rules.invoice_states import Status
from app.domains.billing.rules.items import Item
from app.domains.billing.rules.payable_states import SourceType
from app.domains.billing.rules.proration import prorated
from app.domains.billing.service.invoice_states import move_invoice
from app.domains.billing.service.issuing import Billed, Occasion, issue
from app.domains.billing.service.numbering import hold_series
from app.domains.billing.service.payables import collect_from, put_payable, withdraw_payable
from app.domains.catalog import service as catalog
from app.domains.customers import service as customers
from app.domains.customers.service import Customer, Kind

WHOLE = Fraction(1)


def bill_period(
    session: Session,
    *,
    subscription: Subscription,
    period_start: datetime,
    period_end: datetime | None,
    part: Fraction | None = None,
) -> Invoice:
    """The invoice for a period of a subscription, or for the `part` of it that is served; made once, however often asked.

    The tax is that of where the customer is billed. What comes to nothing is paid as it is issued; for the rest there is a
    payable, due INVOICE_DUE_DAYS later, which is collected by itself where the customer has a payment method on file. Emits
    invoice.created.
    """
    key = f"subscription/{subscription.id}/{period_start.isoformat()}"
    if earlier := queries.issued_for(session, key):
        return earlier
    series = hold_series(session, billing_account_id=subscription.billing_account_id)
    # who held the series may just have issued it
    if earlier := queries.issued_for(session, key):
        return earlier
    billed, tax_rate = _billed(session, subscription)
    amount = prorated(subscription.amount, WHOLE if part is None else part, subscription.currency)
    item = Item(
        description=_description(session, subscription, period_start, period_end),
        unit_price=amount,
        tax_rate=tax_rate,
    )
    invoice = issue(
        session,
        series=series,
        said=rules.invoiced([item], currency=subscription.currency),
        billed=billed,
        occasion=Occasion(
            key=key,
            kind=INVOICE,
            due_after=timedelta(days=port(session, Settings).invoice_due_days),
            subscription_id=subscription.id,
            period_start=period_start,
            period_end=period_end,
        ),
    )
    if invoice.status == Status.OPEN:
        _put_payable(session, invoice)
    return invoice


def get_invoice(session: Session, *, invoice_id: UUID, locked: bool = False) -> Invoice:
    """An invoice or credit note with its lines; locked: as it is now. Raises InvoiceNotFound."""
    if found := queries.invoice(session, invoice_id, locked=locked):
        return found
    message = "There is no such invoice."
    raise InvoiceNotFound(message)


def all_invoices(
    session: Session,
    *,
    status: str | None = None,
    kind: str | None = None,
    customer_id: UUID | None = None,
    subscription_id: UUID | None = None,
    is_overdue: bool = False,
    q: str | None = None,
) -> Select[Invoice]:
    """Invoices and credit notes by these filters, to be paged. `q`: part of number or name."""
    return queries.invoices(
        session,
        status=status,
        kind=kind,
        customer_id=customer_id,
        subscription_id=subscription_id,
        is_overdue_at=now(session) if is_overdue else None,
        q=q,
    )


def invoice_of_period(session: Session, *, subscription: Subscription, period_start: datetime) -> Invoice | None:
    """The invoice of a subscription's period; None where there is none."""
    return queries.issued_for(session, f"subscription/{subscription.id}/{period_start.isoformat()}")


def void_invoice(session: Session, *, invoice_id: UUID, reason: str) -> Invoice:
    """Withdraw an invoice of which nothing was paid or is being paid; it keeps its number. Void twice is the same.

    Raises InvoiceNotFound, InvoiceStateForbids when it is paid (credit it instead), PayableSettled while it is being paid.
    """
    # the payable before the invoice, as whoever pays it locks them
    withdraw_payable(session, source_type=SourceType.INVOICE, source_id=str(invoice_id))
    invoice = get_invoice(session, invoice_id=invoice_id, locked=True)
    return move_invoice(session, invoice=invoice, status=Status.VOID, reason=reason)


def _put_payable(session: Session, invoice: Invoice) -> None:
    payable = put_payable(
        session,
        source_type=SourceType.INVOICE,
        source_id=str(invoice.id),
        amount=invoice.total_amount,
        currency=invoice.currency,
        description=f"Invoice {invoice.invoice_number}",
        customer_id=invoice.customer_id,
        due_at=invoice.due_at,
    )
    if invoice.customer_id and payment_queries.usable_method(session, invoice.customer_id):
        collect_from(session, payable=payable, at=now(session))


def _billed(session: Session, subscription: Subscription) -> tuple[Billed, Decimal]:
    """Who is billed for a subscription, and the tax in percent where they are."""
    if subscription.customer_id is None:
        account = session.get_one(BillingAccount, subscription.billing_account_id)
        billed = Billed(customer_id=None, billing_account_id=account.id, name=account.name, email=account.email)
        return billed, catalog.tax_rate(session, country=None)
    customer = customers.get_customer(session, customer_id=subscription.customer_id)
    billed = Billed(
        customer_id=customer.id,
        billing_account_id=subscription.billing_account_id,
        name=customer.company_name or customer.name,
        email=customer.email,
        details=_details(customer),
    )
    country = billed.details.get("address", {}).get("country") or customer.country
    return billed, catalog.tax_rate(session, country=country)


def _details(customer: Customer) -> dict[str, Any]:
    """Number, tax id and billing address as they are now."""
    details: dict[str, Any] = {"customer_number": customer.customer_number}
    if customer.tax_id:
        details["tax_id"] = customer.tax_id
    primary = [each for each in customer.addresses if each.is_primary]
    address = next((each for each in primary if each.kind == Kind.BILLING), None) or next(iter(primary), None)
    if address is not None:
        names = ("line1", "line2", "postal_code", "city", "region", "country")
        details["address"] = {name: value for name in names if (value := getattr(address, name))}
    return details


def _description(
    session: Session, subscription: Subscription, period_start: datetime, period_end: datetime | None
) -> str:
    """What is billed, and for which days: the first and the last."""
    plan = plan_of(session, subscription.plan_id) if subscription.plan_id else None
    what = plan.name if plan else ", ".join(subscription.service_codes) or "Subscription"
    if subscription.quantity > 1:
        what = f"{subscription.quantity} x {what}"
    if period_end is None:
        return what
    zone = ZoneInfo(subscription.time_zone or "UTC")
    first, last = local_day(period_start, zone), local_day(period_end, zone) - timedelta(days=1)
    return f"{what}, {first:%Y-%m-%d} to {max(first, last):%Y-%m-%d}"
