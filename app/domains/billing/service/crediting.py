"""Credit notes: what takes an invoice back, whole or in part, under a number of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.events import emit
from app.core.money import rounded
from app.domains.billing import queries as subscriptions
from app.domains.billing.errors import CreditInvalid, InvoiceStateForbids
from app.domains.billing.models import CREDIT_NOTE, INVOICE, Invoice, Payable
from app.domains.billing.queries import invoices as queries
from app.domains.billing.rules import credits as rules
from app.domains.billing.rules.invoice_states import Status
from app.domains.billing.rules.payable_states import OWED, SourceType
from app.domains.billing.rules.payable_states import Status as PayableStatus
from app.domains.billing.service.invoice_states import about, move_invoice, subject
from app.domains.billing.service.invoices import get_invoice
from app.domains.billing.service.issuing import Billed, Occasion, as_said, issue
from app.domains.billing.service.numbering import hold_series
from app.domains.billing.service.payables import lock_payable_of, reduce_payable
from app.domains.billing.service.settling import restore

CREDITABLE = frozenset({Status.OPEN, Status.PAID, Status.UNCOLLECTIBLE})


def credit_invoice(
    session: Session, *, invoice_id: UUID, key: str, lines: Mapping[int, Decimal] | None = None
) -> Invoice:
    """A credit note for amounts (with tax) of an invoice's lines by their place from 0; without `lines` for all that is left.

    `key` names what asks, a step of an execution, say: asking again finds the note. What is not paid yet is owed so much
    less; an invoice that is credited to zero is paid. What was paid is not given back by this: a refund does that. Emits
    invoice.created for the note and invoice.credited.

    Raises InvoiceNotFound, InvoiceStateForbids for one that is void, a credit note, or credited already; CreditInvalid with
    all faults; PayableSettled while it is being paid.
    """
    issued_for = f"credit/{key}"
    if earlier := queries.issued_for(session, issued_for):
        return _of_invoice(earlier, invoice_id)
    # the payable before the invoice, as whoever pays it locks them
    payable = lock_payable_of(session, source_type=SourceType.INVOICE, source_id=str(invoice_id))
    invoice = get_invoice(session, invoice_id=invoice_id, locked=True)
    if earlier := queries.issued_for(session, issued_for):
        return _of_invoice(earlier, invoice_id)
    if invoice.subscription_id:
        # before the series, as whoever bills the next period locks them
        subscriptions.subscription(session, invoice.subscription_id, locked=True)
    note = _issue_note(session, invoice, issued_for, lines)
    invoice.credited_amount -= note.total_amount
    session.flush()
    told = {**about(invoice), "credit_note_id": str(note.id), "credited_amount": _money(-note.total_amount, invoice)}
    emit(session, "invoice.credited", subject(invoice), told)
    audit.record(session, "invoice.credited", subject(invoice), after=told)
    _owe_less(session, invoice, payable)
    return note


def credit_notes_of(session: Session, *, invoice_id: UUID) -> list[Invoice]:
    """The credit notes of an invoice, the first first."""
    return list(queries.notes_of(session, invoice_id))


def _issue_note(session: Session, invoice: Invoice, issued_for: str, lines: Mapping[int, Decimal] | None) -> Invoice:
    if invoice.kind != INVOICE or Status(invoice.status) not in CREDITABLE:
        message = f"{invoice.invoice_number} cannot be credited: it is {_what(invoice)}."
        raise InvoiceStateForbids(message)
    said = as_said(invoice)
    credited = {position - 1: amount for position, amount in queries.credited_by_line(session, invoice.id).items()}
    wanted = dict(lines) if lines is not None else rules.remaining(said, credited=credited)
    if not wanted and lines is None:
        message = f"{invoice.invoice_number} is credited already."
        raise InvoiceStateForbids(message)
    if faults := rules.credit_faults(said, wanted, credited=credited):
        raise CreditInvalid(faults[0].message, faults=faults)
    is_whole = lines is None and not credited
    note = rules.credit_note(said) if is_whole else rules.partial_credit_note(said, wanted, credited=credited)
    places = range(len(said.lines)) if is_whole else sorted(wanted)
    return issue(
        session,
        series=hold_series(session, billing_account_id=invoice.billing_account_id),
        said=note,
        billed=Billed(
            customer_id=invoice.customer_id,
            billing_account_id=invoice.billing_account_id,
            name=invoice.billed_name,
            email=invoice.billed_email,
            details=invoice.billed_to,
        ),
        occasion=Occasion(
            key=issued_for,
            kind=CREDIT_NOTE,
            due_after=timedelta(0),
            subscription_id=invoice.subscription_id,
            credited_invoice_id=invoice.id,
            period_start=invoice.period_start,
            period_end=invoice.period_end,
        ),
        credits_positions=[place + 1 for place in places],
    )


def _owe_less(session: Session, invoice: Invoice, payable: Payable | None) -> None:
    if payable is not None and PayableStatus(payable.status) in OWED:
        reduce_payable(session, payable=payable, amount=invoice.due_amount)
    if not invoice.due_amount and invoice.status != Status.PAID:
        move_invoice(session, invoice=invoice, status=Status.PAID, reason="credited to zero")
        if invoice.subscription_id:
            restore(session, subscription_id=invoice.subscription_id)


def _of_invoice(note: Invoice, invoice_id: UUID) -> Invoice:
    if note.credited_invoice_id == invoice_id:
        return note
    message = "The same was asked for before, and another invoice was credited."
    raise InvoiceStateForbids(message)


def _what(invoice: Invoice) -> str:
    return "a credit note" if invoice.kind != INVOICE else invoice.status


def _money(amount: Decimal, invoice: Invoice) -> str:
    return str(rounded(amount, invoice.currency))
