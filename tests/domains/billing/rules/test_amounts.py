"""Exact amounts, rounded once."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import exponent, rounded
from app.domains.billing.rules.amounts import half_up, minor_units, of_minor_units, percent_of, total
from tests.domains.billing.rules.strategies import amounts, currencies


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (Fraction(1, 8), "USD", "0.13"),
        (Fraction(-1, 8), "USD", "-0.13"),
        (Fraction(1, 3), "USD", "0.33"),
        (Fraction(2, 3), "JPY", "1"),
        (Fraction(1, 2), "JPY", "1"),
        (Fraction(1, 2000), "KWD", "0.001"),
        (Decimal("2.5"), "KRW", "3"),
        (Decimal(7), "TND", "7.000"),
    ],
)
def test_half_is_rounded_up_by_hand(amount, currency, expected):
    assert str(half_up(amount, currency)) == expected


def test_what_is_a_hair_below_a_half_is_rounded_down():
    a_hair_below = Fraction(1, 200) - Fraction(1, 10**40)
    assert half_up(a_hair_below, "USD") == 0
    # which a quotient in Decimals has lost
    assert rounded(Decimal(a_hair_below.numerator) / Decimal(a_hair_below.denominator), "USD") == Decimal("0.01")


@given(st.decimals(-(10**12), 10**12, places=9), currencies)
def test_it_is_the_rounding_of_all_money(amount, currency):
    assert half_up(amount, currency) == rounded(amount, currency)
    assert half_up(Fraction(amount), currency).as_tuple().exponent == -exponent(currency)


@given(st.data(), currencies)
def test_amounts_are_whole_numbers_of_minor_units(data, currency):
    amount = data.draw(amounts(currency))
    assert of_minor_units(minor_units(amount, currency), currency) == amount


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "USD"), ("0.5", "JPY"), ("1.2345", "KWD")])
def test_what_is_finer_than_the_minor_unit_is_none(amount, currency):
    with pytest.raises(ValueError, match=f"{amount} is finer than the minor unit of {currency}"):
        minor_units(Decimal(amount), currency)


def test_percent_and_total_by_hand():
    assert percent_of(Decimal("9.99"), Decimal("12.5"), "EUR") == Decimal("1.25")
    assert total([]) == 0
    assert total([Decimal("0.10"), Decimal("0.20")]) == Decimal("0.30")
