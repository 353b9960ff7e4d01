"""Quotes as they come and go by HTTP."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from app.domains.crm.rules.quotes import MAX_PERCENT, MAX_TERM_MONTHS, MAX_VALID_DAYS, VALID_DAYS
from app.domains.crm.schemas.shared import notes, text
from app.domains.crm.service import Kind, QuoteStatus
from app.http.fields import Amount, Money, Time
from app.http.pages import PageQuery


class QuoteIn(ma.Schema):
    """A quote of what a qualified lead wants."""

    lead_id = ma.fields.UUID(required=True)
    valid_days = ma.fields.Integer(strict=True, load_default=VALID_DAYS, validate=ma.validate.Range(1, MAX_VALID_DAYS))
    discount_percent = Money(
        load_default=Decimal(0),
        validate=ma.validate.Range(0, MAX_PERCENT),
        metadata={"description": "off each line, besides the catalogue's own discounts"},
    )


class RenewalIn(ma.Schema):
    """A quote of a subscription's next period."""

    subscription_id = ma.fields.UUID(required=True)
    term_months = ma.fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, MAX_TERM_MONTHS),
        metadata={"description": "calendar months; default: as many as the billing cycle has"},
    )
    discount_percentage = Money(load_default=Decimal(0), validate=ma.validate.Range(0, MAX_PERCENT))


class QuoteChange(ma.Schema):
    """What changes of an open quote; its price stays what it was offered for."""

    valid_until = Time()
    notes = notes()


class AcceptIn(ma.Schema):
    """Who accepts a quote."""

    accepted_by = ma.fields.String(
        load_default=None, allow_none=True, validate=text, metadata={"description": "default: who is signed in"}
    )


class QuoteItemOut(ma.Schema):
    """A line of a quote."""

    id = ma.fields.UUID()
    product_code = ma.fields.String()
    name = ma.fields.String()
    quantity = ma.fields.Integer()
    unit_price = Amount()
    discount_amount = Amount()
    tax_amount = Amount()
    total_amount = Amount()
    configuration = ma.fields.Dict(keys=ma.fields.String())


class QuoteOut(ma.Schema):
    """A quote."""

    id = ma.fields.UUID()
    quote_number = ma.fields.String()
    kind = ma.fields.String()
    status = ma.fields.String()
    lead_id = ma.fields.UUID(allow_none=True)
    customer_id = ma.fields.UUID(allow_none=True)
    subscription_id = ma.fields.UUID(allow_none=True)
    customer_name = ma.fields.String()
    customer_email = ma.fields.String()
    company_name = ma.fields.String(allow_none=True)
    organization_slug = ma.fields.String(allow_none=True)
    deployment_region = ma.fields.String(allow_none=True)
    deployment_type = ma.fields.String(allow_none=True)
    currency = ma.fields.String()
    billing_cycle = ma.fields.String()
    subtotal = Amount()
    discount_percent = Money()
    discount_amount = Amount()
    tax_rate = Money(metadata={"description": "percent"})
    tax_amount = Amount()
    total_amount = Amount()
    term_months = ma.fields.Integer(allow_none=True)
    period_start = Time(allow_none=True)
    period_end = Time(allow_none=True)
    notes = ma.fields.String(allow_none=True)
    valid_until = Time(metadata={"description": "the first moment at which it is not valid any more"})
    sent_at = Time(allow_none=True)
    accepted_at = Time(allow_none=True)
    accepted_by = ma.fields.String(allow_none=True)
    closed_at = Time(allow_none=True)
    close_reason = ma.fields.String(allow_none=True)
    order_id = ma.fields.Integer(allow_none=True)
    created_at = Time()
    updated_at = Time()


class QuoteDetail(QuoteOut):
    """A quote with its items, and the address at which its customer answers it."""

    items = ma.fields.List(ma.fields.Nested(QuoteItemOut))
    accept_url = ma.fields.String(metadata={"description": "for the customer alone: whoever has it may answer"})


class PublicQuoteOut(ma.Schema):
    """A quote as its customer sees it."""

    quote_number = ma.fields.String()
    status = ma.fields.String()
    customer_name = ma.fields.String()
    company_name = ma.fields.String(allow_none=True)
    items = ma.fields.List(ma.fields.Nested(QuoteItemOut(exclude=("id", "configuration"))))
    currency = ma.fields.String()
    billing_cycle = ma.fields.String()
    subtotal = Amount()
    discount_amount = Amount()
    tax_amount = Amount()
    total_amount = Amount()
    valid_until = Time()
    accepted_at = Time(allow_none=True)


class QuoteQuery(PageQuery):
    """Which quotes."""

    q = ma.fields.String(validate=text, metadata={"description": "part of number, e-mail address, name or company"})
    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in QuoteStatus]))
    kind = ma.fields.String(validate=ma.validate.OneOf([kind.value for kind in Kind]))
    lead_id = ma.fields.UUID()
    customer_id = ma.fields.UUID()
    subscription_id = ma.fields.UUID()
