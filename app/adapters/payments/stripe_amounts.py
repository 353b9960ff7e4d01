"""Amounts as Stripe counts them: whole numbers of a currency's smallest unit (https://docs.stripe.com/currencies)."""

from __future__ import annotations

from decimal import Decimal

from app.adapters.payments.errors import PaymentRefused
from app.adapters.payments.port import check_amount
from app.core.money import exponent

NO_DECIMALS = {"MGA"}
"""Zero-decimal at Stripe, though ISO 4217 knows a fifth of an ariary."""
TWO_ZEROS = {"ISK", "UGX"}
"""Without decimals, but counted at Stripe with two that are always 00."""
DECIMALS_THAT_COUNT = 2
"""Of three-decimal currencies the last digit must be 0."""


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount as Stripe takes it. Nothing is rounded: raises PaymentRefused where Stripe could not take it whole."""
    check_amount(amount, currency)
    finest = 0 if currency in NO_DECIMALS else min(exponent(currency), DECIMALS_THAT_COUNT)
    if amount != amount.quantize(Decimal(1).scaleb(-finest)):
        message = f"Stripe cannot charge {amount} {currency}: it takes {finest} decimals of it."
        raise PaymentRefused(message)
    return int(amount.scaleb(_decimals(currency)))


def from_minor(minor: int, currency: str) -> Decimal:
    """The amount that Stripe means, in the currency's own decimals."""
    amount = Decimal(minor).scaleb(-_decimals(currency))
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)))


def _decimals(currency: str) -> int:
    if currency in NO_DECIMALS:
        return 0
    return 2 if currency in TWO_ZEROS else exponent(currency)
