"""Fields and limits that the room's schemas share."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.domains.partners.rules.quota import MAX_LICENSES_AT_ONCE

code = ma.validate.Length(1, 63)
license_count = ma.validate.Range(1, MAX_LICENSES_AT_ONCE)

# far beyond any value: the rules say what is too long, in words
text = ma.validate.Length(max=2048)


def optional(description: str | None = None) -> ma.fields.String:
    """A text that may be left out or null."""
    metadata = {"description": description} if description else {}
    return ma.fields.String(allow_none=True, validate=text, metadata=metadata)


def currency(**kwargs: Any) -> ma.fields.String:
    """ISO 4217."""
    return ma.fields.String(validate=ma.validate.Length(equal=3), **kwargs)


def template(**kwargs: Any) -> ma.fields.String:
    """A license template, as people call it."""
    return ma.fields.String(validate=code, metadata={"description": "a license template's id or code"}, **kwargs)
