"""Fields that leads, quotes and surveys have in common."""

from __future__ import annotations

import marshmallow as ma

MAX_NOTES = 10_000
MAX_DEGREES = 180

text = ma.validate.Length(1, 200)
short = ma.validate.Length(1, 64)
reason = ma.validate.Length(1, 500)
cycle = ma.validate.OneOf(("monthly", "annual", "one_time"))
deployment_type = ma.validate.OneOf(("local", "kubernetes", "awx", "docker", "none"))
currency = (
    ma.validate.Length(3, 3),
    ma.validate.Regexp("^[A-Z]{3}$", error="A currency is its ISO 4217 code: three capital letters."),
)


class Address(ma.Schema):
    """Where somebody is."""

    line1 = ma.fields.String(validate=text)
    line2 = ma.fields.String(allow_none=True, validate=text)
    city = ma.fields.String(validate=text)
    region = ma.fields.String(allow_none=True, validate=text, metadata={"description": "state or province"})
    postal_code = ma.fields.String(allow_none=True, validate=short)
    country = ma.fields.String(validate=ma.validate.Length(2, 2), metadata={"description": "ISO 3166-1 alpha-2"})


class WhyIn(ma.Schema):
    """Why something is done."""

    reason = ma.fields.String(load_default=None, allow_none=True, validate=reason)


def optional(validate: ma.validate.Validator, description: str | None = None) -> ma.fields.String:
    """A text that may be missing or null."""
    metadata = {"description": description} if description else {}
    return ma.fields.String(allow_none=True, validate=validate, metadata=metadata)


def notes() -> ma.fields.String:
    """What somebody wrote down."""
    return ma.fields.String(allow_none=True, validate=ma.validate.Length(max=MAX_NOTES))


def degrees(description: str) -> ma.fields.Decimal:
    """A latitude or longitude."""
    return ma.fields.Decimal(allow_nan=False, allow_none=True, metadata={"description": description})
