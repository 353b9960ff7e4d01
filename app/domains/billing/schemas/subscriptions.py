"""What the routes of subscriptions take and answer."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from app.domains.billing.rules.plans import CYCLES, MAX_QUANTITY, MAX_TERM_MONTHS, MAX_TRIAL_DAYS
from app.domains.billing.rules.renewals import Obstacle
from app.domains.billing.rules.subscription_states import Status
from app.http.endpoint import PageQuery
from app.http.fields import Money, Time

_code = ma.validate.Length(1, 63)
_reason = ma.validate.Length(1, 500)


class SubscriptionIn(ma.Schema):
    """A subscription to a plan, by its id or code."""

    customer_id = ma.fields.UUID(required=True)
    plan_id = ma.fields.String(required=True, validate=_code, metadata={"description": "the plan's id or code"})
    billing_cycle = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.OneOf(CYCLES),
        metadata={"description": "default: the plan's"},
    )
    start_date = ma.fields.Date(
        load_default=None, allow_none=True, metadata={"description": "by the seller's calendar; default: today"}
    )
    trial_days = ma.fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(0, MAX_TRIAL_DAYS),
        metadata={"description": "default: the plan's"},
    )
    quantity = ma.fields.Integer(strict=True, load_default=1, validate=ma.validate.Range(1, MAX_QUANTITY))


class SubscriptionChange(ma.Schema):
    """How a subscription goes on."""

    renews_automatically = ma.fields.Boolean()
    is_set_to_end = ma.fields.Boolean(metadata={"description": "false takes a cancellation for the period's end back"})


class SubscriptionFilter(PageQuery):
    """Which subscriptions."""

    customer_id = ma.fields.UUID()
    plan_id = ma.fields.UUID()
    tenant_id = ma.fields.UUID()
    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in Status]))


class SubscriptionOut(ma.Schema):
    """A subscription. `amount`: for one period and the whole quantity, without tax."""

    id = ma.fields.UUID()
    customer_id = ma.fields.UUID(allow_none=True)
    tenant_id = ma.fields.UUID(allow_none=True)
    order_id = ma.fields.Integer(allow_none=True)
    plan_id = ma.fields.UUID(allow_none=True)
    quantity = ma.fields.Integer()
    service_codes = ma.fields.List(ma.fields.String())
    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in Status]))
    amount = Money()
    currency = ma.fields.String()
    billing_cycle = ma.fields.String()
    time_zone = ma.fields.String(allow_none=True)
    current_period_start = Time()
    current_period_end = Time(allow_none=True)
    trial_ends_at = Time(allow_none=True)
    renews_automatically = ma.fields.Boolean()
    is_set_to_end = ma.fields.Boolean()
    started_at = Time(allow_none=True)
    suspended_at = Time(allow_none=True)
    cancelled_at = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()


class Cancellation(ma.Schema):
    """When a subscription ends, and why; the reason is kept in the audit log."""

    at_period_end = ma.fields.Boolean(load_default=False)
    reason = ma.fields.String(load_default=None, allow_none=True, validate=_reason)


class Suspension(ma.Schema):
    """Why a service is stopped; kept in the audit log."""

    reason = ma.fields.String(required=True, validate=_reason)


class RenewalQuery(ma.Schema):
    """For how long, and for how much less."""

    term_months = ma.fields.Integer(
        load_default=None,
        validate=ma.validate.Range(1, MAX_TERM_MONTHS),
        metadata={"description": "calendar months; default: as many as the billing cycle has"},
    )
    discount_percentage = Money(load_default=Decimal(0), validate=ma.validate.Range(Decimal(0), Decimal(100)))


class ObstacleOut(ma.Schema):
    """What stands in the way of a renewal."""

    obstacle = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Obstacle]))
    message = ma.fields.String()


class RenewalOut(ma.Schema):
    """What renewing a subscription now would be. Amounts are without tax."""

    subscription_id = ma.fields.UUID(attribute="subscription.id")
    is_eligible = ma.fields.Boolean(attribute="eligibility.is_eligible")
    reasons = ma.fields.List(ma.fields.Nested(ObstacleOut), attribute="eligibility.reasons")
    days_until_expiry = ma.fields.Integer(attribute="eligibility.days_until_expiry", allow_none=True)
    plan_id = ma.fields.UUID(attribute="plan.id")
    current_price = Money()
    renewal_price = Money()
    list_price = Money()
    discount_amount = Money()
    amount = Money()
    currency = ma.fields.String()
    term_months = ma.fields.Integer()
    period_start = Time()
    period_end = Time()


class ExtensionOut(ma.Schema):
    """A renewal that moved the period on. `restored_at`: when it was undone."""

    id = ma.fields.UUID()
    quote_id = ma.fields.UUID()
    term_months = ma.fields.Integer()
    period_start = Time()
    period_end = Time()
    former_period_start = Time()
    former_period_end = Time()
    restored_at = Time(allow_none=True)
    created_at = Time()
