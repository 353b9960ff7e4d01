"""What a sale earns, as a pure decision."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.partners.rules import agreements, amounts
from app.domains.partners.rules.commissions import Kind, Terms, Tier, earned, overlaps

START = datetime(2026, 1, 1, tzinfo=UTC)
TIERS = (
    Tier(from_amount=Decimal(0), rate=Decimal(5)),
    Tier(from_amount=Decimal(1000), rate=Decimal(10)),
    Tier(from_amount=Decimal(10000), rate=Decimal("12.5")),
)
TIERED = Terms(kind=Kind.TIERED, currency="USD", tiers=TIERS)
AMOUNTS = st.decimals(min_value=0, max_value=50_000, places=2)


def of_tiers(base, sold_before):
    due = earned(TIERED, base=Decimal(base), sold_before=Decimal(sold_before))
    return due.amount, due.rate


def test_a_percentage_is_rounded_half_up_to_the_currency_s_decimals():
    ten = Terms(kind=Kind.PERCENTAGE, currency="USD", rate=Decimal("12.5"))
    assert earned(ten, base=Decimal("0.20"), sold_before=Decimal(0)).amount == Decimal("0.03")
    yen = Terms(kind=Kind.PERCENTAGE, currency="JPY", rate=Decimal("12.5"))
    assert earned(yen, base=Decimal(4), sold_before=Decimal(0)).amount == Decimal(1)
    assert earned(yen, base=Decimal(3), sold_before=Decimal(0)).amount == Decimal(0)


def test_a_fixed_amount_is_earned_whatever_was_sold():
    fixed = Terms(kind=Kind.FIXED, currency="USD", amount=Decimal(25))
    due = earned(fixed, base=Decimal(0), sold_before=Decimal(0))
    assert (str(due.amount), due.rate) == ("25.00", None)


@pytest.mark.parametrize(
    ("base", "sold_before", "amount", "rate"),
    [
        ("100", "0", "5.00", "5.0000"),
        ("100", "1000", "10.00", "10.0000"),
        ("2000", "0", "150.00", "7.5000"),
        ("20000", "500", "2237.50", "11.1875"),
        ("0", "1000", "0.00", "10.0000"),
    ],
)
def test_each_part_of_a_sale_earns_the_rate_of_its_tier(base, sold_before, amount, rate):
    assert of_tiers(base, sold_before) == (Decimal(amount), Decimal(rate))


@given(st.lists(AMOUNTS, min_size=1, max_size=8))
def test_many_sales_earn_what_one_sale_of_their_sum_earns_in_whatever_order(sales):
    def together(order):
        sold = total = Decimal(0)
        for sale in order:
            total += of_tiers(sale, sold)[0]
            sold += sale
        return total

    assert together(sales) == together(sorted(sales)) == of_tiers(sum(sales), 0)[0]


@given(AMOUNTS, AMOUNTS)
def test_a_tiered_commission_is_between_nothing_and_the_highest_rate(base, sold_before):
    amount, _ = of_tiers(base, sold_before)
    assert 0 <= amount <= base * Decimal("0.125") + Decimal("0.01")


def test_agreements_for_some_of_the_same_sales_overlap():
    assert overlaps("both", "recurring")
    assert overlaps("first_sale", "both")
    assert overlaps("recurring", "recurring")
    assert not overlaps("first_sale", "recurring")


@pytest.mark.parametrize(
    ("terms", "pointers"),
    [
        ({"kind": "percentage"}, ["/rate"]),
        ({"kind": "percentage", "rate": Decimal("100.1")}, ["/rate"]),
        ({"kind": "percentage", "rate": Decimal("0.00001")}, ["/rate"]),
        ({"kind": "percentage", "rate": Decimal("NaN")}, ["/rate"]),
        ({"kind": "percentage", "rate": Decimal(1), "amount": Decimal(1)}, ["/amount"]),
        ({"kind": "fixed", "amount": Decimal(-1)}, ["/amount"]),
        ({"kind": "fixed", "amount": Decimal("0.001")}, ["/amount"]),
        ({"kind": "tiered"}, ["/tiers"]),
        ({"kind": "tiered", "tiers": TIERS[1:]}, ["/tiers/0/from_amount"]),
        ({"kind": "tiered", "tiers": (*TIERS, TIERS[1])}, ["/tiers/3/from_amount"]),
        ({"kind": "tiered", "tiers": TIERS * 7}, ["/tiers"]),
        ({"kind": "else"}, ["/kind"]),
        ({"kind": "fixed", "amount": Decimal(1), "currency": "usd"}, ["/currency"]),
    ],
)
def test_what_is_wrong_with_an_agreement_is_named(terms, pointers):
    found = agreements.faults(
        Terms(**({"currency": "USD"} | terms)), applies_to="both", valid_from=START, valid_until=None
    )
    assert [fault.pointer for fault in found] == pointers


def test_everything_that_is_wrong_is_named_at_once():
    found = agreements.faults(
        Terms(kind="fixed", currency="USD"), applies_to="all", valid_from=START, valid_until=START
    )
    assert [fault.pointer for fault in found] == ["/applies_to", "/valid_until", "/amount"]


@pytest.mark.parametrize("amount", ["-0.01", "Infinity", "NaN", "1000000000000.01", "0.001"])
def test_an_amount_is_within_reason_and_has_the_currency_s_decimals(amount):
    assert [fault.pointer for fault in amounts.price_faults("/price", Decimal(amount), "USD")] == ["/price"]
    assert amounts.price_faults("/price", Decimal("0.010"), "USD") == []
