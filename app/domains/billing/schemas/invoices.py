"""What the routes of invoices take and answer."""

from __future__ import annotations

import marshmallow as ma

from app.domains.billing.rules.invoice_states import Status
from app.domains.billing.rules.items import MAX_LINES, TaxCategory
from app.domains.billing.schemas.amounts import Fine
from app.http.endpoint import PageQuery
from app.http.fields import Amount, Money, Time

KINDS = ("invoice", "credit_note")


class InvoiceFilter(PageQuery):
    """Which invoices."""

    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Status]))
    kind = ma.fields.String(validate=ma.validate.OneOf(KINDS))
    customer_id = ma.fields.UUID()
    subscription_id = ma.fields.UUID()
    is_overdue = ma.fields.Boolean(metadata={"description": "true: only what should have been paid by now"})
    q = ma.fields.String(
        validate=ma.validate.Length(1, 100), metadata={"description": "part of the number or of the name"}
    )


class InvoiceOut(ma.Schema):
    """An invoice, or a credit note, whose amounts are below zero. `due_amount`: what is owed as long as it is not paid."""

    id = ma.fields.UUID()
    invoice_number = ma.fields.String()
    kind = ma.fields.String(validate=ma.validate.OneOf(KINDS))
    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Status]))
    customer_id = ma.fields.UUID(allow_none=True)
    subscription_id = ma.fields.UUID(allow_none=True)
    credited_invoice_id = ma.fields.UUID(allow_none=True)
    billed_name = ma.fields.String()
    currency = ma.fields.String()
    subtotal = Amount()
    discount_amount = Amount()
    net_amount = Amount()
    tax_amount = Amount()
    total_amount = Amount()
    credited_amount = Amount()
    due_amount = Amount()
    period_start = Time(allow_none=True)
    period_end = Time(allow_none=True)
    issued_at = Time()
    due_at = Time()
    paid_at = Time(allow_none=True)
    voided_at = Time(allow_none=True)
    overdue_at = Time(allow_none=True, metadata={"description": "when it was told that nobody paid in time"})
    created_at = Time()


class LineOut(ma.Schema):
    """A line of an invoice. `credits_position`: on a credit note, the invoice's line that it takes back."""

    position = ma.fields.Integer()
    credits_position = ma.fields.Integer(allow_none=True)
    description = ma.fields.String()
    quantity = Fine()
    unit_price = Fine()
    subtotal = Amount()
    discount_amount = Amount()
    net_amount = Amount()
    tax_rate = Fine(metadata={"description": "percent"})
    tax_category = ma.fields.String(validate=ma.validate.OneOf([each.value for each in TaxCategory]))
    tax_amount = Amount()
    total_amount = Amount()


class InvoiceDetail(InvoiceOut):
    """An invoice with its lines and whom it was sent to, as they were then."""

    billed_email = ma.fields.String(allow_none=True)
    billed_to = ma.fields.Dict(keys=ma.fields.String())
    notes = ma.fields.List(ma.fields.String())
    prices_include_tax = ma.fields.Boolean()
    lines = ma.fields.List(ma.fields.Nested(LineOut))


class CreditLine(ma.Schema):
    """What is taken back of a line, tax included."""

    position = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, MAX_LINES))
    amount = Money(required=True)


class CreditIn(ma.Schema):
    """What is credited; without lines all that is left."""

    lines = ma.fields.List(
        ma.fields.Nested(CreditLine), load_default=None, allow_none=True, validate=ma.validate.Length(1, MAX_LINES)
    )


class VoidIn(ma.Schema):
    """Why an invoice is withdrawn; kept in the audit log."""

    reason = ma.fields.String(required=True, validate=ma.validate.Length(1, 500))
