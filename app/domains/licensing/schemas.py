"""What the licensing room's routes take and answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.domains.licensing.rules.contents import MAX_FEATURES, MAX_PRODUCTS, MAX_SEATS, MAX_TERM_MONTHS
from app.domains.licensing.rules.states import Finding, Status
from app.http.endpoint import PageQuery
from app.http.fields import Time

MAX_KEY_LENGTH = 100
"""A key of 29 characters, with the blanks that somebody typed into it."""

_code = ma.validate.Length(1, 63)
_reason = ma.validate.Length(1, 500)


def _products(**kwargs: Any) -> ma.fields.List[Any]:
    return ma.fields.List(ma.fields.String(validate=_code), validate=ma.validate.Length(1, MAX_PRODUCTS), **kwargs)


def _features(**kwargs: Any) -> ma.fields.Dict:
    return ma.fields.Dict(
        keys=ma.fields.String(validate=_code),
        validate=ma.validate.Length(max=MAX_FEATURES),
        metadata={"description": "flags, whole numbers and words by name"},
        **kwargs,
    )


def _term(**kwargs: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        strict=True,
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(1, MAX_TERM_MONTHS),
        metadata={"description": "calendar months; null: without end"},
        **kwargs,
    )


class TemplateIn(ma.Schema):
    """What a license template is from now on. `term_months` null: without end, or as long as its subscription."""

    code = ma.fields.String(required=True, validate=_code)
    name = ma.fields.String(required=True, validate=ma.validate.Length(1, 200))
    products = _products(required=True)
    features = _features(load_default=dict)
    seats = ma.fields.Integer(strict=True, load_default=1, validate=ma.validate.Range(1, MAX_SEATS))
    term_months = _term()
    is_active = ma.fields.Boolean(load_default=True)


class TemplateOut(TemplateIn):
    """A license template."""

    id = ma.fields.UUID()
    created_at = Time()
    updated_at = Time()


class LicenseIn(ma.Schema):
    """A license to be issued, from a template (by id or code) or for products; what is given comes before the template."""

    customer_id = ma.fields.UUID(required=True)
    license_template_id = ma.fields.String(validate=_code, metadata={"description": "the template's id or code"})
    products = _products()
    features = _features()
    seats = ma.fields.Integer(strict=True, validate=ma.validate.Range(1, MAX_SEATS))
    term_months = _term()
    expires_at = Time(load_default=None, allow_none=True)
    subscription_id = ma.fields.UUID(load_default=None, allow_none=True)
    partner_id = ma.fields.UUID(load_default=None, allow_none=True)


class LicenseFilter(PageQuery):
    """Which licenses."""

    customer_id = ma.fields.UUID()
    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in Status]))
    q = ma.fields.String(validate=ma.validate.Length(1, MAX_KEY_LENGTH), metadata={"description": "part of the key"})


class LicenseOut(ma.Schema):
    """A license."""

    id = ma.fields.UUID()
    license_key = ma.fields.String()
    customer_id = ma.fields.UUID()
    subscription_id = ma.fields.UUID(allow_none=True)
    partner_id = ma.fields.UUID(allow_none=True)
    license_template_id = ma.fields.UUID(attribute="template_id", allow_none=True)
    products = ma.fields.List(ma.fields.String())
    features = ma.fields.Dict(keys=ma.fields.String())
    seats = ma.fields.Integer()
    status = ma.fields.String()
    issued_at = Time()
    expires_at = Time(allow_none=True)
    revoked_at = Time(allow_none=True)
    revoke_reason = ma.fields.String(allow_none=True)
    created_at = Time()


class LicenseDetail(LicenseOut):
    """A license with its signed token, which a product checks offline."""

    token = ma.fields.String()


class Reason(ma.Schema):
    """Why something is done; kept in the audit log."""

    reason = ma.fields.String(required=True, validate=_reason)


class KeyShown(ma.Schema):
    """A license key as somebody typed it."""

    license_key = ma.fields.String(required=True, validate=ma.validate.Length(1, MAX_KEY_LENGTH))


class VerdictOut(ma.Schema):
    """What is said of a key, and what its license gives where there is one."""

    is_valid = ma.fields.Boolean()
    finding = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Finding]))
    license = ma.fields.Nested(
        LicenseOut(only=("id", "customer_id", "products", "features", "seats", "status", "expires_at")),
        attribute="license_",
        allow_none=True,
    )


class IssuerQuery(ma.Schema):
    """Whose keys."""

    issuer = ma.fields.UUID(metadata={"description": "the `iss` of the token; default: this installation's operator"})


class PublicKey(ma.Schema):
    """An Ed25519 key as JWK (RFC 8037)."""

    kty = ma.fields.String()
    crv = ma.fields.String()
    x = ma.fields.String()
    kid = ma.fields.String()
    use = ma.fields.String()
    alg = ma.fields.String()


class PublicKeys(ma.Schema):
    """Every key that ever signed, the newest first, as a JWK set (RFC 7517)."""

    keys = ma.fields.List(ma.fields.Nested(PublicKey))
