"""What the tenants room's routes take and answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.domains.tenants.rules import MAX_EMAIL_LENGTH
from app.http.fields import Time

# far beyond any password: the rules say what is too long, in words
MAX_TEXT = 1024


def _text(**kwargs: Any) -> ma.fields.String:
    return ma.fields.String(validate=ma.validate.Length(1, MAX_TEXT), **kwargs)


def _email() -> ma.fields.String:
    return ma.fields.String(required=True, validate=ma.validate.Length(1, MAX_EMAIL_LENGTH))


class Credentials(ma.Schema):
    """Who signs in."""

    email = _email()
    password = _text(required=True, load_only=True)


class RefreshTokenIn(ma.Schema):
    """The token that goes with a session."""

    refresh_token = _text(required=True, load_only=True)


class PasswordChange(ma.Schema):
    """The present password and the one to come."""

    current_password = _text(required=True, load_only=True)
    new_password = _text(required=True, load_only=True)


class TokenPair(ma.Schema):
    """A session: an access token for so many seconds, and what to get the next one with."""

    access_token = ma.fields.String(required=True)
    refresh_token = ma.fields.String(required=True)
    token_type = ma.fields.String(required=True)
    expires_in = ma.fields.Integer(required=True, metadata={"description": "seconds"})


class Me(ma.Schema):
    """Who is signed in, and what they may do."""

    id = ma.fields.UUID(attribute="user_id")
    tenant_id = ma.fields.UUID(attribute="owner_id")
    email = ma.fields.String()
    name = ma.fields.String(allow_none=True)
    roles = ma.fields.List(ma.fields.String())
    permissions = ma.fields.Function(lambda identity: sorted(identity.permissions))


class UserIn(ma.Schema):
    """A new user of the caller's tenant."""

    email = _email()
    password = _text(required=True, load_only=True)
    name = _text(load_default=None, allow_none=True)
    roles = ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(1, 100)), required=True, validate=ma.validate.Length(0, 50)
    )


class UserOut(ma.Schema):
    """A user."""

    id = ma.fields.UUID()
    email = ma.fields.String()
    name = ma.fields.String(allow_none=True)
    is_active = ma.fields.Boolean()
    roles = ma.fields.Pluck("RoleOut", "name", many=True)
    last_login_at = Time(allow_none=True)
    created_at = Time()


class RoleOut(ma.Schema):
    """A role."""

    id = ma.fields.UUID()
    name = ma.fields.String()
    permissions = ma.fields.List(ma.fields.String())
    created_at = Time()


class TenantOut(ma.Schema):
    """A tenant."""

    id = ma.fields.UUID()
    name = ma.fields.String()
    slug = ma.fields.String()
    is_active = ma.fields.Boolean()
    domain = ma.fields.String(allow_none=True)
    branding = ma.fields.Dict()
    settings = ma.fields.Dict()
    created_at = Time()
    updated_at = Time()
