"""The calendar once more, as somebody with one on the wall and a clock beside it reads it, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DAY = timedelta(days=1)
QUARTER_OF_AN_HOUR = timedelta(minutes=15)
BEFORE_ANYWHERE = timedelta(hours=16)
"""Sooner than a day begins in any zone (14 hours before it does in UTC)."""


def months_later(day, months, anchor_day):
    """Turn so many pages of the calendar, then go down the page to the anchor day or to its end."""
    while months:
        months -= (day + DAY).month != day.month
        day += DAY
    while day.day < anchor_day and (day + DAY).month == day.month:
        day += DAY
    return day


def begins(day, zone):
    """Watch a clock in the zone until its date is that day or, if that never comes, a later one."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - BEFORE_ANYWHERE
    while True:
        shown = moment.astimezone(zone)
        if (shown.year, shown.month, shown.day) >= (day.year, day.month, day.day):
            return moment
        moment += QUARTER_OF_AN_HOUR
