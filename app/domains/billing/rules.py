"""Pure decisions: calendar periods and invoice prefixes."""

from __future__ import annotations

import re
from datetime import datetime

from dateutil.relativedelta import relativedelta

MONTHS_OF_CYCLE = {"monthly": 1, "annual": 12}
"""Months of a billing cycle; a cycle that is not here happens once and has no period."""

PREFIX_LETTERS = 8


def period_end(start: datetime, *, months: int, anchor_day: int) -> datetime:
    """The same time of day `months` calendar months after `start`, on the anchor day.

    Where the month is shorter, its last day: from 31 January to 28 or 29 February, and from there to 31 March again.

    `anchor_day`: 1 to 31, the day of the month on which the first period began.
    """
    return start + relativedelta(months=months, day=anchor_day)


def first_period(start: datetime, *, billing_cycle: str) -> tuple[datetime, datetime | None]:
    """Start and end of a first period; no end where the cycle does not repeat."""
    months = MONTHS_OF_CYCLE.get(billing_cycle)
    return start, None if months is None else period_end(start, months=months, anchor_day=start.day)


def series_prefix(slug: str) -> str:
    """What a tenant's invoice numbers begin with: `INV-EXAMPLEI-` for example-isp."""
    return f"INV-{re.sub(r'[^A-Z0-9]', '', slug.upper())[:PREFIX_LETTERS]}-"
