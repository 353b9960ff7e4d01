"""How an invoice goes from one state to another: as the table says, with its times, its event and its audit row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.core.money import rounded
from app.domains.billing.errors import InvoiceStateForbids
from app.domains.billing.models import Invoice
from app.domains.billing.rules.invoice_states import Status, is_legal

_EVENTS: Mapping[Status, str] = {
    Status.OPEN: "invoice.reopened",
    Status.PAID: "invoice.paid",
    Status.VOID: "invoice.voided",
    Status.UNCOLLECTIBLE: "invoice.written_off",
}


def move_invoice(session: Session, *, invoice: Invoice, status: Status, reason: str | None = None) -> Invoice:
    """Bring a locked invoice into a state. Already there: nothing happens. Raises InvoiceStateForbids."""
    before = Status(invoice.status)
    if before is status:
        return invoice
    if not is_legal(before, status):
        message = f"An invoice that is {before} cannot become {status}."
        raise InvoiceStateForbids(message)
    invoice.status = status.value
    invoice.paid_at = now(session) if status is Status.PAID else None
    if status is Status.VOID:
        invoice.voided_at = now(session)
    session.flush()
    audit.record(
        session,
        _EVENTS[status],
        subject(invoice),
        before={"status": before.value},
        after={"status": status.value},
        reason=reason,
        owner_id=invoice.owner_id,
    )
    emit(session, _EVENTS[status], subject(invoice), about(invoice), owner_id=invoice.owner_id)
    return invoice


def subject(invoice: Invoice) -> str:
    """What events of an invoice are about."""
    return f"invoice/{invoice.id}"


def about(invoice: Invoice) -> dict[str, Any]:
    """What events say of an invoice: nothing of whom it was sent to."""
    period_start, period_end = invoice.period_start, invoice.period_end
    return {
        "invoice_id": str(invoice.id),
        "invoice_number": invoice.invoice_number,
        "kind": invoice.kind,
        "status": str(invoice.status),
        "customer_id": str(invoice.customer_id) if invoice.customer_id else None,
        "subscription_id": str(invoice.subscription_id) if invoice.subscription_id else None,
        "credited_invoice_id": str(invoice.credited_invoice_id) if invoice.credited_invoice_id else None,
        "total_amount": str(rounded(invoice.total_amount, invoice.currency)),
        "currency": invoice.currency,
        "due_at": invoice.due_at.isoformat(),
        "period_start": period_start.isoformat() if period_start else None,
        "period_end": period_end.isoformat() if period_end else None,
    }
