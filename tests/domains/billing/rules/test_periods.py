"""Periods follow each other without gap, overlap or drift, in every zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import reduce
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domains.billing.rules import periods
from app.domains.billing.rules.days import day_begun, midnight, on_anchor
from app.domains.billing.rules.periods import Rhythm
from tests.domains.billing.rules import oracle
from tests.domains.billing.rules.strategies import anchor_days, days, moments, rhythms, zones

AZORES = ZoneInfo("Atlantic/Azores")
BERLIN = ZoneInfo("Europe/Berlin")
KIRITIMATI = ZoneInfo("Pacific/Kiritimati")
NUMBERS = st.integers(-40, 40)
INSTANT = timedelta(microseconds=1)


def test_months_from_31_january_in_berlin():
    rhythm = periods.begun_on(date(2026, 1, 31), months=1, zone=BERLIN)
    first, second, third = (periods.period(rhythm, number) for number in range(3))
    assert (first.first_day, first.end_day, first.days) == (date(2026, 1, 31), date(2026, 2, 28), 28)
    assert (second.first_day, second.end_day, second.days) == (date(2026, 2, 28), date(2026, 3, 31), 31)
    assert (third.first_day, third.end_day, third.days) == (date(2026, 3, 31), date(2026, 4, 30), 30)
    assert first.start == datetime(2026, 1, 30, 23, tzinfo=UTC)
    assert first.end == second.start == datetime(2026, 2, 27, 23, tzinfo=UTC)
    assert second.end == third.start == datetime(2026, 3, 30, 22, tzinfo=UTC)


def test_years_from_29_february():
    rhythm = periods.begun_on(date(2028, 2, 29), months=12, zone=BERLIN)
    assert [periods.period(rhythm, number).first_day for number in range(5)] == [
        date(2028, 2, 29),
        date(2029, 2, 28),
        date(2030, 2, 28),
        date(2031, 2, 28),
        date(2032, 2, 29),
    ]


@pytest.mark.parametrize(
    ("first_day", "days", "hours"),
    [(date(2026, 3, 1), 31, 743), (date(2026, 4, 1), 30, 720), (date(2026, 10, 1), 31, 745)],
)
def test_a_month_in_which_the_clocks_change_has_its_days_and_an_hour_less_or_more(first_day, days, hours):
    month = periods.period(periods.begun_on(first_day, months=1, zone=BERLIN), 0)
    assert (month.days, month.length) == (days, timedelta(hours=hours))


def test_a_midnight_that_does_not_come_moves_no_later_one():
    rhythm = periods.begun_on(date(2026, 1, 29), months=2, zone=AZORES)
    march = periods.period(rhythm, 1)
    assert march.start == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert march.end == datetime(2026, 5, 29, 0, tzinfo=UTC)
    assert periods.extended(march.start, term_months=2, anchor_day=29, zone=AZORES) == march.end


def test_a_last_of_december_that_does_not_come_is_no_first_of_january():
    new_year = midnight(date(1994, 12, 31), KIRITIMATI)
    assert new_year == midnight(date(1995, 1, 1), KIRITIMATI)
    extended = periods.extended(new_year, term_months=1, anchor_day=31, zone=KIRITIMATI)
    assert extended == midnight(date(1995, 1, 31), KIRITIMATI)


@given(rhythms(), st.integers(0, 40))
def test_any_number_of_renewals_is_one_jump(rhythm, renewals):
    here = reduce(lambda this, _: periods.following(rhythm, this), range(renewals), periods.period(rhythm, 0))
    assert here == periods.period(rhythm, renewals)
    first_day = oracle.months_later(rhythm.first_day, renewals * rhythm.months, rhythm.anchor_day)
    assert here.first_day == first_day
    assert here.start == oracle.begins(first_day, rhythm.zone)
    assert here.end == oracle.begins(
        oracle.months_later(rhythm.first_day, (renewals + 1) * rhythm.months, rhythm.anchor_day), rhythm.zone
    )


@given(days, anchor_days, zones, st.lists(st.integers(1, 36), max_size=30))
@example(date(1994, 10, 31), 31, KIRITIMATI, [1, 1, 1, 1])
@example(date(2026, 1, 31), 31, BERLIN, [1, 12, 1, 3])
def test_renewals_of_any_terms_end_where_one_of_all_their_months_does(day, anchor_day, zone, terms):
    first_day = on_anchor(day, anchor_day)
    start = midnight(first_day, zone)

    def renewed(end, term_months):
        return periods.extended(end, term_months=term_months, anchor_day=anchor_day, zone=zone)

    end = reduce(renewed, terms, start)
    assert end == renewed(start, sum(terms))
    expected = oracle.months_later(first_day, sum(terms), anchor_day)
    assert end == oracle.begins(expected, zone)
    assert day_begun(end, anchor_day=anchor_day, zone=zone) == expected


@given(rhythms(), NUMBERS)
def test_periods_tile_time(rhythm, number):
    here = periods.period(rhythm, number)
    later, earlier = periods.following(rhythm, here), periods.preceding(rhythm, here)
    assert earlier.end == here.start < here.end == later.start
    assert earlier.end_day == here.first_day < here.end_day == later.first_day
    assert periods.preceding(rhythm, later) == here == periods.following(rhythm, earlier)
    assert [each.holds(here.start) for each in (earlier, here, later)] == [False, True, False]
    assert [each.holds(here.end) for each in (earlier, here, later)] == [False, False, True]
    assert [each.holds(here.end - INSTANT) for each in (earlier, here, later)] == [False, True, False]


@given(rhythms(), NUMBERS)
def test_a_boundary_belongs_to_the_period_that_it_begins(rhythm, number):
    here = periods.period(rhythm, number)
    assert periods.period_at(rhythm, here.start) == here
    assert periods.period_at(rhythm, here.end - INSTANT) == here
    assert periods.period_at(rhythm, here.end).number == number + 1


@given(rhythms(), moments)
def test_every_moment_is_held_by_one_period(rhythm, moment):
    found = periods.period_at(rhythm, moment)
    around = [periods.period(rhythm, number) for number in range(found.number - 3, found.number + 4)]
    assert [each.number for each in around if each.holds(moment)] == [found.number]


@given(st.integers(-2, 60).map(lambda minutes: datetime(2009, 11, 1, 2, 30, tzinfo=UTC) + timedelta(minutes=minutes)))
def test_an_hour_that_comes_twice_around_midnight_is_in_one_period_throughout(moment):
    rhythm = periods.begun_on(date(2009, 11, 1), months=1, zone=ZoneInfo("America/St_Johns"))
    assert periods.period_at(rhythm, moment).number == (0 if moment >= datetime(2009, 11, 1, 2, 30, tzinfo=UTC) else -1)


@given(rhythms(), NUMBERS, NUMBERS)
def test_a_rhythm_is_taken_up_from_any_of_its_periods(rhythm, number, further):
    here = periods.period(rhythm, number)
    resumed = periods.resumed(here.start, months=rhythm.months, anchor_day=rhythm.anchor_day, zone=rhythm.zone)
    one, other = periods.period(resumed, further), periods.period(rhythm, number + further)
    assert (one.first_day, one.end_day, one.start, one.end) == (
        other.first_day,
        other.end_day,
        other.start,
        other.end,
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"months": 0}, "at least one month"),
        ({"anchor_day": 0}, "one of 1 to 31"),
        ({"anchor_day": 32}, "one of 1 to 31"),
        ({"anchor_day": 30}, "not on the anchor day"),
    ],
)
def test_what_cannot_be_kept_is_refused(fields, why):
    kept = {"first_day": date(2026, 1, 31), "months": 1, "anchor_day": 31, "zone": BERLIN}
    Rhythm(**kept)
    with pytest.raises(ValueError, match=why):
        Rhythm(**{**kept, **fields})
