"""The cycles that are sold, and periods that begin at the moment itself.

A subscription that comes with an activated service begins when the service does and keeps that time of day in UTC,
which has no changes of the clocks. Periods by an owner's calendar are in `periods`.
"""

from __future__ import annotations

from datetime import datetime

from app.domains.billing.rules.days import months_after

MONTHS_OF_CYCLE = {"monthly": 1, "annual": 12}
"""Months of a billing cycle; a cycle that is not here happens once and has no period."""


def period_end(start: datetime, *, months: int, anchor_day: int) -> datetime:
    """The same time of day `months` calendar months after `start`, on the anchor day.

    `anchor_day`: 1 to 31, the day of the month on which the first period began.
    """
    return datetime.combine(months_after(start.date(), months, anchor_day=anchor_day), start.timetz())


def first_period(start: datetime, *, billing_cycle: str) -> tuple[datetime, datetime | None]:
    """Start and end of a first period; no end where the cycle does not repeat."""
    months = MONTHS_OF_CYCLE.get(billing_cycle)
    return start, None if months is None else period_end(start, months=months, anchor_day=start.day)
