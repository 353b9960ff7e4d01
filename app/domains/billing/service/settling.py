"""What follows when something is paid, owed again, or given up: for the invoice, and for the service that it bills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.billing import queries
from app.domains.billing.models import INVOICE, Invoice, Payable, Subscription
from app.domains.billing.queries import invoices as invoice_queries
from app.domains.billing.rules import invoice_states, subscription_states
from app.domains.billing.rules.payable_states import SourceType, Status
from app.domains.billing.service.invoice_states import move_invoice
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.payable_states import move_payable

NOT_PAID = "What was billed for it was not paid."


def settle(session: Session, *, payable: Payable) -> None:
    """A locked payable is paid: its invoice too, and a service that was past due is in order again."""
    payable.next_attempt_at = payable.collecting_since = None
    move_payable(session, payable=payable, status=Status.PAID)
    for invoice in _invoices(session, payable):
        move_invoice(session, invoice=invoice, status=invoice_states.Status.PAID)
        if invoice.subscription_id:
            restore(session, subscription_id=invoice.subscription_id)


def reopen(session: Session, *, payable: Payable) -> None:
    """What was paid was given back: what is due on its invoice is owed again, nothing where that was credited meanwhile."""
    still_owed = True
    for invoice in _invoices(session, payable):
        if not invoice.due_amount:
            still_owed = False
            continue
        payable.amount = invoice.due_amount
        if invoice.status == invoice_states.Status.PAID:
            move_invoice(session, invoice=invoice, status=invoice_states.Status.OPEN)
    if still_owed:
        move_payable(session, payable=payable, status=Status.OPEN)


def give_up(session: Session, *, payable: Payable) -> None:
    """Nothing more is tried: the invoice is written off, and what it billed is suspended.

    A renewal that was not paid suspends nothing: what was paid for runs on to its end, and not beyond. The renewal itself is
    not to be had any more, so that nobody pays for it in vain.
    """
    payable.next_attempt_at = None
    move_payable(session, payable=payable, status=Status.GIVEN_UP)
    if let_renewal_end(session, payable=payable):
        payable.collecting_since = None
        move_payable(session, payable=payable, status=Status.WITHDRAWN)
    for invoice in _invoices(session, payable):
        if invoice.status == invoice_states.Status.OPEN:
            move_invoice(session, invoice=invoice, status=invoice_states.Status.UNCOLLECTIBLE, reason=NOT_PAID)
        subscription = _subscription(session, invoice.subscription_id)
        if subscription is not None and _can(subscription, subscription_states.Status.SUSPENDED):
            move_to(session, subscription=subscription, status=subscription_states.Status.SUSPENDED, reason=NOT_PAID)


def let_renewal_end(session: Session, *, payable: Payable) -> bool:
    """The renewal that a locked payable is for is waited for no more: its subscription ends with its period.

    False when it is for no renewal that a subscription is held for.
    """
    held = [
        subscription
        for source in payable.sources
        if source.source_type == SourceType.QUOTE and payable.customer_id is not None
        for subscription in queries.held_for(session, customer_id=payable.customer_id, quote_id=UUID(source.source_id))
    ]
    for subscription in held:
        subscription.renewal_quote_id = None
    session.flush()
    return bool(held)


def fall_behind(session: Session, *, invoice: Invoice) -> None:
    """What an invoice bills is past due: a payment failed, or nobody paid in time. The service runs on."""
    subscription = _subscription(session, invoice.subscription_id)
    if subscription is not None and _can(subscription, subscription_states.Status.PAST_DUE):
        move_to(session, subscription=subscription, status=subscription_states.Status.PAST_DUE)


def fall_behind_for(session: Session, *, payable: Payable) -> None:
    """The same for what a payable is for."""
    for invoice in _invoices(session, payable):
        fall_behind(session, invoice=invoice)


def restore(session: Session, *, subscription_id: UUID) -> None:
    """A subscription is in order again unless another invoice of it is overdue. One that was suspended stays so."""
    if overdue_since(session, subscription_id=subscription_id) is not None:
        return
    subscription = _subscription(session, subscription_id)
    if subscription is not None and subscription.status == subscription_states.Status.PAST_DUE:
        move_to(session, subscription=subscription, status=subscription_states.Status.ACTIVE)


def overdue_since(session: Session, *, subscription_id: UUID) -> datetime | None:
    """When the earliest invoice of a subscription that is overdue was due; None where all are paid or not due yet."""
    return invoice_queries.unpaid_since(session, subscription_id, at=now(session))


def _invoices(session: Session, payable: Payable) -> Iterator[Invoice]:
    for source in payable.sources:
        if source.source_type == SourceType.INVOICE:
            invoice = invoice_queries.invoice(session, UUID(source.source_id), locked=True)
            if invoice is not None and invoice.kind == INVOICE:
                yield invoice


def _subscription(session: Session, subscription_id: UUID | None) -> Subscription | None:
    return queries.subscription(session, subscription_id, locked=True) if subscription_id else None


def _can(subscription: Subscription, status: subscription_states.Status) -> bool:
    return subscription_states.is_legal(subscription_states.Status(subscription.status), status)
