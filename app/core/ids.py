"""Identifiers: UUIDv7 for rows, Crockford base 32 for numbers that people read out."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

OPERATOR_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The tenant that runs the installation; its row is made by the first migrations."""


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): unique, and sorted by time of making."""
    return uuid7()


def as_uuid(text: UUID | str) -> UUID | None:
    """The UUID that a text is; None where it is something else, a code, say."""
    if isinstance(text, UUID):
        return text
    try:
        return UUID(text)
    except ValueError:
        return None


def dated_number(prefix: str, at: datetime) -> str:
    """`PREFIX-YYYYMMDD-XXXXXXXX`: the UTC date and 8 random characters of Crockford base 32 (40 bits)."""
    return f"{prefix}-{at:%Y%m%d}-{''.join(secrets.choice(CROCKFORD) for _ in range(8))}"
