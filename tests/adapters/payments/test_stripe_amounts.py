"""Amounts as Stripe counts them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.adapters.payments.errors import PaymentRefused
from app.adapters.payments.stripe_amounts import from_minor, to_minor


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10.00", "USD", 1000),
        ("0.29", "EUR", 29),
        ("500", "JPY", 500),
        ("5.120", "KWD", 5120),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("500.00", "MGA", 500),
        ("10.45", "HUF", 1045),
    ],
)
def test_there_and_back(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor
    assert str(from_minor(minor, currency)) == amount


@pytest.mark.parametrize(("amount", "currency"), [("5.124", "KWD"), ("0.20", "MGA"), ("5.5", "ISK"), ("1.005", "USD")])
def test_nothing_is_rounded(amount: str, currency: str) -> None:
    with pytest.raises(PaymentRefused):
        to_minor(Decimal(amount), currency)
