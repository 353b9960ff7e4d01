"""A subscribed service begins, and what is left of its first period is billed; or both are taken back."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.billing.models import Invoice, Subscription
from app.domains.billing.rules.proration import part_left
from app.domains.billing.rules.subscription_states import IN_SERVICE, Status
from app.domains.billing.service.crediting import credit_invoice
from app.domains.billing.service.invoices import bill_period, get_invoice, invoice_of_period
from app.domains.billing.service.running import start_subscription, suspend_subscription
from app.domains.billing.service.subscriptions import lock_subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    """A subscription whose service runs, and the invoice of its period; none while it is on trial, or not billed yet.

    `is_news`: it was this call that started it.
    """

    subscription: Subscription
    invoice: Invoice | None
    is_news: bool


def activate_service(session: Session, *, subscription_id: UUID) -> Activated:
    """Start a pending subscription's service and bill what is left of its period, the day it starts on included.

    On a trial nothing is billed until that ends. One that runs stays as it is. Raises SubscriptionNotFound,
    SubscriptionStateForbids.
    """
    before = lock_subscription(session, subscription_id=subscription_id)
    was_pending = before.status == Status.PENDING
    subscription = start_subscription(session, subscription_id=subscription_id)
    if subscription.status == Status.TRIALING:
        return Activated(subscription=subscription, invoice=None, is_news=was_pending)
    if not was_pending:
        invoice = invoice_of_period(session, subscription=subscription, period_start=subscription.current_period_start)
        return Activated(subscription=subscription, invoice=invoice, is_news=False)
    invoice = bill_period(
        session,
        subscription=subscription,
        period_start=subscription.current_period_start,
        period_end=subscription.current_period_end,
        part=_part(session, subscription),
    )
    return Activated(subscription=subscription, invoice=invoice, is_news=True)


def deactivate_service(
    session: Session, *, subscription_id: UUID, invoice_id: UUID | None, key: str, reason: str
) -> Subscription:
    """Take an activation back: its invoice is credited, its service suspended. Twice is the same.

    Raises SubscriptionNotFound, InvoiceNotFound.
    """
    if invoice_id is not None:
        invoice = get_invoice(session, invoice_id=invoice_id)
        if invoice.due_amount:
            credit_invoice(session, invoice_id=invoice_id, key=key)
    subscription = lock_subscription(session, subscription_id=subscription_id)
    if subscription.status in IN_SERVICE:
        return suspend_subscription(session, subscription_id=subscription_id, reason=reason)
    return subscription


def _part(session: Session, subscription: Subscription) -> Fraction | None:
    """What is left of the current period, by days where it has a time zone; None where it has no end."""
    if subscription.current_period_end is None:
        return None
    zone = ZoneInfo(subscription.time_zone) if subscription.time_zone else None
    return part_left(subscription.current_period_start, subscription.current_period_end, at=now(session), zone=zone)
