"""Invoice numbers: their form, and no gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules.numbering import Place, following, invoice_number, missing, read, series_prefix

years = st.integers(2000, 2100)
places = st.builds(Place, years, st.integers(1, 10**9))
prefixes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", max_size=8).map(lambda name: f"INV-{name}-")


@pytest.mark.parametrize(
    ("prefix", "place", "number"),
    [
        ("INV-EXAMPLEI-", Place(2026, 1), "INV-EXAMPLEI-2026-000001"),
        ("INV-A1-", Place(2026, 999_999), "INV-A1-2026-999999"),
        ("INV-A1-", Place(2026, 1_000_000), "INV-A1-2026-1000000"),
    ],
)
def test_numbers_by_hand(prefix, place, number):
    assert invoice_number(prefix, place) == number
    assert read(number) == (prefix, place)


@pytest.mark.parametrize("text", ["", "INV-A1-2026-1", "INV-A1-26-000001", "2026-000001", "INV-A1-2026-000001 "])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="is no invoice number"):
        read(text)


@given(prefixes, places)
def test_a_number_says_its_prefix_and_place(prefix, place):
    assert read(invoice_number(prefix, place)) == (prefix, place)


@pytest.mark.parametrize(
    ("last", "year", "expected"),
    [
        (None, 2026, Place(2026, 1)),
        (Place(2026, 1), 2026, Place(2026, 2)),
        (Place(2026, 17), 2027, Place(2027, 1)),
        (Place(2026, 17), 2029, Place(2029, 1)),
        (Place(2027, 3), 2026, Place(2027, 4)),
    ],
)
def test_what_follows_by_hand(last, year, expected):
    assert following(last, year=year) == expected


@given(st.lists(years, max_size=50))
def test_a_series_has_no_gap_and_no_number_twice_whatever_the_years(years_of_invoices):
    given_out = []
    for year in years_of_invoices:
        given_out.append(following(given_out[-1] if given_out else None, year=year))
    assert given_out == sorted(set(given_out))
    assert missing(given_out) == []


@given(st.lists(st.sampled_from([2025, 2026, 2027]), min_size=2, max_size=30), st.data())
def test_a_number_that_was_taken_out_is_missed(years_of_invoices, data):
    given_out = []
    for year in sorted(years_of_invoices):
        given_out.append(following(given_out[-1] if given_out else None, year=year))
    taken_out = data.draw(st.sampled_from(given_out))
    was_last_of_its_year = following(taken_out, year=taken_out.year) not in given_out
    rest = [place for place in given_out if place != taken_out]
    assert missing(rest) == ([] if was_last_of_its_year else [taken_out])


@pytest.mark.parametrize(("slug", "prefix"), [("example-isp", "INV-EXAMPLEI-"), ("a-1", "INV-A1-")])
def test_what_invoice_numbers_begin_with(slug, prefix):
    assert series_prefix(slug) == prefix
