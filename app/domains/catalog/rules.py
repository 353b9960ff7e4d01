"""Pure decisions about prices: what a list of services costs, in Decimal, rounded half-up per line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.core.errors import Fault
from app.core.money import rounded

MONTHLY, ANNUAL, ONE_TIME = "monthly", "annual", "one_time"
BILLING_CYCLES = (MONTHLY, ANNUAL, ONE_TIME)
MONTHS = {MONTHLY: 1, ANNUAL: 12, ONE_TIME: 1}
"""Months that one charge of a billing cycle pays for."""

MAX_LINES = 100
MAX_QUANTITY = 1_000_000
MAX_UNIT_PRICE = Decimal(10) ** 12

LINES = "/selected_services"
"""Where an order document has its lines: faults point there."""

_ZERO = Decimal(0)
_HUNDRED = Decimal(100)
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One wanted service."""

    service_code: str
    quantity: int = 1
    configuration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a service costs in one currency: per month and unit, and percent less when a year is paid at once."""

    name: str
    monthly: Decimal
    annual_discount_percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A line with its price. `unit_price`: of one unit for one billing period; `subtotal`: quantity * unit_price."""

    service_code: str
    name: str
    quantity: int
    unit_price: Decimal
    subtotal: Decimal
    discount_amount: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    billing_cycle: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the lines cost together: every amount is the sum of its lines' amounts. `tax_rate` is in percent."""

    currency: str
    billing_cycle: str
    subtotal: Decimal
    discount_amount: Decimal
    tax_rate: Decimal
    tax_amount: Decimal
    total_amount: Decimal
    lines: tuple[PricedLine, ...]


def code_fault(code: str) -> str | None:
    """What is wrong with a new code in form, as a sentence; None when nothing is."""
    return None if _CODE.fullmatch(code) else "A code is made of lower-case letters, digits and hyphens (at most 63)."


def currency_fault(currency: str) -> str | None:
    """What is wrong with a currency in form, as a sentence; None when nothing is."""
    return None if _CURRENCY.fullmatch(currency) else "A currency is its ISO 4217 code: three capital letters."


def unit_price_fault(amount: Decimal, currency: str) -> str | None:
    """What is wrong with a monthly price, as a sentence; None when nothing is."""
    if not amount.is_finite() or not _ZERO <= amount <= MAX_UNIT_PRICE:
        return f"A price lies between 0 and {MAX_UNIT_PRICE:,f}."
    if amount != rounded(amount, currency):
        return f"A price is not finer than the minor unit of {currency}."
    return None


def percent_fault(percent: Decimal) -> str | None:
    """What is wrong with a percentage, as a sentence; None when nothing is."""
    if not percent.is_finite() or not _ZERO <= percent <= _HUNDRED:
        return "A percentage lies between 0 and 100."
    if percent != percent.quantize(Decimal("0.001")):
        return "A percentage has at most three decimals."
    return None


def line_faults(lines: Sequence[Line]) -> list[Fault]:
    """What is wrong with the lines by themselves, whatever the catalogue has."""
    if not lines:
        return [Fault(LINES, "An order has at least one service.")]
    if len(lines) > MAX_LINES:
        return [Fault(LINES, f"An order has at most {MAX_LINES} services.")]
    found = []
    seen: set[str] = set()
    for position, line in enumerate(lines):
        if line.service_code in seen:
            message = f"“{line.service_code}” is listed twice: give its quantity instead."
            found.append(Fault(f"{LINES}/{position}/service_code", message))
        seen.add(line.service_code)
        if not 1 <= line.quantity <= MAX_QUANTITY:
            found.append(Fault(f"{LINES}/{position}/quantity", f"A quantity lies between 1 and {MAX_QUANTITY:,}."))
    return found


def cycle_faults(billing_cycle: str) -> list[Fault]:
    """What is wrong with a billing cycle."""
    if billing_cycle in BILLING_CYCLES:
        return []
    return [Fault("/billing_cycle", f"A billing cycle is one of {', '.join(BILLING_CYCLES)}.")]


def quoted(
    lines: Sequence[Line], *, offers: Mapping[str, Offer], currency: str, billing_cycle: str, tax_rate: Decimal
) -> Quote:
    """The price of the lines. `tax_rate`: percent. Every line's code has an offer in the currency."""
    priced = tuple(
        _priced(line, offers[line.service_code], currency=currency, billing_cycle=billing_cycle, tax_rate=tax_rate)
        for line in lines
    )
    return Quote(
        currency=currency,
        billing_cycle=billing_cycle,
        subtotal=sum((line.subtotal for line in priced), _ZERO),
        discount_amount=sum((line.discount_amount for line in priced), _ZERO),
        tax_rate=tax_rate,
        tax_amount=sum((line.tax_amount for line in priced), _ZERO),
        total_amount=sum((line.total_amount for line in priced), _ZERO),
        lines=priced,
    )


def _priced(line: Line, offer: Offer, *, currency: str, billing_cycle: str, tax_rate: Decimal) -> PricedLine:
    unit_price = rounded(offer.monthly * MONTHS[billing_cycle], currency)
    subtotal = unit_price * line.quantity
    percent = offer.annual_discount_percent if billing_cycle == ANNUAL else _ZERO
    discount = rounded(subtotal * percent / _HUNDRED, currency)
    tax = rounded((subtotal - discount) * tax_rate / _HUNDRED, currency)
    return PricedLine(
        service_code=line.service_code,
        name=offer.name,
        quantity=line.quantity,
        unit_price=unit_price,
        subtotal=subtotal,
        discount_amount=discount,
        tax_amount=tax,
        total_amount=subtotal - discount + tax,
        billing_cycle=billing_cycle,
        configuration=line.configuration,
    )
