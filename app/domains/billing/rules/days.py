"""Local days: calendar months on an anchor day, and the moment at which a day begins.

Customers count in days of their own calendar, the database in UTC. Months are therefore counted on dates, and a date
becomes a moment last: a calculation on moments would carry a change of the clocks from one period into all later ones.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

ANCHOR_DAYS = range(1, 32)
"""Days of the month on which a period may begin."""


def on_anchor(day: date, anchor_day: int) -> date:
    """The anchor day in the month of `day`; where the month is shorter, its last day."""
    return day + relativedelta(day=anchor_day)


def months_after(day: date, months: int, *, anchor_day: int) -> date:
    """The anchor day `months` calendar months after the month of `day` (before it where negative).

    31 January + 1 month is 28 or 29 February, and from there + 1 month is 31 March again: the anchor is kept apart from
    the day, which a short month has moved.
    """
    return day + relativedelta(months=months, day=anchor_day)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which a day begins in a zone.

    Where clocks are set back over midnight, it comes twice, and the first counts. Where they are set forward over it, it
    does not come, and the moment of the change counts. A day that a zone left out (30 December 2011 in Samoa) begins
    when the next one does.
    """
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The date that a calendar in the zone shows at a moment."""
    return moment.astimezone(zone).date()


def day_begun(boundary: datetime, *, anchor_day: int, zone: ZoneInfo) -> date:
    """The day that began at `boundary`: gives back what `midnight` was given for a day on the anchor.

    Where two days begin at one moment, because the zone left one out, it is the one that the anchor names: else a period
    that should begin on such a 31 December would count from January for ever after.
    """
    day = local_day(boundary, zone)
    left_out = day - timedelta(days=1)
    if day != on_anchor(day, anchor_day) and midnight(left_out, zone) == boundary:
        return left_out
    return day
