"""What is billed: items with price, discount and tax, and what can be wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.core.errors import Fault
from app.core.money import rounded
from app.domains.billing.rules.amounts import HUNDRED, ZERO, half_up, percent_of

MAX_LINES = 1000
MAX_QUANTITY = Decimal(10) ** 6
MAX_UNIT_PRICE = Decimal(10) ** 12
FINEST = Decimal("0.000001")
"""Quantities and unit prices have at most six decimals: usage is counted and priced finer than money is paid."""
FINEST_RATE = Decimal("0.001")

ITEMS = "/items"
"""Where a document has the items of an invoice: faults point there."""


class TaxCategory(StrEnum):
    """Why a line bears the tax that it does, by the codes that electronic invoices carry (EN 16931, UNCL 5305)."""

    STANDARD = "S"
    """Taxed at a rate."""
    ZERO_RATED = "Z"
    """Taxed at the rate zero."""
    EXEMPT = "E"
    """Free of tax by law."""
    REVERSE_CHARGE = "AE"
    """The customer, a business elsewhere, owes the tax (Directive 2006/112/EC, article 196)."""
    OUTSIDE_SCOPE = "O"
    """No matter of this tax."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to be billed. `unit_price` is without tax or with it, as the invoice is; below zero it gives back.

    `discount_amount`: off the whole line, before tax is added; `tax_rate`: percent, zero in every category but STANDARD.
    """

    description: str
    unit_price: Decimal
    quantity: Decimal = Decimal(1)
    discount_amount: Decimal = ZERO
    tax_rate: Decimal = ZERO
    tax_category: TaxCategory = TaxCategory.STANDARD


def discount_of(item: Item, percent: Decimal, currency: str) -> Decimal:
    """What a discount of so many percent takes off an item's line."""
    return percent_of(subtotal_of(item, currency), percent, currency)


def subtotal_of(item: Item, currency: str) -> Decimal:
    """What an item's line costs before discount and before tax is added."""
    return half_up(Fraction(item.quantity) * Fraction(item.unit_price), currency)


def item_faults(items: Sequence[Item], currency: str) -> list[Fault]:
    """What is wrong with the items of an invoice, all at once and each by its place."""
    if not items:
        return [Fault(ITEMS, "An invoice has at least one line.")]
    if len(items) > MAX_LINES:
        return [Fault(ITEMS, f"An invoice has at most {MAX_LINES} lines.")]
    return [
        Fault(f"{ITEMS}/{position}/{place}", message)
        for position, item in enumerate(items)
        for place, message in _faults_of(item, currency)
    ]


def _faults_of(item: Item, currency: str) -> list[tuple[str, str]]:
    found = []
    if not _is_within(item.quantity, FINEST, ZERO, MAX_QUANTITY) or not item.quantity:
        found.append(("quantity", f"A quantity is above 0, at most {MAX_QUANTITY:,f}, with at most six decimals."))
    if not _is_within(item.unit_price, FINEST, -MAX_UNIT_PRICE, MAX_UNIT_PRICE):
        found.append(("unit_price", f"A price is at most {MAX_UNIT_PRICE:,f}, with at most six decimals."))
    if not found and not _is_discount(item, currency):
        found.append(
            ("discount_amount", f"A discount is at most the line's price, and not finer than the unit of {currency}.")
        )
    if not _is_within(item.tax_rate, FINEST_RATE, ZERO, Decimal(HUNDRED)):
        found.append(("tax_rate", "A tax rate is 0 to 100 percent, with at most three decimals."))
    elif item.tax_rate and item.tax_category is not TaxCategory.STANDARD:
        found.append(("tax_rate", f"A line of the tax category {item.tax_category} bears no tax."))
    return found


def _is_discount(item: Item, currency: str) -> bool:
    discount = item.discount_amount
    at_most = max(subtotal_of(item, currency), ZERO)
    return discount.is_finite() and ZERO <= discount <= at_most and discount == rounded(discount, currency)


def _is_within(number: Decimal, finest: Decimal, least: Decimal, most: Decimal) -> bool:
    return number.is_finite() and least <= number <= most and number == number.quantize(finest)
