"""What the routes of plans take and answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.domains.billing.rules.plans import CYCLES, MAX_PRICES, MAX_PRODUCTS, MAX_TRIAL_DAYS, Price
from app.http.endpoint import PageQuery
from app.http.fields import Money, Time

_code = ma.validate.Length(1, 63)
_cycle = ma.validate.OneOf(CYCLES)
_currency = ma.validate.Regexp(r"^[A-Z]{3}\Z", error="A currency is its ISO 4217 code: three capital letters.")


class PlanPriceIn(ma.Schema):
    """What one of a plan costs in a currency for one billing cycle, without tax."""

    currency = ma.fields.String(required=True, validate=_currency)
    billing_cycle = ma.fields.String(required=True, validate=_cycle)
    amount = Money(required=True)

    @ma.post_load
    def _price(self, fields: dict[str, Any], **_: Any) -> Price:
        return Price(**fields)


class PlanPriceOut(ma.Schema):
    """A price of a plan."""

    currency = ma.fields.String()
    billing_cycle = ma.fields.String()
    amount = Money()


class PlanIn(ma.Schema):
    """What a plan is from now on. Not active: nobody subscribes to it, and what is renewed goes on with its successor."""

    code = ma.fields.String(required=True, validate=_code)
    name = ma.fields.String(required=True, validate=ma.validate.Length(1, 200))
    description = ma.fields.String(load_default="", validate=ma.validate.Length(max=1024))
    is_active = ma.fields.Boolean(load_default=True)
    successor_id = ma.fields.UUID(load_default=None, allow_none=True)
    currency = ma.fields.String(
        required=True, validate=_currency, metadata={"description": "for customers who have none of their own"}
    )
    billing_cycle = ma.fields.String(required=True, validate=_cycle)
    trial_days = ma.fields.Integer(strict=True, load_default=0, validate=ma.validate.Range(0, MAX_TRIAL_DAYS))
    renews_automatically = ma.fields.Boolean(load_default=True)
    products = ma.fields.List(
        ma.fields.String(validate=_code), load_default=list, validate=ma.validate.Length(max=MAX_PRODUCTS)
    )
    license_template_code = ma.fields.String(load_default=None, allow_none=True, validate=_code)
    prices = ma.fields.Nested(PlanPriceIn, many=True, required=True, validate=ma.validate.Length(1, MAX_PRICES))


class PlanFilter(PageQuery):
    """Which plans."""

    is_active = ma.fields.Boolean()


class PlanOut(ma.Schema):
    """A plan with its prices."""

    id = ma.fields.UUID()
    code = ma.fields.String()
    name = ma.fields.String()
    description = ma.fields.String()
    is_active = ma.fields.Boolean()
    successor_id = ma.fields.UUID(allow_none=True)
    currency = ma.fields.String()
    billing_cycle = ma.fields.String()
    trial_days = ma.fields.Integer()
    renews_automatically = ma.fields.Boolean()
    products = ma.fields.List(ma.fields.String())
    license_template_code = ma.fields.String(allow_none=True)
    prices = ma.fields.Nested(PlanPriceOut, many=True)
    created_at = Time()
    updated_at = Time()
