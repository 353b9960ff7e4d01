"""Leads as they come and go by HTTP."""

from __future__ import annotations

import marshmallow as ma

from app.domains.crm.schemas.shared import (
    Address,
    currency,
    cycle,
    deployment_type,
    notes,
    optional,
    reason,
    short,
    text,
)
from app.domains.crm.service import LeadStatus, Source
from app.http.fields import Time
from app.http.pages import PageQuery

MAX_PRODUCTS = 200


class WantedProduct(ma.Schema):
    """So many of a service or package of the catalogue."""

    product_code = ma.fields.String(required=True, validate=short)
    quantity = ma.fields.Integer(strict=True, load_default=1, validate=ma.validate.Range(min=1))
    configuration = ma.fields.Dict(keys=ma.fields.String())


class LeadChange(ma.Schema):
    """What changes of a lead."""

    source = ma.fields.String(validate=ma.validate.OneOf([source.value for source in Source]))
    email = optional(ma.validate.Length(1, 254))
    phone = optional(short)
    first_name = optional(text)
    last_name = optional(text)
    company_name = optional(text)
    address = ma.fields.Nested(Address, allow_none=True)
    wanted_products = ma.fields.List(ma.fields.Nested(WantedProduct), validate=ma.validate.Length(max=MAX_PRODUCTS))
    organization_slug = optional(short, "wanted subdomain; by default one by the company's name")
    deployment_region = optional(short)
    deployment_type = optional(deployment_type)
    currency = ma.fields.String(validate=currency, metadata={"description": "ISO 4217, default USD"})
    billing_cycle = ma.fields.String(validate=cycle)
    notes = notes()


class LeadIn(LeadChange):
    """A new lead: reachable by e-mail or telephone, the rest may follow."""


class LeadOut(ma.Schema):
    """A lead."""

    id = ma.fields.UUID()
    status = ma.fields.String()
    source = ma.fields.String()
    email = ma.fields.String(allow_none=True)
    phone = ma.fields.String(allow_none=True)
    first_name = ma.fields.String(allow_none=True)
    last_name = ma.fields.String(allow_none=True)
    company_name = ma.fields.String(allow_none=True)
    address = ma.fields.Dict(keys=ma.fields.String())
    wanted_products = ma.fields.List(ma.fields.Dict(keys=ma.fields.String()))
    organization_slug = ma.fields.String(allow_none=True)
    deployment_region = ma.fields.String(allow_none=True)
    deployment_type = ma.fields.String(allow_none=True)
    currency = ma.fields.String()
    billing_cycle = ma.fields.String()
    notes = ma.fields.String(allow_none=True)
    score = ma.fields.Integer(allow_none=True, metadata={"description": "0 to 100; null until it is qualified"})
    customer_id = ma.fields.UUID(allow_none=True)
    qualified_at = Time(allow_none=True)
    converted_at = Time(allow_none=True)
    lost_at = Time(allow_none=True)
    lost_reason = ma.fields.String(allow_none=True)
    created_at = Time()
    updated_at = Time()


class LeadQuery(PageQuery):
    """Which leads."""

    q = ma.fields.String(
        validate=text, metadata={"description": "part of e-mail address, name, company or telephone number"}
    )
    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in LeadStatus]))
    source = ma.fields.String(validate=ma.validate.OneOf([source.value for source in Source]))
    email = ma.fields.String(validate=ma.validate.Length(1, 254))
    customer_id = ma.fields.UUID()


class LoseIn(ma.Schema):
    """Why a lead is given up."""

    reason = ma.fields.String(required=True, validate=reason)
