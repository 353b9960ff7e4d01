"""Site surveys as they come and go by HTTP."""

from __future__ import annotations

import marshmallow as ma

from app.domains.crm.schemas.shared import Address, currency, degrees, notes, optional, reason, short, text
from app.domains.crm.service import SurveyStatus
from app.http.fields import Amount, Money, Time
from app.http.pages import PageQuery


class SurveyChange(ma.Schema):
    """How a survey is planned. A time makes it scheduled."""

    address = ma.fields.Nested(Address)
    latitude = degrees("degrees north (WGS 84)")
    longitude = degrees("degrees east (WGS 84)")
    scheduled_for = Time(allow_none=True)
    surveyor = optional(text)
    notes = notes()


class SurveyIn(SurveyChange):
    """A place to be surveyed, for a lead, a customer or a ticket."""

    address = ma.fields.Nested(Address, required=True)
    lead_id = ma.fields.UUID()
    customer_id = ma.fields.UUID()
    ticket_id = ma.fields.UUID()


class SurveyResult(ma.Schema):
    """What the surveyor found: by which technology it can be done, or why it cannot."""

    is_feasible = ma.fields.Boolean(required=True)
    reason = optional(reason, "why it cannot be done")
    technology = optional(short)
    fiber_distance_m = ma.fields.Decimal(places=1, allow_nan=False, allow_none=True)
    olt = optional(short)
    pop = optional(short)
    port = optional(short)
    ont_type = optional(short)
    estimated_cost = Money(allow_none=True)
    currency = ma.fields.String(allow_none=True, validate=currency)
    latitude = degrees("degrees north (WGS 84)")
    longitude = degrees("degrees east (WGS 84)")
    surveyor = optional(text)
    notes = notes()


class SurveyOut(ma.Schema):
    """A site survey."""

    id = ma.fields.UUID()
    status = ma.fields.String()
    lead_id = ma.fields.UUID(allow_none=True)
    customer_id = ma.fields.UUID(allow_none=True)
    ticket_id = ma.fields.UUID(allow_none=True)
    address = ma.fields.Dict(keys=ma.fields.String())
    latitude = ma.fields.Decimal(allow_none=True)
    longitude = ma.fields.Decimal(allow_none=True)
    scheduled_for = Time(allow_none=True)
    surveyor = ma.fields.String(allow_none=True)
    is_feasible = ma.fields.Boolean(allow_none=True)
    reason = ma.fields.String(allow_none=True)
    technology = ma.fields.String(allow_none=True)
    fiber_distance_m = ma.fields.Decimal(allow_none=True)
    olt = ma.fields.String(allow_none=True)
    pop = ma.fields.String(allow_none=True)
    port = ma.fields.String(allow_none=True)
    ont_type = ma.fields.String(allow_none=True)
    estimated_cost = Amount(allow_none=True)
    currency = ma.fields.String(allow_none=True)
    notes = ma.fields.String(allow_none=True)
    completed_at = Time(allow_none=True)
    created_at = Time()
    updated_at = Time()


class SurveyQuery(PageQuery):
    """Which site surveys."""

    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in SurveyStatus]))
    lead_id = ma.fields.UUID()
    customer_id = ma.fields.UUID()
    ticket_id = ma.fields.UUID()
