"""What the customers room's routes take and answer."""

from __future__ import annotations

import marshmallow as ma

from app.domains.customers.service import Kind, Removal, Status
from app.http.fields import Time
from app.http.pages import PageQuery

MAX_ADDRESSES = 100
MAX_LABELS = 100

# far beyond any value: the rules say what is too long, in words
_text = ma.validate.Length(max=1024)


def _optional(description: str | None = None) -> ma.fields.String:
    metadata = {"description": description} if description else {}
    return ma.fields.String(allow_none=True, validate=_text, metadata=metadata)


def _degrees(description: str) -> ma.fields.Decimal:
    return ma.fields.Decimal(allow_nan=False, allow_none=True, metadata={"description": description})


class AddressIn(ma.Schema):
    """An address. Of each kind one is the primary: the first, where none says so."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf([kind.value for kind in Kind]))
    line1 = ma.fields.String(required=True, validate=_text)
    line2 = _optional()
    city = ma.fields.String(required=True, validate=_text)
    region = _optional("state or province")
    postal_code = _optional()
    country = ma.fields.String(required=True, validate=_text, metadata={"description": "ISO 3166-1 alpha-2"})
    is_primary = ma.fields.Boolean()
    latitude = _degrees("degrees north (WGS 84)")
    longitude = _degrees("degrees east (WGS 84)")


class CustomerChange(ma.Schema):
    """What changes of a customer. `addresses` replaces all of them; a name of null is that of the person, else the company."""

    email = ma.fields.String(validate=_text)
    name = _optional()
    first_name = _optional()
    last_name = _optional()
    company_name = _optional()
    phone = _optional("with country code, or as dialled in `country`; kept as E.164")
    tier = _optional()
    currency = _optional("ISO 4217")
    tax_id = _optional()
    country = _optional("ISO 3166-1 alpha-2")
    addresses = ma.fields.List(ma.fields.Nested(AddressIn), validate=ma.validate.Length(max=MAX_ADDRESSES))
    settings = ma.fields.Dict(keys=ma.fields.String())
    labels = ma.fields.Dict(
        keys=ma.fields.String(validate=_text),
        values=ma.fields.String(validate=_text),
        validate=ma.validate.Length(max=MAX_LABELS),
    )


class CustomerIn(CustomerChange):
    """A new customer."""

    email = ma.fields.String(required=True, validate=_text)
    status = ma.fields.String(
        validate=ma.validate.OneOf([status.value for status in Status]),
        metadata={"description": "prospect (default) or active"},
    )


class AddressOut(AddressIn):
    """An address of a customer."""

    id = ma.fields.UUID()


class CustomerOut(ma.Schema):
    """A customer."""

    id = ma.fields.UUID()
    serial = ma.fields.Integer(metadata={"description": "counts the customers of the installation"})
    customer_number = ma.fields.String()
    status = ma.fields.String()
    email = ma.fields.String()
    name = ma.fields.String()
    first_name = ma.fields.String(allow_none=True)
    last_name = ma.fields.String(allow_none=True)
    company_name = ma.fields.String(allow_none=True)
    phone = ma.fields.String(allow_none=True)
    tier = ma.fields.String(allow_none=True)
    currency = ma.fields.String(allow_none=True)
    tax_id = ma.fields.String(allow_none=True)
    country = ma.fields.String(allow_none=True)
    partner_id = ma.fields.UUID(allow_none=True)
    lead_id = ma.fields.UUID(allow_none=True)
    addresses = ma.fields.List(ma.fields.Nested(AddressOut))
    settings = ma.fields.Dict()
    labels = ma.fields.Dict()
    version = ma.fields.Integer()
    created_at = Time()
    updated_at = Time()


class CustomerQuery(PageQuery):
    """Which customers."""

    q = ma.fields.String(
        validate=ma.validate.Length(1, 200),
        metadata={"description": "part of number, e-mail address, name, company or telephone number"},
    )
    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in Status]))
    email = ma.fields.String(validate=ma.validate.Length(1, 254))
    partner_id = ma.fields.UUID()


class DeactivateIn(ma.Schema):
    """Why somebody is no customer any more."""

    reason = ma.fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(1, 500))


class RemovalOut(ma.Schema):
    """What became of a customer that was to be deleted."""

    id = ma.fields.UUID()
    outcome = ma.fields.String(
        validate=ma.validate.OneOf([each.value for each in Removal]),
        metadata={"description": "deactivated: something refers to it"},
    )
