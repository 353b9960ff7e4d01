"""When a deployment is to begin: what somebody asked for, and what the maintenance windows make of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domains.deployments.rules.windows import Window, is_open, midnight, moment_on, next_minute, next_moment

FARTHEST = timedelta(days=2 * 366)
"""Nobody plans a deployment farther ahead than that; who seems to has mistyped a year."""
DAY = timedelta(days=1)

_DAY_ALONE = re.compile(r"\d{4}-\d{2}-\d{2}")


class NoTime(ValueError):
    """Nothing can begin then; the sentence says why, and when it could."""


def read_time(said: str, *, zone: ZoneInfo) -> date:
    """What somebody wrote as ISO 8601: a day, or a moment (a datetime, UTC).

    A moment without an offset is one of `zone`. Raises NoTime for anything else.
    """
    text = said.strip()
    try:
        if _DAY_ALONE.fullmatch(text):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NoTime(f"“{said}” is neither a day (2026-03-14) nor a time (2026-03-14T09:30:00+01:00).") from None


def planned(wanted: date | None, windows: Sequence[Window], *, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which a deployment begins: at the time wanted, on the day wanted, or as soon as it may.

    Without windows a day begins at midnight in `zone`. Raises NoTime when that is over, too far ahead, or in no window.
    """
    earliest = next_minute(now)
    if wanted is None:
        return next_moment(windows, earliest)
    _refuse_far(wanted, now)
    if isinstance(wanted, datetime):
        if wanted <= now:
            raise NoTime(f"{_shown(wanted)} is not in the future.")
        if not is_open(windows, wanted):
            opens = next_moment(windows, wanted)
            raise NoTime(f"{_shown(wanted)} lies in no maintenance window. The next one opens at {_shown(opens)}.")
        return wanted
    found = moment_on(windows, wanted, after=earliest, zone=zone)
    if found is None:
        opens = next_moment(windows, max(midnight(wanted, zone), earliest))
        raise NoTime(f"Nothing can begin on {wanted.isoformat()}: the next time is {_shown(opens)}.")
    return found


def is_meant(wanted: date | None, moment: datetime, *, zone: ZoneInfo) -> bool:
    """Whether a planned moment is what was wanted: that moment, one on that day, or any."""
    if wanted is None or isinstance(wanted, datetime):
        return wanted in {None, moment}
    return moment.astimezone(zone).date() == wanted


def _refuse_far(wanted: date, now: datetime) -> None:
    day = wanted.date() if isinstance(wanted, datetime) else wanted
    if day > (now + FARTHEST).date():
        raise NoTime(f"{day.isoformat()} is too far ahead: a deployment is planned for at most two years.")
    if day < (now - DAY - DAY).date():
        raise NoTime(f"{day.isoformat()} is not in the future.")


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
