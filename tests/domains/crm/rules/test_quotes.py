"""How a quote moves on, how long it is valid, and when two say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.domains.crm.rules import quotes
from app.domains.crm.rules.pricing import OfferedLine
from app.domains.crm.rules.quotes import Status

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = OfferedLine(product_code="a", name="A", quantity=1, unit_price=Decimal("9.90"), configuration={"x": 1, "y": 2})
OTHER = OfferedLine(product_code="b", name="B", quantity=2, unit_price=Decimal(5))

LEGAL = {
    ("open", "accepted"),
    ("accepted", "open"),
    ("open", "rejected"),
    ("open", "expired"),
    ("open", "withdrawn"),
    ("accepted", "withdrawn"),
    ("rejected", "withdrawn"),
    ("expired", "withdrawn"),
}


def hashed(*lines, **changes):
    terms = {"currency": "USD", "billing_cycle": "monthly", "place": {"region": None}}
    return quotes.content_hash(lines, **(terms | changes))


def test_the_ways_of_a_quote():
    assert {(before, after) for before in Status for after in Status if quotes.is_legal(before, after)} == LEGAL


def test_the_last_moment_is_no_longer_the_quote_s():
    assert quotes.is_over(AT, at=AT)
    assert not quotes.is_over(AT, at=AT - timedelta(microseconds=1))


@pytest.mark.parametrize(("days", "is_fine"), [(0, False), (1, True), (365, True), (366, False)])
def test_how_many_days_a_quote_is_valid(days, is_fine):
    assert (quotes.validity_faults(days) == []) is is_fine


@pytest.mark.parametrize(("ahead", "is_fine"), [(0, False), (1, True), (365, True), (366, False), (-1, False)])
def test_until_when_a_quote_may_be_valid(ahead, is_fine):
    assert (quotes.end_faults(AT + timedelta(days=ahead), at=AT) == []) is is_fine


@pytest.mark.parametrize(
    ("percent", "is_fine"),
    [("0", True), ("12.5", True), ("100", True), ("100.001", False), ("-1", False), ("0.0001", False), ("NaN", False)],
)
def test_a_discount_is_a_percentage(percent, is_fine):
    assert (quotes.percent_faults(Decimal(percent), pointer="/discount") == []) is is_fine


def test_the_same_lines_in_another_order_say_the_same():
    same = replace(ONE, unit_price=Decimal("9.9"), configuration={"y": 2, "x": 1})
    assert hashed(ONE, OTHER) == hashed(OTHER, same)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 2},
        {"unit_price": Decimal("9.91")},
        {"discount_amount": Decimal("0.01")},
        {"tax_amount": Decimal("0.01")},
        {"configuration": {"x": 2, "y": 2}},
    ],
)
def test_another_line_says_something_else(change):
    assert hashed(ONE) != hashed(replace(ONE, **change))


@pytest.mark.parametrize("change", [{"currency": "EUR"}, {"billing_cycle": "annual"}, {"place": {"region": "eu"}}])
def test_other_terms_say_something_else(change):
    assert hashed(ONE) != hashed(ONE, **change)
