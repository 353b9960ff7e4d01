"""Months on an anchor day, and when a day begins."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domains.billing.rules.days import day_begun, local_day, midnight, months_after, on_anchor
from tests.domains.billing.rules import oracle
from tests.domains.billing.rules.strategies import anchor_days, days, zones


@pytest.mark.parametrize(
    ("day", "months", "anchor_day", "expected"),
    [
        (date(2026, 1, 31), 1, 31, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, 31, date(2028, 2, 29)),
        (date(2026, 2, 28), 1, 31, date(2026, 3, 31)),
        (date(2026, 3, 31), 1, 31, date(2026, 4, 30)),
        (date(2026, 1, 30), 1, 30, date(2026, 2, 28)),
        (date(2026, 2, 28), 1, 28, date(2026, 3, 28)),
        (date(2026, 12, 15), 1, 15, date(2027, 1, 15)),
        (date(2028, 2, 29), 12, 29, date(2029, 2, 28)),
        (date(2031, 2, 28), 12, 29, date(2032, 2, 29)),
        (date(2096, 2, 29), 48, 29, date(2100, 2, 28)),
        (date(2026, 3, 31), -1, 31, date(2026, 2, 28)),
        (date(2026, 1, 1), -1, 1, date(2025, 12, 1)),
        (date(2026, 5, 5), 0, 5, date(2026, 5, 5)),
    ],
)
def test_months_by_hand(day, months, anchor_day, expected):
    assert months_after(day, months, anchor_day=anchor_day) == expected


@given(days, st.integers(0, 60), anchor_days)
def test_months_as_one_leafs_through_a_calendar(day, months, anchor_day):
    here = on_anchor(day, anchor_day)
    assert months_after(here, months, anchor_day=anchor_day) == oracle.months_later(here, months, anchor_day)


@given(days, st.integers(-60, 60), st.integers(-60, 60), anchor_days)
def test_two_steps_are_one_step_of_both(day, first, second, anchor_day):
    step_by_step = months_after(months_after(day, first, anchor_day=anchor_day), second, anchor_day=anchor_day)
    assert step_by_step == months_after(day, first + second, anchor_day=anchor_day)


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("UTC", date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 3, 30), datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("America/New_York", date(2026, 11, 2), datetime(2026, 11, 2, 5, tzinfo=UTC)),
        ("Asia/Kathmandu", date(2026, 1, 1), datetime(2025, 12, 31, 18, 15, tzinfo=UTC)),
        # midnight does not come: the day begins at one o'clock, when the clocks are set forward
        ("Atlantic/Azores", date(2026, 3, 29), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("America/Havana", date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC)),
        # midnight comes twice: the first
        ("Atlantic/Azores", date(2026, 10, 25), datetime(2026, 10, 25, 0, tzinfo=UTC)),
        ("America/Havana", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("America/St_Johns", date(2010, 11, 7), datetime(2010, 11, 7, 2, 30, tzinfo=UTC)),
        # the day does not come: it begins with the next
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_when_a_day_begins_by_hand(zone, day, expected):
    begins = midnight(day, ZoneInfo(zone))
    assert begins == expected
    assert begins.tzinfo is UTC


@given(days, zones)
@example(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
@example(date(1994, 12, 31), ZoneInfo("Pacific/Kiritimati"))
@example(date(2026, 3, 29), ZoneInfo("Atlantic/Azores"))
@example(date(2010, 11, 7), ZoneInfo("America/St_Johns"))
def test_a_day_begins_when_a_clock_of_the_zone_first_shows_it(day, zone):
    assert midnight(day, zone) == oracle.begins(day, zone)


@given(days, anchor_days, zones)
@example(date(2011, 12, 30), 30, ZoneInfo("Pacific/Apia"))
@example(date(1994, 12, 31), 31, ZoneInfo("Pacific/Kiritimati"))
@example(date(1995, 1, 1), 1, ZoneInfo("Pacific/Kiritimati"))
def test_the_day_is_known_by_the_moment_at_which_it_begins(day, anchor_day, zone):
    here = on_anchor(day, anchor_day)
    assert day_begun(midnight(here, zone), anchor_day=anchor_day, zone=zone) == here


def test_the_local_day_is_the_zone_s():
    moment = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    assert local_day(moment, ZoneInfo("Europe/Berlin")) == date(2026, 4, 1)
    assert local_day(moment, ZoneInfo("America/New_York")) == date(2026, 3, 31)
