"""Agreements, and the commissions that are earned under them."""

from __future__ import annotations

import marshmallow as ma

from app.domains.partners.rules.agreements import MAX_TIERS
from app.domains.partners.schemas import shared
from app.domains.partners.service import Applies, CommissionStatus, CommissionType, Kind
from app.http.endpoint import PageQuery
from app.http.fields import Amount, Money, Time

MAX_SERIAL = 2**63 - 1


class TierIn(ma.Schema):
    """From this amount sold under the agreement on, each further sale earns so many percent."""

    from_amount = Money(required=True)
    rate = Money(required=True, metadata={"description": "percent"})


class AgreementIn(ma.Schema):
    """What sales earn a partner. A percentage agreement has a rate, a tiered one tiers, a fixed one an amount per sale."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf([kind.value for kind in Kind]))
    rate = Money(load_default=None, allow_none=True, metadata={"description": "percent of what is sold"})
    amount = Money(load_default=None, allow_none=True)
    tiers = ma.fields.List(
        ma.fields.Nested(TierIn),
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(1, MAX_TIERS),
    )
    currency = shared.currency(required=True)
    applies_to = ma.fields.String(
        load_default=Applies.BOTH.value, validate=ma.validate.OneOf([applies.value for applies in Applies])
    )
    valid_from = Time(load_default=None, allow_none=True, metadata={"description": "default: now"})
    valid_until = Time(load_default=None, allow_none=True, metadata={"description": "null: until it is ended"})


class AgreementOut(ma.Schema):
    """An agreement. `sold_amount`: what was sold under it, as far as commissions stand for it."""

    id = ma.fields.UUID()
    partner_id = ma.fields.UUID()
    kind = ma.fields.String()
    rate = Money(allow_none=True)
    amount = Amount(allow_none=True)
    tiers = ma.fields.List(ma.fields.Nested(TierIn), allow_none=True)
    currency = ma.fields.String()
    applies_to = ma.fields.String()
    valid_from = Time()
    valid_until = Time(allow_none=True)
    sold_amount = Amount()
    created_at = Time()


class AgreementEnd(ma.Schema):
    """When an agreement is to end."""

    valid_until = Time(load_default=None, allow_none=True, metadata={"description": "default: now"})


class CommissionIn(ma.Schema):
    """A sale that earns a partner a commission: an order, else that somebody became a customer."""

    customer_id = ma.fields.UUID(load_default=None, allow_none=True)
    order_id = ma.fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=ma.validate.Range(1, MAX_SERIAL)
    )
    base_amount = Money(load_default=None, allow_none=True, metadata={"description": "what was sold, without tax"})
    currency = shared.currency(load_default=None, allow_none=True)
    commission_type = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.OneOf([each.value for each in CommissionType]),
    )


class CommissionOut(ma.Schema):
    """What a partner earned by a sale. `rate`: how much of it, in percent."""

    id = ma.fields.UUID()
    partner_id = ma.fields.UUID()
    agreement_id = ma.fields.UUID()
    commission_type = ma.fields.String()
    customer_id = ma.fields.UUID(allow_none=True)
    order_id = ma.fields.Integer(allow_none=True)
    base_amount = Amount(allow_none=True)
    rate = Money(allow_none=True)
    amount = Amount()
    currency = ma.fields.String()
    status = ma.fields.String()
    paid_at = Time(allow_none=True)
    payment_reference = ma.fields.String(allow_none=True)
    voided_at = Time(allow_none=True)
    void_reason = ma.fields.String(allow_none=True)
    created_at = Time()


class CommissionFilter(PageQuery):
    """Which commissions."""

    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in CommissionStatus]))


class CommissionPayment(ma.Schema):
    """The payment by which a commission was paid."""

    reference = ma.fields.String(required=True, validate=ma.validate.Length(1, 200))
