"""What contracts come to, worked out by itself: plain calendar months and whole numbers, and no code of the product."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from soak.contracts import COUNTRIES, CURRENCIES, Contract, Cycle, Trouble

NOTICE_DAYS = 30
GIVEN_UP_AFTER_DAYS = 7


@dataclass(slots=True)
class Expected:
    """What is to be found of one contract; amounts in the currency's smallest unit, with tax.

    `invoices`: by the first day of the period that each is for. `paid`: what the gateway has taken.
    """

    invoices: dict[date, int] = field(default_factory=dict)
    paid: list[int] = field(default_factory=list)
    notices: int = 0
    extensions: int = 0
    status: str = "active"


def expected(contract: Contract, *, until: date, grace_days: int) -> Expected:
    """What a contract comes to when `until` is the last day that is worked off."""
    if contract.cycle is Cycle.ANNUAL:
        return _of_a_year(contract, until, grace_days)
    return _of_months(contract, until, grace_days)


def revenue(found: dict[int, Expected], contracts: list[Contract]) -> Counter[str]:
    """What was taken in all, by currency."""
    taken: Counter[str] = Counter()
    for contract in contracts:
        taken[contract.currency] += sum(found[contract.number].paid)
    return taken


def _of_months(contract: Contract, until: date, grace_days: int) -> Expected:
    found = Expected()
    first = contract.first_day + timedelta(days=contract.trial_days)
    number = 0
    while (start := month_after(first, number)) <= until:
        end = month_after(first, number + 1)
        if contract.cancelled_on and contract.cancelled_on < start:
            found.status = "cancelled"
            return found
        service_day = max(start, contract.first_day + timedelta(days=contract.service_after))
        if service_day > until:
            break
        due = gross(contract, Fraction((end - service_day).days, (end - start).days))
        found.invoices[start] = due
        found.extensions += number > 0
        if contract.trouble and number == contract.trouble_from and not contract.trouble.is_passing:
            found.status = _given_up(start, end, until, grace_days)
            return found
        _pay(found, due)
        number += 1
    if contract.cancelled_on and contract.is_cancelled_at_once and contract.cancelled_on <= until:
        found.status = "cancelled"
    return found


def _given_up(start: date, end: date, until: date, grace_days: int) -> str:
    if end + timedelta(days=grace_days) <= until:
        return "expired"
    return "suspended" if start + timedelta(days=GIVEN_UP_AFTER_DAYS) <= until else "past_due"


def _of_a_year(contract: Contract, until: date, grace_days: int) -> Expected:
    del grace_days  # nothing is owed for a year that nobody renewed
    found = Expected()
    start, end = contract.first_day, month_after(contract.first_day, 12)
    if start > until:
        return found
    due = gross(contract, Fraction(1))
    found.invoices[start] = due
    _pay(found, due)
    notice = end - timedelta(days=NOTICE_DAYS)
    if notice > until:
        return found
    found.notices = 1
    found.status = "active" if contract.renews_itself else "expiring"
    if _is_renewed(contract, notice, until):
        _pay(found, due)
        found.extensions, found.status = 1, "active"
    elif end <= until:
        found.status = "expired"
    return found


def _is_renewed(contract: Contract, notice: date, until: date) -> bool:
    if contract.renews_itself:
        return notice + timedelta(days=NOTICE_DAYS) <= until
    if contract.renewed_after is None:
        return False
    if contract.trouble in {Trouble.SOFT, Trouble.HARD}:
        return False
    return notice + timedelta(days=contract.renewed_after) <= until


def _pay(found: Expected, due: int) -> None:
    if due:
        found.paid.append(due)


def gross(contract: Contract, part: Fraction) -> int:
    """A part of a period with tax, in the smallest unit: the price and the tax are each rounded half-up."""
    units = 10 ** CURRENCIES[contract.currency]
    net = half_up(Fraction(contract.price) * contract.quantity * units * part)
    return net + half_up(Fraction(COUNTRIES[contract.country]) * net / 100)


def half_up(amount: Fraction) -> int:
    """The nearest whole number; a half goes up."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def month_after(day: date, months: int) -> date:
    """The same day of the month so many months later; the month's last where it is shorter."""
    year, month = divmod(day.month - 1 + months, 12)
    year += day.year
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
