"""License pools, what is left in them, and what was given out of them."""

from __future__ import annotations

import marshmallow as ma

from app.domains.partners.rules.quota import MAX_TOTAL
from app.domains.partners.schemas import shared
from app.http.fields import Amount, Money, Time


class PoolIn(ma.Schema):
    """How many licenses of a template a partner may give out, and what one is sold for, where that is known."""

    license_template_id = shared.template(required=True)
    total = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(0, MAX_TOTAL))
    unit_price = Money(load_default=None, allow_none=True)
    currency = shared.currency(load_default=None, allow_none=True)


class PoolOut(ma.Schema):
    """A partner's licenses of a template."""

    id = ma.fields.UUID()
    partner_id = ma.fields.UUID()
    license_template_id = ma.fields.UUID(attribute="template_id")
    total = ma.fields.Integer()
    allocated = ma.fields.Integer()
    available = ma.fields.Integer()
    unit_price = Amount(allow_none=True)
    currency = ma.fields.String(allow_none=True)
    created_at = Time()
    updated_at = Time()


class QuotaQuery(ma.Schema):
    """How many licenses are wanted; without a template, of all together."""

    requested = ma.fields.Integer(load_default=1, validate=ma.validate.Range(1, MAX_TOTAL))
    license_template_id = shared.template()


class QuotaOut(ma.Schema):
    """What a partner may still give out."""

    total = ma.fields.Integer()
    allocated = ma.fields.Integer()
    available = ma.fields.Integer()
    requested = ma.fields.Integer()
    sufficient = ma.fields.Boolean()


class AllocationIn(ma.Schema):
    """Licenses for a customer out of a partner's pool; without a template, of the only pool that it has."""

    customer_id = ma.fields.UUID(required=True)
    license_count = ma.fields.Integer(required=True, strict=True, validate=shared.license_count)
    license_template_id = shared.template()


class AllocationOut(ma.Schema):
    """Licenses that a customer got out of a partner's pool."""

    id = ma.fields.UUID()
    partner_id = ma.fields.UUID()
    license_pool_id = ma.fields.UUID(attribute="pool_id")
    customer_id = ma.fields.UUID()
    license_count = ma.fields.Integer()
    status = ma.fields.String()
    returned_at = Time(allow_none=True)
    created_at = Time()


class AllocatedLicenseOut(ma.Schema):
    """A license of an allocation."""

    id = ma.fields.UUID()
    license_key = ma.fields.String()
    status = ma.fields.String()
    expires_at = Time(allow_none=True)


class AllocationDetail(AllocationOut):
    """The same with the licenses."""

    licenses = ma.fields.List(ma.fields.Nested(AllocatedLicenseOut))
