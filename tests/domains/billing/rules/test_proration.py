"""Parts of a period, shares of an amount, changes of plan."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import exponent
from app.domains.billing.rules import periods
from app.domains.billing.rules.amounts import minor_units, total
from app.domains.billing.rules.proration import changed, part_by_days, part_by_time, part_left, prorated, shares
from tests.domains.billing.rules.strategies import amounts, currencies, rhythms

MARCH = periods.period(periods.begun_on(date(2026, 3, 1), months=1, zone=ZoneInfo("Europe/Berlin")), 0)
weights = st.lists(st.integers(0, 1000) | st.fractions(0, 10, max_denominator=97), min_size=1, max_size=12).filter(any)
parts = st.fractions(0, 1, max_denominator=2_678_400)


@pytest.mark.parametrize(
    ("amount", "currency", "by", "expected"),
    [
        ("100.00", "USD", [1, 1, 1], ["33.34", "33.33", "33.33"]),
        ("0.02", "USD", [1, 1, 1], ["0.01", "0.01", "0.00"]),
        ("-100.00", "USD", [1, 1, 1], ["-33.34", "-33.33", "-33.33"]),
        ("10", "JPY", [1, 2, 4], ["1", "3", "6"]),  # exactly 1.43, 2.86, 5.71
        ("10.000", "KWD", [1, 1, 1], ["3.334", "3.333", "3.333"]),
        ("1.00", "EUR", [0, 1], ["0.00", "1.00"]),
        ("31.00", "EUR", [Decimal("0.5"), Fraction(1, 2)], ["15.50", "15.50"]),
    ],
)
def test_shares_by_hand(amount, currency, by, expected):
    assert [str(share) for share in shares(Decimal(amount), by, currency)] == expected


@given(st.data(), currencies, weights)
def test_shares_sum_to_the_whole_and_each_is_within_a_unit_of_its_exact_part(data, currency, by):
    amount = data.draw(amounts(currency))
    given_out = shares(amount, by, currency)
    assert total(given_out) == amount
    units = minor_units(amount, currency)
    for share, weight in zip(given_out, by, strict=True):
        assert abs(minor_units(share, currency) - units * Fraction(weight) / sum(map(Fraction, by))) < 1


@given(st.data(), currencies, weights)
def test_left_over_units_go_to_the_largest_remainders_and_the_earlier_first(data, currency, by):
    amount = data.draw(amounts(currency, least=0))
    exact = [minor_units(amount, currency) * Fraction(weight) / sum(map(Fraction, by)) for weight in by]
    given_out = [minor_units(share, currency) for share in shares(amount, by, currency)]
    rounded_up = [(part % 1, -place) for place, part in enumerate(exact) if given_out[place] > part]
    rounded_down = [(part % 1, -place) for place, part in enumerate(exact) if given_out[place] < part]
    assert not rounded_up or not rounded_down or min(rounded_up) > max(rounded_down)


@given(st.data(), currencies, weights)
def test_a_credit_undoes_a_charge_share_by_share(data, currency, by):
    amount = data.draw(amounts(currency))
    both = zip(shares(amount, by, currency), shares(-amount, by, currency), strict=True)
    assert all(charge + credit == 0 for charge, credit in both)


@pytest.mark.parametrize(
    ("amount", "by"), [("1.00", []), ("1.00", [0, 0]), ("1.00", [2, -1]), ("1.00", [-1]), ("0.001", [1])]
)
def test_what_cannot_be_shared_out_is_refused(amount, by):
    with pytest.raises(ValueError, match=r"Weights are not negative|finer than the minor unit"):
        shares(Decimal(amount), by, "USD")


@pytest.mark.parametrize(
    ("first_day", "end_day", "expected"),
    [
        (date(2026, 3, 15), date(2026, 4, 1), Fraction(17, 31)),
        (date(2026, 3, 1), date(2026, 3, 15), Fraction(14, 31)),
        (date(2026, 2, 1), date(2026, 5, 1), Fraction(1)),
        (date(2026, 4, 1), date(2026, 5, 1), Fraction(0)),
        (date(2026, 3, 9), date(2026, 3, 2), Fraction(0)),
    ],
)
def test_part_by_days_by_hand(first_day, end_day, expected):
    assert part_by_days(MARCH, first_day=first_day, end_day=end_day) == expected


def test_part_by_time_counts_the_hour_that_the_clocks_leave_out():
    from_noon = datetime(2026, 3, 15, 11, tzinfo=UTC)  # 12:00 in Berlin; March has 743 hours there
    assert part_by_time(MARCH, start=from_noon, end=MARCH.end) == Fraction(395, 743)
    assert part_by_time(MARCH, start=MARCH.start, end=from_noon) == Fraction(348, 743)
    assert part_by_time(MARCH, start=MARCH.end, end=datetime(2026, 5, 1, tzinfo=UTC)) == 0


@given(st.data(), rhythms(), st.integers(-10, 10))
def test_the_parts_of_a_period_are_the_whole_of_it(data, rhythm, number):
    whole = periods.period(rhythm, number)
    day = data.draw(st.dates(whole.first_day, whole.end_day))
    by_days = [
        part_by_days(whole, first_day=whole.first_day, end_day=day),
        part_by_days(whole, first_day=day, end_day=whole.end_day),
    ]
    start, end = (each.replace(tzinfo=None) for each in (whole.start, whole.end))
    moment = data.draw(st.datetimes(start, end, timezones=st.just(UTC)))
    by_time = [
        part_by_time(whole, start=whole.start, end=moment),
        part_by_time(whole, start=moment, end=whole.end),
    ]
    assert sum(by_days) == sum(by_time) == 1
    assert all(0 <= part <= 1 for part in by_days + by_time)


@given(st.data(), currencies, st.lists(parts, min_size=2, max_size=2).map(sorted))
def test_more_of_a_period_never_costs_less(data, currency, lesser_and_greater):
    amount = data.draw(amounts(currency, least=0))
    lesser, greater = (prorated(amount, part, currency) for part in lesser_and_greater)
    assert 0 <= lesser <= greater <= amount


@pytest.mark.parametrize(
    ("currency", "old", "new", "remaining", "credit", "charge", "due"),
    [
        ("USD", "30.00", "60.00", Fraction(1, 2), "15.00", "30.00", "15.00"),
        ("USD", "60.00", "30.00", Fraction(1, 2), "30.00", "15.00", "-15.00"),
        ("USD", "99.00", "149.00", Fraction(17, 31), "54.29", "81.71", "27.42"),
        ("JPY", "1000", "500", Fraction(1, 3), "333", "167", "-166"),
        ("KWD", "1.000", "2.000", Fraction(1, 3), "0.333", "0.667", "0.334"),
        ("USD", "30.00", "60.00", Fraction(0), "0.00", "0.00", "0.00"),
        ("USD", "30.00", "60.00", Fraction(1), "30.00", "60.00", "30.00"),
    ],
)
def test_changes_by_hand(currency, old, new, remaining, credit, charge, due):
    change = changed(old_amount=Decimal(old), new_amount=Decimal(new), remaining=remaining, currency=currency)
    assert [str(each) for each in (change.credit, change.charge, change.due)] == [credit, charge, due]


@given(st.data(), currencies, parts)
def test_a_change_to_the_same_price_costs_nothing_and_back_again_neither(data, currency, remaining):
    one, other = data.draw(amounts(currency, least=0)), data.draw(amounts(currency, least=0))
    assert changed(old_amount=one, new_amount=one, remaining=remaining, currency=currency).due == 0
    there = changed(old_amount=one, new_amount=other, remaining=remaining, currency=currency)
    back = changed(old_amount=other, new_amount=one, remaining=remaining, currency=currency)
    assert there.due + back.due == 0


@given(st.data(), currencies, st.lists(parts, max_size=8).map(lambda found: sorted(found, reverse=True)))
def test_however_often_the_plan_changes_each_is_paid_for_its_own_time(data, currency, remainders):
    plans = [data.draw(amounts(currency, least=0, most=10**6)) for _ in range(len(remainders) + 1)]
    paid = plans[0]
    exact = Fraction(plans[0])
    for (old, new), remaining in zip(pairwise(plans), remainders, strict=True):
        paid += changed(old_amount=old, new_amount=new, remaining=remaining, currency=currency).due
        exact += (Fraction(new) - Fraction(old)) * remaining
    # half a unit for each credit and each charge
    assert abs(Fraction(paid) - exact) * 10 ** exponent(currency) <= len(remainders)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 2, 1, tzinfo=UTC), Fraction(1)),
        (MARCH.start, Fraction(1)),
        (datetime(2026, 3, 1, 22, tzinfo=UTC), Fraction(1)),
        (datetime(2026, 3, 1, 23, tzinfo=UTC), Fraction(30, 31)),  # midnight in Berlin
        (datetime(2026, 3, 31, 12, tzinfo=UTC), Fraction(1, 31)),
        (MARCH.end, Fraction(0)),
        (datetime(2026, 5, 1, tzinfo=UTC), Fraction(0)),
    ],
)
def test_what_is_left_of_a_period_counts_the_day_that_it_is(at, expected):
    assert part_left(MARCH.start, MARCH.end, at=at, zone=ZoneInfo("Europe/Berlin")) == expected


def test_without_a_zone_it_is_the_time_that_is_left():
    start, end = datetime(2026, 3, 1, 6, tzinfo=UTC), datetime(2026, 4, 1, 6, tzinfo=UTC)
    assert part_left(start, end, at=datetime(2026, 3, 16, 18, tzinfo=UTC), zone=None) == Fraction(1, 2)
    assert part_left(start, end, at=start, zone=None) == 1
    assert part_left(start, end, at=end, zone=None) == 0
