"""What can be wrong with an amount of money that somebody gives."""

from __future__ import annotations

import re
from decimal import Decimal

from app.core.errors import Fault
from app.core.money import rounded

MAX_AMOUNT = Decimal(10) ** 12

_CURRENCY = re.compile(r"[A-Z]{3}")


def currency_faults(currency: str) -> list[Fault]:
    """What is wrong with a currency, by its form."""
    if _CURRENCY.fullmatch(currency):
        return []
    return [Fault("/currency", "A currency is its ISO 4217 code: three capital letters.")]


def amount_faults(pointer: str, amount: Decimal, currency: str) -> list[Fault]:
    """What is wrong with an amount in a currency that is right."""
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT:
        return [Fault(pointer, f"An amount is between 0 and {MAX_AMOUNT:,f}.")]
    if amount != rounded(amount, currency):
        return [Fault(pointer, f"This has more decimals than {currency} has.")]
    return []


def price_faults(pointer: str, amount: Decimal, currency: str) -> list[Fault]:
    """What is wrong with an amount and its currency."""
    return currency_faults(currency) or amount_faults(pointer, amount, currency)
