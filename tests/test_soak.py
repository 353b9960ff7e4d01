"""The calculation beside which the books are held: checked by hand, since everything rests on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from soak.contracts import Contract, Cycle, Trouble, population
from soak.expected import expected, gross, half_up, month_after

MONTHLY = Contract(
    number=1,
    first_day=date(2028, 1, 31),
    cycle=Cycle.MONTHLY,
    plan="basic",
    quantity=1,
    currency="EUR",
    country="DE",
    price=Decimal("19.90"),
)
YEARLY = replace(MONTHLY, cycle=Cycle.ANNUAL, first_day=date(2028, 2, 29), price=Decimal("199.00"), renewed_after=5)


def of(contract: Contract, until: date, **changes: Any) -> Any:
    return expected(replace(contract, **changes), until=until, grace_days=14)


def test_a_month_ends_where_months_are_short_and_comes_back_where_they_are_not() -> None:
    days = [month_after(date(2028, 1, 31), number) for number in range(5)]
    assert days == [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2028, 5, 31)]
    assert month_after(date(2028, 2, 29), 12) == date(2029, 2, 28)


@pytest.mark.parametrize(("amount", "whole"), [("1/2", 1), ("3/2", 2), ("5/2", 3), ("1/3", 0), ("2/3", 1), ("0", 0)])
def test_a_half_goes_up(amount: str, whole: int) -> None:
    assert half_up(Fraction(amount)) == whole


@pytest.mark.parametrize(
    ("changes", "part", "sum_"),
    [
        ({}, "1", 2368),  # 19.90 and 3.78 of tax
        ({}, "10/31", 764),  # 6.42 and 1.22
        ({"currency": "JPY", "price": Decimal(799), "country": "FR"}, "1", 843),  # and 44
        (
            {"currency": "KWD", "price": Decimal("6.515"), "quantity": 3, "country": "CH"},
            "1",
            21128,
        ),  # 19.545 and 1.583
        ({"country": "US"}, "1", 1990),
    ],
)
def test_price_and_tax_are_each_rounded(changes: dict[str, Any], part: str, sum_: int) -> None:
    assert gross(replace(MONTHLY, **changes), Fraction(part)) == sum_


def test_every_month_that_begins_is_billed_and_paid() -> None:
    found = of(MONTHLY, date(2028, 4, 29))
    assert found.invoices == dict.fromkeys([date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)], 2368)
    assert (found.paid, found.extensions, found.notices, found.status) == ([2368] * 3, 2, 0, "active")


def test_who_begins_late_pays_what_is_left() -> None:
    found = of(MONTHLY, date(2028, 3, 1), first_day=date(2028, 1, 1), service_after=21)
    assert found.invoices == {
        date(2028, 1, 1): gross(MONTHLY, Fraction(10, 31)),
        **dict.fromkeys([date(2028, 2, 1), date(2028, 3, 1)], 2368),
    }


def test_a_trial_moves_the_first_month() -> None:
    found = of(MONTHLY, date(2028, 3, 1), trial_days=14)
    assert list(found.invoices) == [date(2028, 2, 14)]


@pytest.mark.parametrize("is_cancelled_at_once", [True, False])
def test_after_a_cancellation_nothing_is_billed(is_cancelled_at_once: bool) -> None:
    stopped = {"cancelled_on": date(2028, 3, 5), "is_cancelled_at_once": is_cancelled_at_once}
    assert list(of(MONTHLY, date(2029, 1, 1), **stopped).invoices) == [date(2028, 1, 31), date(2028, 2, 29)]
    assert of(MONTHLY, date(2029, 1, 1), **stopped).status == "cancelled"
    assert (of(MONTHLY, date(2028, 3, 10), **stopped).status == "cancelled") is is_cancelled_at_once


def test_what_is_not_paid_is_billed_once_and_ends() -> None:
    trouble = {"trouble": Trouble.SOFT, "trouble_from": 1}
    found = of(MONTHLY, date(2029, 1, 1), **trouble)
    assert (len(found.invoices), found.paid, found.status) == (2, [2368], "expired")
    assert of(MONTHLY, date(2028, 3, 10), **trouble).status == "suspended"


def test_a_card_that_is_replaced_in_time_changes_nothing() -> None:
    until = date(2028, 12, 24)
    assert of(MONTHLY, until, trouble=Trouble.HARD_FOR_A_WHILE, trouble_from=3) == of(MONTHLY, until)


def test_a_year_is_announced_once_and_renewed_when_that_was_wanted() -> None:
    renewed, left = of(YEARLY, date(2029, 3, 20)), of(YEARLY, date(2029, 3, 20), renewed_after=None)
    assert (len(renewed.invoices), len(renewed.paid), renewed.extensions, renewed.status) == (1, 2, 1, "active")
    assert (len(left.paid), left.notices, left.extensions, left.status) == (1, 1, 0, "expired")
    by_itself = of(YEARLY, date(2029, 3, 20), renewed_after=None, renews_itself=True)
    assert (len(by_itself.paid), by_itself.notices, by_itself.extensions, by_itself.status) == (2, 1, 1, "active")


def test_a_seed_gives_the_same_contracts() -> None:
    assert population(50, seed=7) == population(50, seed=7)
    assert population(50, seed=7) != population(50, seed=8)


def test_all_that_may_happen_happens_among_two_hundred() -> None:
    drawn = population(200, seed=1)
    assert {each.trouble for each in drawn} == {None, *Trouble}
    assert any(each.trial_days for each in drawn)
    assert any(each.service_after for each in drawn)
    assert {each.is_cancelled_at_once for each in drawn if each.cancelled_on} == {True, False}
    assert {each.renewed_after for each in drawn if each.cycle is Cycle.ANNUAL} == {None, 1, 5, 20}
    assert any(each.renews_itself for each in drawn)


def test_a_month_that_begins_on_the_day_of_a_cancellation_is_billed() -> None:
    found = of(MONTHLY, date(2029, 1, 1), first_day=date(2028, 1, 15), cancelled_on=date(2028, 3, 15))
    assert (list(found.invoices)[-1], found.status) == (date(2028, 3, 15), "cancelled")
