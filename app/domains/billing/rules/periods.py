"""Billing periods: they begin at local midnight, keep their anchor day, and leave no moment out.

Every period is counted from the first, never from the one before it: so the hundredth renewal is where one jump of a
hundred periods leads, whatever short months and changes of the clocks lie between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.domains.billing.rules.days import ANCHOR_DAYS, day_begun, local_day, midnight, months_after, on_anchor

MONTHS_OF_YEAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stretch of time that is billed at once: from `start` until just before `end`, both UTC.

    `number` counts from 0; `first_day` and `end_day` are local days, and `end_day` is the first after it.
    """

    number: int
    first_day: date
    end_day: date
    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Days by the calendar: one of 23 or 25 hours is one."""
        return (self.end_day - self.first_day).days

    @property
    def length(self) -> timedelta:
        """The time that really passes."""
        return self.end - self.start

    def holds(self, moment: datetime) -> bool:
        """Whether a moment belongs to it: its start does, its end is the next period's."""
        return self.start <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a subscription's periods follow each other. Raises ValueError for one that cannot be kept.

    `first_day`: the local day on which period 0 begins; `months`: of one period, 1 by the month, 12 by the year;
    `anchor_day`: the day of the month on which periods begin where the month has it; `zone`: the owner's.
    """

    first_day: date
    months: int
    anchor_day: int
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.months < 1:
            raise ValueError(f"A period has at least one month, not {self.months}.")
        if self.anchor_day not in ANCHOR_DAYS:
            raise ValueError(f"An anchor day is one of 1 to 31, not {self.anchor_day}.")
        if self.first_day != on_anchor(self.first_day, self.anchor_day):
            raise ValueError(f"{self.first_day} is not on the anchor day {self.anchor_day}.")


def begun_on(first_day: date, *, months: int, zone: ZoneInfo) -> Rhythm:
    """The rhythm of a new subscription: its anchor is the day of the month on which it begins."""
    return Rhythm(first_day=first_day, months=months, anchor_day=first_day.day, zone=zone)


def resumed(start: datetime, *, months: int, anchor_day: int, zone: ZoneInfo) -> Rhythm:
    """The rhythm of a subscription that is kept as the start of one of its periods and its anchor day.

    That period gets the number 0. Raises ValueError where `start` lies on a day that the anchor does not name.
    """
    first_day = day_begun(start, anchor_day=anchor_day, zone=zone)
    return Rhythm(first_day=first_day, months=months, anchor_day=anchor_day, zone=zone)


def period(rhythm: Rhythm, number: int) -> Period:
    """The period of that number; those before the first have negative ones."""
    first_day, end_day = (
        months_after(rhythm.first_day, each * rhythm.months, anchor_day=rhythm.anchor_day)
        for each in (number, number + 1)
    )
    return Period(
        number=number,
        first_day=first_day,
        end_day=end_day,
        start=midnight(first_day, rhythm.zone),
        end=midnight(end_day, rhythm.zone),
    )


def following(rhythm: Rhythm, this: Period) -> Period:
    """The period that begins when this one ends."""
    return period(rhythm, this.number + 1)


def preceding(rhythm: Rhythm, this: Period) -> Period:
    """The period that ends when this one begins."""
    return period(rhythm, this.number - 1)


def period_at(rhythm: Rhythm, moment: datetime) -> Period:
    """The period that holds a moment.

    The months between give its number to within one; the moments themselves decide, since the same local hour may come
    twice around a midnight.
    """
    day = local_day(moment, rhythm.zone)
    months = (day.year - rhythm.first_day.year) * MONTHS_OF_YEAR + day.month - rhythm.first_day.month
    found = period(rhythm, months // rhythm.months)
    while moment < found.start:
        found = preceding(rhythm, found)
    while moment >= found.end:
        found = following(rhythm, found)
    return found


def extended(end: datetime, *, term_months: int, anchor_day: int, zone: ZoneInfo) -> datetime:
    """Where a period that ended at `end` ends after a renewal for `term_months` more: at midnight of the anchor day.

    Renewals of any terms in any order lead to the same end as one renewal for all their months together.
    """
    day = day_begun(end, anchor_day=anchor_day, zone=zone)
    return midnight(months_after(day, term_months, anchor_day=anchor_day), zone)
