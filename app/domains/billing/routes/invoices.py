"""Invoices and credit notes over HTTP: found, credited, voided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.errors import Fault, Invalid
from app.domains.billing import service
from app.domains.billing.routes.asked import asked_by
from app.domains.billing.schemas import invoices as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

invoices = Blueprint("invoices", __name__, description="What was billed, and taken back")


@endpoint(
    invoices,
    "GET",
    "/invoices",
    permission="invoice.read",
    query=schemas.InvoiceFilter,
    answer=schemas.InvoiceOut,
    paged=True,
)
def list_invoices(ctx: Context) -> Any:
    """Invoices and credit notes, newest first."""
    names = ("status", "kind", "customer_id", "subscription_id", "q")
    filters = {name: ctx.query.get(name) for name in names}
    return page(ctx, service.all_invoices(ctx.session, is_overdue=ctx.query.get("is_overdue", False), **filters))


@endpoint(invoices, "GET", "/invoices/<uuid:invoice_id>", permission="invoice.read", answer=schemas.InvoiceDetail)
def show_invoice(ctx: Context, *, invoice_id: UUID) -> Any:
    """One invoice or credit note with its lines."""
    return service.get_invoice(ctx.session, invoice_id=invoice_id)


@endpoint(
    invoices,
    "GET",
    "/invoices/<uuid:invoice_id>/credit-notes",
    permission="invoice.read",
    answer=schemas.InvoiceOut(many=True),
)
def list_credit_notes(ctx: Context, *, invoice_id: UUID) -> Any:
    """The credit notes of an invoice, the first first."""
    service.get_invoice(ctx.session, invoice_id=invoice_id)
    return service.credit_notes_of(ctx.session, invoice_id=invoice_id)


@endpoint(
    invoices,
    "POST",
    "/invoices/<uuid:invoice_id>/credit",
    permission="invoice.credit",
    body=schemas.CreditIn,
    answer=schemas.InvoiceDetail,
    status=201,
    idempotent=True,
    errors=[409],
)
def credit_invoice(ctx: Context, *, invoice_id: UUID) -> Any:
    """Take back an invoice, whole or in part, by a credit note. What was paid of it is given back by a refund."""
    lines = ctx.body["lines"]
    wanted = None if lines is None else {line["position"] - 1: line["amount"] for line in lines}
    if wanted is not None and len(wanted) < len(lines):
        message = "Each line is named once."
        raise Invalid(message, faults=[Fault("/lines", message)])
    note = service.credit_invoice(ctx.session, invoice_id=invoice_id, key=asked_by(ctx), lines=wanted)
    ctx.headers["Location"] = f"/api/v1/invoices/{note.id}"
    return note


@endpoint(
    invoices,
    "POST",
    "/invoices/<uuid:invoice_id>/void",
    permission="invoice.void",
    body=schemas.VoidIn,
    answer=schemas.InvoiceOut,
    idempotent=True,
    errors=[409],
)
def void_invoice(ctx: Context, *, invoice_id: UUID) -> Any:
    """Withdraw an invoice of which nothing was paid; it keeps its number."""
    return service.void_invoice(ctx.session, invoice_id=invoice_id, reason=ctx.body["reason"])
