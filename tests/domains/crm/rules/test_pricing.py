"""What an offer costs, line by line."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from app.core.money import exponent, rounded
from app.domains.crm.rules.pricing import OfferedLine, offered, sums

CURRENCIES = st.sampled_from(["USD", "JPY", "KWD"])
PERCENTS = st.decimals(0, 100, places=3)


@st.composite
def lines(draw, currency):
    def amount(most):
        return draw(st.decimals(0, most, places=exponent(currency)))

    found = []
    for number in range(draw(st.integers(1, 5))):
        quantity, unit_price = draw(st.integers(1, 1000)), amount(10**6)
        found.append(
            OfferedLine(
                product_code=f"p{number}",
                name=f"Product {number}",
                quantity=quantity,
                unit_price=unit_price,
                discount_amount=amount(quantity * unit_price),
            )
        )
    return found


def line(**changes):
    given_line = {"product_code": "p", "name": "Product", "quantity": 3, "unit_price": Decimal("9.99")}
    return OfferedLine(**(given_line | changes))


def test_a_discount_comes_off_each_line_before_the_tax():
    (offer,) = offered([line()], discount_percent=Decimal(10), tax_rate=Decimal(19), currency="USD")
    # 29.97 less 3.00 (2.997), and 19 % of 26.97 (5.1243)
    assert (offer.discount_amount, offer.tax_amount) == (Decimal("3.00"), Decimal("5.12"))
    assert sums([offer]).total_amount == Decimal("32.09")


def test_the_catalogue_s_discount_comes_first():
    given_line = line(discount_amount=Decimal("9.97"))
    (offer,) = offered([given_line], discount_percent=Decimal(50), tax_rate=Decimal(0), currency="USD")
    assert offer.discount_amount == Decimal("19.97")


def test_half_a_unit_is_rounded_up():
    (offer,) = offered(
        [line(quantity=1, unit_price=Decimal(5))], discount_percent=Decimal(10), tax_rate=Decimal(0), currency="JPY"
    )
    assert offer.discount_amount == Decimal(1)


@given(st.data(), CURRENCIES, PERCENTS, PERCENTS)
def test_an_offer_is_the_sum_of_its_lines_to_the_minor_unit(data, currency, discount, tax_rate):
    offer = offered(data.draw(lines(currency)), discount_percent=discount, tax_rate=tax_rate, currency=currency)
    together = sums(offer)
    assert together.total_amount == sum(each.net_amount + each.tax_amount for each in offer)
    assert together.total_amount == rounded(together.total_amount, currency)
    assert 0 <= together.discount_amount <= together.subtotal


@given(st.data(), CURRENCIES, PERCENTS, PERCENTS)
def test_each_line_is_within_half_a_unit_of_its_exact_price(data, currency, discount, tax_rate):
    before = data.draw(lines(currency))
    half = Fraction(1, 2 * 10 ** exponent(currency))
    for was, now_is in zip(
        before, offered(before, discount_percent=discount, tax_rate=tax_rate, currency=currency), strict=True
    ):
        taken = Fraction(now_is.discount_amount) - Fraction(was.discount_amount)
        assert abs(taken - Fraction(was.net_amount) * Fraction(discount) / 100) <= half
        assert abs(Fraction(now_is.tax_amount) - Fraction(now_is.net_amount) * Fraction(tax_rate) / 100) <= half


@given(st.data(), CURRENCIES, PERCENTS)
def test_without_a_discount_the_catalogue_s_price_stays(data, currency, tax_rate):
    before = data.draw(lines(currency))
    after = offered(before, discount_percent=Decimal(0), tax_rate=tax_rate, currency=currency)
    assert [each.net_amount for each in after] == [each.net_amount for each in before]
