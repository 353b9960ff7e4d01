"""Maintenance windows: the times of the week in which deployments may begin.

A window opens at a local time of its zone on some days of the week, and closes so many minutes of real time later. Moments
are UTC; a window's closing is no part of it. Where clocks are set forward over an opening it is the moment of the same
distance to midnight as before the change, where they are set back over it the first of the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SHORTEST_MINUTES = 15
"""So that what is due in a window is also looked at in it."""
LONGEST_MINUTES = 7 * 24 * 60

DAY = timedelta(days=1)
_BACK = 8
"""Days before a moment on which a window may have opened that is still open."""
_AHEAD = 9
"""Days after it by which every window opens again, also where a zone leaves a day out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rule of the week. `region` None: for every region that has no window of its own."""

    weekdays: frozenset[str]
    starts_at: time
    duration: timedelta
    zone: ZoneInfo
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """One time at which a window is open."""

    opens: datetime
    closes: datetime


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that name. Raises ValueError with a sentence."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"There is no time zone “{name}”: its name is like Europe/Berlin.") from None


def applicable(windows: Sequence[Window], *, region: str | None) -> list[Window]:
    """The windows that hold for a region: its own, else those without a region."""
    own = [window for window in windows if region is not None and window.region == region]
    return own or [window for window in windows if window.region is None]


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins in a zone."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def next_minute(now: datetime) -> datetime:
    """The next whole minute after a moment."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def is_open(windows: Sequence[Window], moment: datetime) -> bool:
    """Whether a moment lies in one of the windows; in any case where there are none."""
    return not windows or any(each.opens <= moment < each.closes for each in _around(windows, moment))


def next_moment(windows: Sequence[Window], after: datetime) -> datetime:
    """The first moment from `after` on that lies in one of the windows; `after` itself where there are none."""
    return min((max(each.opens, after) for each in _around(windows, after) if after < each.closes), default=after)


def moment_on(windows: Sequence[Window], day: date, *, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment of a day, from `after` on, that lies in one of the windows; None when there is none.

    The day is that of each window's zone; `zone` says where there are no windows.
    """
    if not windows:
        return _first(Opening(midnight(day, zone), midnight(day + DAY, zone)), day, after=after, zone=zone)
    found = (
        _first(each, day, after=after, zone=window.zone)
        for window in windows
        for each in _around([window], midnight(day, window.zone))
    )
    return min((moment for moment in found if moment is not None), default=None)


def _first(opening: Opening, day: date, *, after: datetime, zone: ZoneInfo) -> datetime | None:
    moment = max(opening.opens, midnight(day, zone), after)
    return moment if moment < min(opening.closes, midnight(day + DAY, zone)) else None


def _around(windows: Sequence[Window], moment: datetime) -> Iterator[Opening]:
    """All openings of the windows that may hold a moment, and at least the next one after it."""
    for window in windows:
        today = moment.astimezone(window.zone).date()
        for day in (today + number * DAY for number in range(-_BACK, _AHEAD)):
            if WEEKDAYS[day.weekday()] in window.weekdays:
                opens = datetime.combine(day, window.starts_at, window.zone).astimezone(UTC)
                yield Opening(opens, opens + window.duration)
