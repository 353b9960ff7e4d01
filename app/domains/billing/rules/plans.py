"""What a plan may be, and how it is subscribed to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from app.core.errors import Fault
from app.core.money import rounded

CYCLES = ("monthly", "annual", "one_time")
MAX_PRICES = 200
MAX_PRODUCTS = 50
MAX_TRIAL_DAYS = 730
MAX_QUANTITY = 1_000_000
MAX_AMOUNT = Decimal(10) ** 12
MAX_TERM_MONTHS = 120
FARTHEST_START = timedelta(days=3660)
"""A subscription begins within ten years of today: what is farther was mistyped."""

_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PRODUCT = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a plan costs in a currency (ISO 4217) for one billing cycle, without tax."""

    currency: str
    billing_cycle: str
    amount: Decimal


def plan_faults(plan: Mapping[str, Any], prices: Sequence[Price]) -> list[Fault]:
    """Everything that is wrong with a plan of these fields and prices."""
    found = []
    if not _CODE.fullmatch(plan["code"]):
        found.append(Fault("/code", "A code is made of lower-case letters, digits and hyphens (at most 63)."))
    if not 0 <= plan["trial_days"] <= MAX_TRIAL_DAYS:
        found.append(Fault("/trial_days", f"A trial has between 0 and {MAX_TRIAL_DAYS} days."))
    found += [*_product_faults(plan["products"]), *_price_faults(prices)]
    if not found and not any(_is_for(price, plan["currency"], plan["billing_cycle"]) for price in prices):
        message = f"The plan has no {plan['billing_cycle']} price in {plan['currency']}, which are its own."
        found.append(Fault("/prices", message))
    return found


def terms_faults(*, quantity: int, trial_days: int, start_date: date, today: date, billing_cycle: str) -> list[Fault]:
    """What is wrong with how somebody wants to subscribe."""
    found = []
    if not 1 <= quantity <= MAX_QUANTITY:
        found.append(Fault("/quantity", f"A quantity lies between 1 and {MAX_QUANTITY:,}."))
    if not 0 <= trial_days <= MAX_TRIAL_DAYS:
        found.append(Fault("/trial_days", f"A trial has between 0 and {MAX_TRIAL_DAYS} days."))
    if abs(start_date - today) > FARTHEST_START:
        found.append(Fault("/start_date", "A subscription begins within ten years of today."))
    return found + cycle_faults(billing_cycle)


def cycle_faults(billing_cycle: str) -> list[Fault]:
    """What is wrong with a billing cycle."""
    if billing_cycle in CYCLES:
        return []
    return [Fault("/billing_cycle", f"A billing cycle is one of {', '.join(CYCLES)}.")]


def renewal_faults(*, term_months: int | None, discount_percentage: Decimal) -> list[Fault]:
    """What is wrong with how somebody wants to renew."""
    found = []
    if term_months is not None and not 1 <= term_months <= MAX_TERM_MONTHS:
        found.append(Fault("/term_months", f"A renewal is for 1 to {MAX_TERM_MONTHS} months."))
    if not discount_percentage.is_finite() or not 0 <= discount_percentage <= 100:  # noqa: PLR2004 - percent
        found.append(Fault("/discount_percentage", "A discount lies between 0 and 100 percent."))
    return found


def price_in(prices: Sequence[Price], *, currency: str, billing_cycle: str) -> Decimal | None:
    """The amount of the price in that currency for that cycle; None where there is none."""
    return next((price.amount for price in prices if _is_for(price, currency, billing_cycle)), None)


def _is_for(price: Price, currency: str, billing_cycle: str) -> bool:
    return (price.currency, price.billing_cycle) == (currency, billing_cycle)


def _product_faults(products: Sequence[str]) -> list[Fault]:
    if len(products) > MAX_PRODUCTS:
        return [Fault("/products", f"A plan has at most {MAX_PRODUCTS} products.")]
    if len(set(products)) < len(products):
        return [Fault("/products", "A product is named once.")]
    return [
        Fault(f"/products/{place}", "A product's code is made of lower-case letters, digits, dots, _ and -.")
        for place, product in enumerate(products)
        if not _PRODUCT.fullmatch(product)
    ]


def _price_faults(prices: Sequence[Price]) -> list[Fault]:
    if not 1 <= len(prices) <= MAX_PRICES:
        return [Fault("/prices", f"A plan has between 1 and {MAX_PRICES} prices.")]
    if len({(price.currency, price.billing_cycle) for price in prices}) < len(prices):
        return [Fault("/prices", "A plan has one price in a currency for a billing cycle.")]
    return [fault for place, price in enumerate(prices) for fault in _faults_of(price, f"/prices/{place}")]


def _faults_of(price: Price, place: str) -> list[Fault]:
    if not _CURRENCY.fullmatch(price.currency):
        return [Fault(f"{place}/currency", "A currency is its ISO 4217 code: three capital letters.")]
    if price.billing_cycle not in CYCLES:
        return [Fault(f"{place}/billing_cycle", f"A billing cycle is one of {', '.join(CYCLES)}.")]
    if not price.amount.is_finite() or not 0 <= price.amount <= MAX_AMOUNT:
        return [Fault(f"{place}/amount", f"A price lies between 0 and {MAX_AMOUNT:,f}.")]
    if price.amount != rounded(price.amount, price.currency):
        return [Fault(f"{place}/amount", f"A price is not finer than the minor unit of {price.currency}.")]
    return []
