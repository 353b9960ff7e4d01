"""What the catalogue's routes take and answer."""

from __future__ import annotations

from decimal import Decimal

import marshmallow as ma

from app.http.fields import Money, Time

MAX_TEXT = 1024
MAX_SERVICES = 100

_code = ma.validate.Length(1, 63)
_name = ma.validate.Length(1, 200)


class ServiceIn(ma.Schema):
    """A new service."""

    code = ma.fields.String(required=True, validate=_code)
    name = ma.fields.String(required=True, validate=_name)
    description = ma.fields.String(load_default="", validate=ma.validate.Length(max=MAX_TEXT))


class PriceIn(ma.Schema):
    """What one unit costs per month, and percent less when a year is paid at once."""

    unit_price = Money(required=True)
    annual_discount_percent = Money(load_default=Decimal(0))


class PriceOut(ma.Schema):
    """A price per unit and month."""

    id = ma.fields.UUID()
    service_code = ma.fields.String(attribute="service.code")
    currency = ma.fields.String()
    unit_price = Money(attribute="monthly")
    annual_discount_percent = Money()
    created_at = Time()
    updated_at = Time()


class ServiceOut(ma.Schema):
    """A service with its prices."""

    id = ma.fields.UUID()
    code = ma.fields.String()
    name = ma.fields.String()
    description = ma.fields.String()
    is_active = ma.fields.Boolean()
    prices = ma.fields.Nested(PriceOut(only=("currency", "unit_price", "annual_discount_percent")), many=True)
    created_at = Time()


class PackageChange(ma.Schema):
    """What a package is from now on."""

    name = ma.fields.String(required=True, validate=_name)
    description = ma.fields.String(load_default="", validate=ma.validate.Length(max=MAX_TEXT))
    services = ma.fields.List(
        ma.fields.String(validate=_code), required=True, validate=ma.validate.Length(1, MAX_SERVICES)
    )
    is_active = ma.fields.Boolean(load_default=True)


class PackageIn(PackageChange):
    """A new package."""

    code = ma.fields.String(required=True, validate=_code)


class PackageOut(ma.Schema):
    """A package with the codes of its services, in order."""

    id = ma.fields.UUID()
    code = ma.fields.String()
    name = ma.fields.String()
    description = ma.fields.String()
    is_active = ma.fields.Boolean()
    services = ma.fields.List(ma.fields.String())
    created_at = Time()
    updated_at = Time()


class RegionOut(ma.Schema):
    """A region; its country is the one whose tax applies."""

    id = ma.fields.UUID()
    code = ma.fields.String()
    name = ma.fields.String()
    country = ma.fields.String()
    is_active = ma.fields.Boolean()
    created_at = Time()


class Catalogue(ma.Schema):
    """What the public order page shows: what is sold, together or singly, and where."""

    services = ma.fields.Nested(ServiceOut(only=("code", "name", "description", "prices")), many=True)
    packages = ma.fields.Nested(PackageOut(only=("code", "name", "description", "services")), many=True)
    regions = ma.fields.Nested(RegionOut(only=("code", "name", "country")), many=True)
