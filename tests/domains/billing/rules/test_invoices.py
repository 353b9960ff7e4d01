"""Invoices: each line rounded by itself, each total the sum of its lines."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import exponent
from app.domains.billing.rules.amounts import minor_units, total
from app.domains.billing.rules.invoices import invoiced, notes, tax_summary
from app.domains.billing.rules.items import MAX_LINES, Item, TaxCategory, discount_of, item_faults
from tests.domains.billing.rules.strategies import currencies, items, percents


def item(unit_price, quantity="1", **more):
    fields = {name: Decimal(value) if type(value) is str else value for name, value in more.items()}
    return Item(description="Service", unit_price=Decimal(unit_price), quantity=Decimal(quantity), **fields)


@pytest.mark.parametrize(
    ("currency", "with_tax", "one", "expected"),
    [
        # subtotal, discount, net, tax, total
        ("EUR", False, item("9.99", "3", tax_rate="19"), "29.97 0.00 29.97 5.69 35.66"),
        ("EUR", True, item("119.00", tax_rate="19"), "119.00 0.00 100.00 19.00 119.00"),
        ("EUR", True, item("9.99", tax_rate="7"), "9.99 0.00 9.34 0.65 9.99"),
        ("EUR", False, item("100.00", tax_rate="20", discount_amount="15.00"), "100.00 15.00 85.00 17.00 102.00"),
        ("EUR", True, item("100.00", tax_rate="20", discount_amount="40.00"), "100.00 40.00 50.00 10.00 60.00"),
        ("USD", False, item("0.00151", "1234.5"), "1.86 0.00 1.86 0.00 1.86"),
        ("JPY", False, item("105", tax_rate="10"), "105 0 105 11 116"),
        ("KWD", False, item("1.234", "3", tax_rate="5"), "3.702 0.000 3.702 0.185 3.887"),
        ("EUR", False, item("-0.50", tax_rate="19"), "-0.50 0.00 -0.50 -0.10 -0.60"),
    ],
)
def test_lines_by_hand(currency, with_tax, one, expected):
    (line,) = invoiced([one], currency=currency, prices_include_tax=with_tax).lines
    amounts = (line.subtotal, line.discount_amount, line.net_amount, line.tax_amount, line.total_amount)
    assert amounts == tuple(map(Decimal, expected.split()))


def test_an_invoice_of_several_rates_by_hand():
    invoice = invoiced(
        [
            item("0.50", tax_rate="19"),
            item("0.50", tax_rate="19"),
            item("10.00", tax_rate="7"),
            item("20.00", tax_category=TaxCategory.REVERSE_CHARGE),
        ],
        currency="EUR",
    )
    # 0.10 and 0.10 on the lines, where 19 % of 1.00 would be 0.19
    assert (invoice.net_amount, invoice.tax_amount, invoice.total_amount) == (
        Decimal("31.00"),
        Decimal("0.90"),
        Decimal("31.90"),
    )
    assert [(each.tax_category, each.tax_rate, each.net_amount, each.tax_amount) for each in tax_summary(invoice)] == [
        ("S", 19, Decimal("1.00"), Decimal("0.20")),
        ("S", 7, Decimal("10.00"), Decimal("0.70")),
        ("AE", 0, Decimal("20.00"), Decimal(0)),
    ]
    assert notes(invoice) == ("Reverse charge",)


def test_the_same_rate_written_otherwise_is_one_rate():
    invoice = invoiced([item("1.00", tax_rate="19"), item("1.00", tax_rate="19.000")], currency="EUR")
    assert [each.net_amount for each in tax_summary(invoice)] == [Decimal("2.00")]


def test_a_rate_of_zero_and_no_tax_are_two_things():
    categories = (TaxCategory.ZERO_RATED, TaxCategory.EXEMPT, TaxCategory.OUTSIDE_SCOPE)
    invoice = invoiced([item("1.00", tax_category=category) for category in categories], currency="EUR")
    assert [(each.tax_category, each.tax_rate) for each in tax_summary(invoice)] == [("E", 0), ("O", 0), ("Z", 0)]
    assert notes(invoice) == ("Exempt from tax",)


def test_a_discount_in_percent_is_rounded_once():
    assert discount_of(item("9.99", "3"), Decimal("12.5"), "EUR") == Decimal("3.75")


@given(st.data(), currencies, st.booleans())
def test_an_invoice_is_the_sum_of_its_lines(data, currency, with_tax):
    of = data.draw(st.lists(items(currency), min_size=1, max_size=8))
    assert item_faults(of, currency) == []
    invoice = invoiced(of, currency=currency, prices_include_tax=with_tax)
    for name in ("subtotal", "discount_amount", "net_amount", "tax_amount", "total_amount"):
        units = sum(minor_units(getattr(line, name), currency) for line in invoice.lines)
        assert minor_units(getattr(invoice, name), currency) == units
    assert invoice.net_amount + invoice.tax_amount == invoice.total_amount
    off = invoice.subtotal - invoice.discount_amount
    assert off == (invoice.total_amount if with_tax else invoice.net_amount)
    summary = tax_summary(invoice)
    assert total(each.net_amount for each in summary) == invoice.net_amount
    assert total(each.tax_amount for each in summary) == invoice.tax_amount


@given(st.data(), currencies, st.booleans())
def test_each_amount_of_a_line_is_the_nearest_and_half_goes_up(data, currency, with_tax):
    of = data.draw(items(currency))
    (line,) = invoiced([of], currency=currency, prices_include_tax=with_tax).lines
    price = Fraction(line.subtotal) - Fraction(line.discount_amount)
    rate = Fraction(of.tax_rate) / 100
    for amount, exact in (
        (line.subtotal, Fraction(of.quantity) * Fraction(of.unit_price)),
        (line.tax_amount, price - price / (1 + rate) if with_tax else price * rate),
    ):
        off = (Fraction(amount) - exact) * 10 ** exponent(currency)
        assert abs(off) <= Fraction(1, 2)
        assert abs(off) < Fraction(1, 2) or abs(Fraction(amount)) > abs(exact)
    assert line.net_amount + line.tax_amount == line.total_amount


@given(st.data(), currencies, percents)
def test_a_discount_never_exceeds_its_line(data, currency, percent):
    of = data.draw(items(currency, least=0))
    assert 0 <= discount_of(of, percent, currency) <= invoiced([of], currency=currency).subtotal


@pytest.mark.parametrize(
    ("one", "place"),
    [
        (item("1", "0"), "quantity"),
        (item("1", "-1"), "quantity"),
        (item("1", "NaN"), "quantity"),
        (item("1", "0.0000001"), "quantity"),
        (item("1", "1000001"), "quantity"),
        (item("0.0000001"), "unit_price"),
        (item("Infinity"), "unit_price"),
        (item("1E+13"), "unit_price"),
        (item("1.00", discount_amount="1.01"), "discount_amount"),
        (item("1.00", discount_amount="-0.01"), "discount_amount"),
        (item("1.00", discount_amount="0.005"), "discount_amount"),
        (item("1.00", discount_amount="NaN"), "discount_amount"),
        (item("-1.00", discount_amount="0.01"), "discount_amount"),
        (item("1", tax_rate="-1"), "tax_rate"),
        (item("1", tax_rate="101"), "tax_rate"),
        (item("1", tax_rate="0.0001"), "tax_rate"),
        (item("1", tax_rate="19", tax_category=TaxCategory.REVERSE_CHARGE), "tax_rate"),
    ],
)
def test_every_fault_is_named_by_its_place(one, place):
    assert [fault.pointer for fault in item_faults([item("1.00"), one], "USD")] == [f"/items/1/{place}"]


def test_all_faults_are_found_at_once():
    wrong = [item("NaN", "0", tax_rate="101"), item("1.00", discount_amount="2.00")]
    assert [fault.pointer for fault in item_faults(wrong, "USD")] == [
        "/items/0/quantity",
        "/items/0/unit_price",
        "/items/0/tax_rate",
        "/items/1/discount_amount",
    ]


def test_an_invoice_has_lines_and_not_too_many():
    assert [fault.pointer for fault in item_faults([], "USD")] == ["/items"]
    assert [fault.pointer for fault in item_faults([item("1")] * (MAX_LINES + 1), "USD")] == ["/items"]
