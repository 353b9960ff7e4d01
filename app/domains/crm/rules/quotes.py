"""How a quote moves on, how long it is valid, and when two of them say the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.errors import Fault
from app.domains.crm.rules.pricing import OfferedLine

NUMBER_PREFIX = "QUO"

VALID_DAYS = 30
MAX_VALID_DAYS = 365
MAX_TERM_MONTHS = 120
MAX_PERCENT = 100


class Kind(StrEnum):
    """What a quote offers: something new, or a subscription's next period."""

    NEW = "new"
    RENEWAL = "renewal"


class Status(StrEnum):
    """States of a quote. `open`: it may be accepted as long as it is valid; whether it was sent, `sent_at` says."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


LIVE = (Status.OPEN, Status.ACCEPTED)
"""States of a quote that still means something."""

SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.ACCEPTED}),
    Status.ACCEPTED: frozenset({Status.OPEN}),
    Status.REJECTED: frozenset({Status.OPEN}),
    Status.EXPIRED: frozenset({Status.OPEN}),
    Status.WITHDRAWN: frozenset({Status.OPEN, Status.ACCEPTED, Status.REJECTED, Status.EXPIRED}),
}
"""From which states each may be reached; the way back to open, and withdrawal of what is not open, are for what was undone."""

EVENTS: Mapping[Status, str] = {
    Status.ACCEPTED: "quote.accepted",
    Status.REJECTED: "quote.rejected",
    Status.EXPIRED: "quote.expired",
}


def is_legal(before: str, after: Status) -> bool:
    """Whether a quote goes from one state to the other."""
    return before in SOURCES[after]


def is_over(valid_until: datetime, *, at: datetime) -> bool:
    """Whether a quote's time has passed: its last moment is no longer its."""
    return valid_until <= at


def validity_faults(valid_days: int) -> list[Fault]:
    """What is wrong with the days for which a quote is to be valid."""
    if 1 <= valid_days <= MAX_VALID_DAYS:
        return []
    return [Fault("/valid_days", f"A quote is valid for between 1 and {MAX_VALID_DAYS} days.")]


def end_faults(valid_until: datetime, *, at: datetime) -> list[Fault]:
    """What is wrong with another end of a quote's validity."""
    if at < valid_until <= at + timedelta(days=MAX_VALID_DAYS):
        return []
    return [Fault("/valid_until", f"A quote is valid until a time to come, at most {MAX_VALID_DAYS} days ahead.")]


def percent_faults(percent: Decimal, *, pointer: str) -> list[Fault]:
    """What is wrong with a discount in percent."""
    if percent.is_finite() and 0 <= percent <= MAX_PERCENT and percent == percent.quantize(Decimal("0.001")):
        return []
    return [Fault(pointer, f"A discount lies between 0 and {MAX_PERCENT} percent, with at most three decimals.")]


def content_hash(
    lines: Sequence[OfferedLine],
    *,
    currency: str,
    billing_cycle: str,
    place: Mapping[str, str | None],
) -> str:
    """The same for quotes that offer the same at the same price for the same place; the order of lines says nothing."""
    content = {
        "lines": sorted(
            [
                line.product_code,
                line.quantity,
                _text(line.unit_price),
                _text(line.discount_amount),
                _text(line.tax_amount),
                json.dumps(line.configuration, sort_keys=True),
            ]
            for line in lines
        ),
        "currency": currency,
        "billing_cycle": billing_cycle,
        "place": dict(place),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _text(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
