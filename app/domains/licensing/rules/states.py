"""How the state of a license changes, and whether it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """States of a license."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


LIVE = (Status.ACTIVE, Status.SUSPENDED)
"""States of a license that has not ended: nothing else is issued for what it was issued for."""

SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.ACTIVE: frozenset({Status.SUSPENDED}),
    Status.SUSPENDED: frozenset({Status.ACTIVE}),
    Status.EXPIRED: frozenset(LIVE),
    Status.REVOKED: frozenset({*LIVE, Status.EXPIRED}),
}
"""From which states each state may be reached."""


class Finding(StrEnum):
    """What can be said of a key that somebody shows."""

    VALID = "valid"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    EXPIRED = "expired"


def finding(status: str, *, expires_at: datetime | None, at: datetime) -> Finding:
    """What is said of a license at that time. It ends at `expires_at`, whether or not anybody has noted it yet."""
    if status in LIVE and expires_at is not None and expires_at <= at:
        return Finding.EXPIRED
    return Finding.VALID if status == Status.ACTIVE else Finding(status)
