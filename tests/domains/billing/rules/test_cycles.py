"""Periods that begin at the moment itself."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules import first_period, period_end


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 13, 37, 5, 42, UTC)


@pytest.mark.parametrize(("year", "last"), [(2025, 28), (2028, 29), (2100, 28)])
def test_from_31_january_to_the_end_of_february_and_to_31_march_again(year, last):
    february = period_end(at(year, 1, 31), months=1, anchor_day=31)
    assert february == at(year, 2, last)
    assert period_end(february, months=1, anchor_day=31) == at(year, 3, 31)


def test_a_year_from_29_february_ends_on_28_and_four_years_later_on_29():
    start = at(2028, 2, 29)
    assert period_end(start, months=12, anchor_day=29) == at(2029, 2, 28)
    assert period_end(at(2031, 2, 28), months=12, anchor_day=29) == at(2032, 2, 29)


SECONDS = st.integers(0, 200 * 365 * 86_400)
moments = st.builds(lambda seconds: at(2000, 1, 1) + timedelta(seconds=seconds), SECONDS)


@given(moments, st.integers(1, 60), st.sampled_from([1, 12]))
def test_periods_stay_on_the_anchor_day_for_ever(start, periods, months):
    here = start
    for number in range(1, periods + 1):
        following = period_end(here, months=months, anchor_day=start.day)
        month = start.month - 1 + number * months
        year, month = start.year + month // 12, month % 12 + 1
        assert (following.year, following.month) == (year, month)
        assert following.day == min(start.day, calendar.monthrange(year, month)[1])
        assert following.time() == start.time()
        assert following > here
        here = following


@given(moments)
def test_one_time_has_no_end_and_cycles_have_their_months(start):
    assert first_period(start, billing_cycle="one_time") == (start, None)
    assert first_period(start, billing_cycle="annual")[1] == period_end(start, months=12, anchor_day=start.day)
    assert first_period(start, billing_cycle="monthly")[1] == period_end(start, months=1, anchor_day=start.day)
