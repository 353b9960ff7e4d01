"""Prices: every amount Decimal, rounded half-up per line, sums that agree."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.money import exponent, rounded
from app.domains.catalog import rules
from app.domains.catalog.rules import Line, Offer, Quote

CODES = ["subscriber-provisioning", "radius-aaa", "network-monitoring", "billing-invoicing"]


def _offer(monthly: str, annual_discount_percent: str = "0") -> Offer:
    return Offer(name="Service", monthly=Decimal(monthly), annual_discount_percent=Decimal(annual_discount_percent))


def _quoted(lines: list[Line], offers: dict[str, Offer], cycle: str = "monthly", tax: str = "0") -> Quote:
    return rules.quoted(lines, offers=offers, currency="USD", billing_cycle=cycle, tax_rate=Decimal(tax))


def test_a_month_is_the_sum_of_the_prices() -> None:
    quote = _quoted([Line(service_code="a"), Line(service_code="b")], {"a": _offer("99.00"), "b": _offer("249.00")})
    assert quote.total_amount == Decimal("348.00")
    assert str(quote.total_amount) == "348.00"


def test_a_year_is_twelve_months_less_the_annual_discount() -> None:
    quote = _quoted([Line(service_code="a", quantity=2)], {"a": _offer("99.00", "10")}, cycle="annual")
    (line,) = quote.lines
    assert line.unit_price == Decimal("1188.00")
    assert (quote.subtotal, quote.discount_amount, quote.total_amount) == (
        Decimal("2376.00"),
        Decimal("237.60"),
        Decimal("2138.40"),
    )


@pytest.mark.parametrize("cycle", ["monthly", "one_time"])
def test_only_a_year_is_discounted(cycle: str) -> None:
    assert _quoted([Line(service_code="a")], {"a": _offer("99.00", "10")}, cycle=cycle).total_amount == Decimal("99.00")


def test_tax_is_rounded_half_up_on_each_line() -> None:
    # 19 % of 0.50 is 0.095: 0.10 a line and 0.20 together, where 19 % of 1.00 would be 0.19
    quote = _quoted(
        [Line(service_code="a"), Line(service_code="b")], {"a": _offer("0.50"), "b": _offer("0.50")}, tax="19"
    )
    assert [line.tax_amount for line in quote.lines] == [Decimal("0.10"), Decimal("0.10")]
    assert (quote.tax_amount, quote.total_amount) == (Decimal("0.20"), Decimal("1.20"))


def test_tax_is_on_what_is_left_after_the_discount() -> None:
    quote = _quoted([Line(service_code="a")], {"a": _offer("100.00", "50")}, cycle="annual", tax="10")
    assert (quote.discount_amount, quote.tax_amount) == (Decimal("600.00"), Decimal("60.00"))


_currencies = st.sampled_from(["USD", "EUR", "JPY", "KWD"])
_percents = st.decimals(0, 100, places=3)


@st.composite
def _orders(draw: st.DrawFn) -> tuple[list[Line], dict[str, Offer], str]:
    currency = draw(_currencies)
    amounts = st.decimals(0, 10**9, places=exponent(currency))
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, unique=True))
    offers = {code: Offer(name=code, monthly=draw(amounts), annual_discount_percent=draw(_percents)) for code in codes}
    lines = [Line(service_code=code, quantity=draw(st.integers(1, rules.MAX_QUANTITY))) for code in codes]
    return lines, offers, currency


@given(order=_orders(), cycle=st.sampled_from(rules.BILLING_CYCLES), tax=_percents)
def test_the_sums_agree(order: tuple[list[Line], dict[str, Offer], str], cycle: str, tax: Decimal) -> None:
    lines, offers, currency = order
    quote = rules.quoted(lines, offers=offers, currency=currency, billing_cycle=cycle, tax_rate=tax)
    for line in quote.lines:
        assert line.subtotal == line.quantity * line.unit_price
        assert line.total_amount == line.subtotal - line.discount_amount + line.tax_amount
        assert 0 <= line.discount_amount <= line.subtotal
        assert line.tax_amount >= 0
        for amount in (line.unit_price, line.subtotal, line.discount_amount, line.tax_amount, line.total_amount):
            assert amount == rounded(amount, currency)
    assert quote.subtotal == sum(line.subtotal for line in quote.lines)
    assert quote.discount_amount == sum(line.discount_amount for line in quote.lines)
    assert quote.tax_amount == sum(line.tax_amount for line in quote.lines)
    assert quote.total_amount == sum(line.total_amount for line in quote.lines)
    assert quote.total_amount == quote.subtotal - quote.discount_amount + quote.tax_amount


@given(order=_orders(), tax=_percents)
def test_each_line_s_rounding_is_off_by_at_most_half_the_smallest_coin(
    order: tuple[list[Line], dict[str, Offer], str], tax: Decimal
) -> None:
    lines, offers, currency = order
    quote = rules.quoted(lines, offers=offers, currency=currency, billing_cycle="monthly", tax_rate=tax)
    half = Decimal(1).scaleb(-exponent(currency)) / 2
    for line in quote.lines:
        assert abs(line.tax_amount - line.subtotal * tax / 100) <= half


@pytest.mark.parametrize(
    ("lines", "pointers"),
    [
        ([], ["/selected_services"]),
        ([Line(service_code="a", quantity=0)], ["/selected_services/0/quantity"]),
        ([Line(service_code="a", quantity=-1)], ["/selected_services/0/quantity"]),
        ([Line(service_code="a"), Line(service_code="a")], ["/selected_services/1/service_code"]),
        ([Line(service_code=str(number)) for number in range(101)], ["/selected_services"]),
    ],
)
def test_lines_that_no_catalogue_could_price(lines: list[Line], pointers: list[str]) -> None:
    assert [fault.pointer for fault in rules.line_faults(lines)] == pointers


@pytest.mark.parametrize(
    ("amount", "currency"), [("-0.01", "USD"), ("0.001", "USD"), ("0.5", "JPY"), ("NaN", "USD"), ("1e13", "USD")]
)
def test_prices_that_cannot_be(amount: str, currency: str) -> None:
    assert rules.unit_price_fault(Decimal(amount), currency)


@pytest.mark.parametrize(("amount", "currency"), [("0", "USD"), ("99", "USD"), ("99.00", "JPY"), ("0.125", "KWD")])
def test_prices_that_can_be(amount: str, currency: str) -> None:
    assert rules.unit_price_fault(Decimal(amount), currency) is None


@pytest.mark.parametrize("currency", ["usd", "US", "USDT", "", "U1D", "USD\n"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    assert rules.currency_fault(currency)
    assert rules.currency_fault("USD") is None


@pytest.mark.parametrize("percent", ["-1", "100.001", "0.0001", "Infinity"])
def test_percentages_that_cannot_be(percent: str) -> None:
    assert rules.percent_fault(Decimal(percent))
