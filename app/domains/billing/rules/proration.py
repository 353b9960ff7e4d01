"""Parts of a period and what they cost.

By days where people read the bill (a day of 23 hours costs what one of 25 does), by seconds where a machine counts use.
Parts are exact fractions; only money is rounded, and where a whole is shared out, nothing is lost or made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from app.domains.billing.rules.amounts import half_up, minor_units, of_minor_units
from app.domains.billing.rules.days import local_day
from app.domains.billing.rules.periods import Period

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of plan within a period: `credit` for what is left of the old plan, `charge` for the new one."""

    credit: Decimal
    charge: Decimal

    @property
    def due(self) -> Decimal:
        """What the customer pays now; negative where the credit is the larger and goes to the next invoice."""
        return self.charge - self.credit


def part_by_days(period: Period, *, first_day: date, end_day: date) -> Fraction:
    """Which part of a period the days from `first_day` until before `end_day` are; days outside do not count."""
    days = (min(end_day, period.end_day) - max(first_day, period.first_day)).days
    return Fraction(max(days, 0), period.days)


def part_by_time(period: Period, *, start: datetime, end: datetime) -> Fraction:
    """Which part of a period the time from `start` until `end` is, to the microsecond; time outside does not count."""
    overlap = min(end, period.end) - max(start, period.start)
    return Fraction(max(overlap // _TICK, 0), period.length // _TICK)


def prorated(amount: Decimal, part: Fraction, currency: str) -> Decimal:
    """The price of a part of what costs `amount` as a whole, rounded half-up."""
    return half_up(Fraction(amount) * part, currency)


def shares(amount: Decimal, weights: Sequence[Fraction | Decimal | int], currency: str) -> tuple[Decimal, ...]:
    """An amount shared out by weights: the shares sum exactly to it, each within a minor unit of its exact part.

    By the largest remainder (Hamilton's method): everyone gets the whole units of their exact share, and the units that
    are left go one each to the largest remainders, the earlier first where two are equal. A negative amount is shared as
    its opposite, so that a credit undoes a charge share by share.

    Raises ValueError for an amount finer than the minor unit, a negative weight, or weights that sum to nothing.
    """
    exact = [Fraction(weight) for weight in weights]
    whole = sum(exact)
    if not whole or min(exact) < 0:
        raise ValueError("Weights are not negative, and one of them is positive.")
    units = minor_units(amount, currency)
    quotas = [abs(units) * weight / whole for weight in exact]
    given = [quota.numerator // quota.denominator for quota in quotas]
    by_remainder = sorted(range(len(quotas)), key=lambda place: given[place] - quotas[place])
    for place in by_remainder[: abs(units) - sum(given)]:
        given[place] += 1
    sign = -1 if units < 0 else 1
    return tuple(of_minor_units(sign * each, currency) for each in given)


def changed(*, old_amount: Decimal, new_amount: Decimal, remaining: Fraction, currency: str) -> Change:
    """What it costs to go from one plan to another with `remaining` of a period left, the old one being paid in advance.

    Both are the same function of amount and part: a change to the same price costs nothing, and changes back and forth at
    one moment leave nothing behind.
    """
    return Change(
        credit=prorated(old_amount, remaining, currency),
        charge=prorated(new_amount, remaining, currency),
    )


def part_left(start: datetime, end: datetime, *, at: datetime, zone: ZoneInfo | None) -> Fraction:
    """Which part of a period is left at a moment: all of it before its start, nothing after its end.

    By the days of `zone`, the one that the moment is on included; without a zone by the time that is left.
    """
    if zone is None:
        return Fraction(max(end - max(at, start), timedelta(0)) // _TICK, (end - start) // _TICK)
    first_day, end_day = local_day(start, zone), local_day(end, zone)
    return Fraction(max((end_day - max(local_day(at, zone), first_day)).days, 0), (end_day - first_day).days)
