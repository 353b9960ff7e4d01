"""Exact fractions of money, rounded once.

A quotient as a Decimal has already been rounded to the context's digits, and a second rounding to the minor unit may
then go the other way. What divides money does so in fractions, and ends here.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from app.core.money import exponent

ZERO = Decimal(0)
HUNDRED = 100


def half_up(amount: Fraction | Decimal, currency: str) -> Decimal:
    """An exact amount rounded half-up (away from zero) to the minor unit, as `app.core.money.rounded` does."""
    scaled = abs(Fraction(amount)) * _units_in_one(currency)
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return of_minor_units(units if amount >= 0 else -units, currency)


def minor_units(amount: Decimal, currency: str) -> int:
    """An amount as a whole number of its currency's smallest unit. Raises ValueError for one that is finer."""
    units = Fraction(amount) * _units_in_one(currency)
    if units.denominator != 1:
        raise ValueError(f"{amount} is finer than the minor unit of {currency}.")
    return units.numerator


def of_minor_units(units: int, currency: str) -> Decimal:
    """The amount that so many of the currency's smallest units are, with all its decimals."""
    return Decimal(f"{units}E-{exponent(currency)}")


def percent_of(amount: Decimal, percent: Decimal, currency: str) -> Decimal:
    """So many percent of an amount, rounded."""
    return half_up(Fraction(amount) * Fraction(percent) / HUNDRED, currency)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of amounts of one currency; zero of none."""
    return sum(amounts, ZERO)


def _units_in_one(currency: str) -> int:
    units: int = 10 ** exponent(currency)
    return units
