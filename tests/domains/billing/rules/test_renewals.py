"""Renewals: all reasons at once, the window to the second, and the price."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules.amounts import minor_units
from app.domains.billing.rules.renewals import Obstacle, Renewable, eligibility, renewal_price, window
from app.domains.billing.rules.subscription_states import Status
from tests.domains.billing.rules.strategies import amounts, currencies, percents

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
NOTICE, GRACE = timedelta(days=30), timedelta(days=14)
SECOND = timedelta(seconds=1)
YEAR = Renewable(status=Status.ACTIVE, current_period_start=START, current_period_end=END)
IN_WINDOW = END - timedelta(days=10)


def look(subscription, now=IN_WINDOW):
    found = eligibility(subscription, now=now, notice=NOTICE, grace=GRACE)
    return [reason.obstacle for reason in found.reasons]


def test_in_its_window_a_subscription_is_eligible():
    found = eligibility(YEAR, now=IN_WINDOW, notice=NOTICE, grace=GRACE)
    assert found.is_eligible
    assert (found.reasons, found.days_until_expiry) == ((), 10)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (END - NOTICE - SECOND, [Obstacle.TOO_EARLY]),
        (END - NOTICE, []),
        (END - SECOND, []),
        (END, [Obstacle.ENDED]),
        (END + NOTICE, [Obstacle.ENDED]),
    ],
)
def test_the_window_of_a_year_is_the_notice(now, expected):
    assert look(YEAR, now) == expected


@pytest.mark.parametrize(("days_left", "expected"), [(8, [Obstacle.TOO_EARLY]), (7, []), (1, [])])
def test_the_window_of_a_month_is_a_quarter_of_it(days_left, expected):
    month = replace(YEAR, current_period_start=END - timedelta(days=28))
    assert look(month, END - timedelta(days=days_left)) == expected


def test_the_window_is_the_lesser_of_both():
    assert window(START, END, notice=NOTICE) == NOTICE
    assert window(END - timedelta(days=30), END, notice=NOTICE) == timedelta(days=7, hours=12)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.PENDING, [Obstacle.NOT_ACTIVE]),
        (Status.TRIALING, [Obstacle.NOT_ACTIVE]),
        (Status.ACTIVE, []),
        (Status.EXPIRING, []),
        (Status.PAST_DUE, []),
        (Status.SUSPENDED, [Obstacle.NOT_ACTIVE]),
        (Status.EXPIRED, [Obstacle.NOT_ACTIVE]),
        (Status.CANCELLED, [Obstacle.NOT_ACTIVE]),
    ],
)
def test_which_states_may_be_renewed(status, expected):
    assert look(replace(YEAR, status=status)) == expected


@pytest.mark.parametrize(
    ("overdue", "expected"), [(GRACE, []), (GRACE + SECOND, [Obstacle.OVERDUE_INVOICE]), (-GRACE, [])]
)
def test_an_overdue_invoice_stands_in_the_way_after_its_grace(overdue, expected):
    assert look(replace(YEAR, unpaid_since=IN_WINDOW - overdue)) == expected


def test_without_an_end_there_is_nothing_to_renew():
    found = eligibility(replace(YEAR, current_period_end=None), now=IN_WINDOW, notice=NOTICE, grace=GRACE)
    assert [reason.obstacle for reason in found.reasons] == [Obstacle.NO_TERM]
    assert found.days_until_expiry is None


@pytest.mark.parametrize(
    ("left", "days"), [(timedelta(days=1), 1), (timedelta(hours=23), 0), (timedelta(0), 0), (-timedelta(days=3), 0)]
)
def test_days_until_expiry_are_whole_and_not_below_zero(left, days):
    assert eligibility(YEAR, now=END - left, notice=NOTICE, grace=GRACE).days_until_expiry == days


EACH = {
    Obstacle.NOT_ACTIVE: {"status": Status.SUSPENDED},
    Obstacle.SET_TO_END: {"is_set_to_end": True},
    Obstacle.PLAN_NOT_SOLD: {"is_plan_available": False},
    Obstacle.OVERDUE_INVOICE: {"unpaid_since": START},
    Obstacle.TOO_EARLY: {"current_period_end": END + timedelta(days=365)},
}


@pytest.mark.parametrize("present", list(product([False, True], repeat=len(EACH))))
def test_every_reason_is_named_whichever_there_are(present):
    expected = [obstacle for obstacle, is_there in zip(EACH, present, strict=True) if is_there]
    fields = {name: value for obstacle in expected for name, value in EACH[obstacle].items()}
    found = eligibility(replace(YEAR, **fields), now=IN_WINDOW, notice=NOTICE, grace=GRACE)
    assert {reason.obstacle for reason in found.reasons} == set(expected)
    assert found.is_eligible == (not expected)
    assert all(reason.message.endswith(".") for reason in found.reasons)


@pytest.mark.parametrize(
    ("amount", "months", "term", "percent", "currency", "expected"),
    [
        ("10.00", 1, None, "0", "USD", "10.00 0.00 10.00"),
        ("10.00", 1, 12, "10", "USD", "120.00 12.00 108.00"),
        ("100.00", 12, 1, "0", "USD", "8.33 0.00 8.33"),
        ("100.00", 12, 6, "12.5", "USD", "50.00 6.25 43.75"),
        ("9.99", 1, None, "15", "EUR", "9.99 1.50 8.49"),
        ("1000", 12, 1, "50", "JPY", "83 42 41"),
        ("1.000", 3, 1, "0", "KWD", "0.333 0.000 0.333"),
        ("10.00", 1, None, "100", "USD", "10.00 10.00 0.00"),
    ],
)
def test_prices_by_hand(amount, months, term, percent, currency, expected):
    price = renewal_price(
        Decimal(amount), months=months, term_months=term, currency=currency, discount_percent=Decimal(percent)
    )
    assert " ".join(map(str, (price.list_price, price.discount_amount, price.amount))) == expected


@given(st.data(), currencies, st.integers(1, 36), st.integers(1, 36), percents)
def test_a_discount_makes_it_cheaper_and_never_less_than_nothing(data, currency, months, term, percent):
    amount = data.draw(amounts(currency, least=0))
    price = renewal_price(amount, months=months, term_months=term, currency=currency, discount_percent=percent)
    assert 0 <= price.amount <= price.list_price
    assert price.amount + price.discount_amount == price.list_price
    assert 2 * abs(minor_units(price.list_price, currency) * months - minor_units(amount, currency) * term) <= months
