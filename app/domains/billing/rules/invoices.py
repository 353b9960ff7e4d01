"""What an invoice says: lines with discount and tax, and sums of them.

Every amount is rounded half-up to the currency's minor unit on its line, tax included, and every total is the sum of its
lines: so a reader who adds up the paper comes to the same total, and a line can be credited by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from app.domains.billing.rules.amounts import HUNDRED, half_up, total
from app.domains.billing.rules.items import Item, TaxCategory, subtotal_of

NOTES = {
    TaxCategory.REVERSE_CHARGE: "Reverse charge",
    TaxCategory.EXEMPT: "Exempt from tax",
}
"""What an invoice must say where a line is in a category (Directive 2006/112/EC, article 226, 11 and 11a)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line with its amounts: net_amount + tax_amount = total_amount, which is what is to be paid.

    `subtotal` is quantity * unit_price: subtotal - discount_amount is the net amount, or the total where prices include
    the tax.
    """

    description: str
    quantity: Decimal
    unit_price: Decimal
    subtotal: Decimal
    discount_amount: Decimal
    net_amount: Decimal
    tax_rate: Decimal
    tax_category: TaxCategory
    tax_amount: Decimal
    total_amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """Lines in one currency; every total is their sum. A credit note is one too, with amounts below zero."""

    currency: str
    prices_include_tax: bool
    lines: tuple[Line, ...]

    @property
    def subtotal(self) -> Decimal:
        return total(line.subtotal for line in self.lines)

    @property
    def discount_amount(self) -> Decimal:
        return total(line.discount_amount for line in self.lines)

    @property
    def net_amount(self) -> Decimal:
        return total(line.net_amount for line in self.lines)

    @property
    def tax_amount(self) -> Decimal:
        return total(line.tax_amount for line in self.lines)

    @property
    def total_amount(self) -> Decimal:
        return total(line.total_amount for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTotal:
    """What an invoice bears of one tax: the net amounts at a rate, and the tax on them. `tax_rate`: percent."""

    tax_category: TaxCategory
    tax_rate: Decimal
    net_amount: Decimal
    tax_amount: Decimal


def invoiced(items: Sequence[Item], *, currency: str, prices_include_tax: bool = False) -> Invoice:
    """The invoice for items that have no fault."""
    return Invoice(
        currency=currency,
        prices_include_tax=prices_include_tax,
        lines=tuple(_line(item, currency, prices_include_tax=prices_include_tax) for item in items),
    )


def _line(item: Item, currency: str, *, prices_include_tax: bool) -> Line:
    subtotal = subtotal_of(item, currency)
    price = subtotal - item.discount_amount
    rate = Fraction(item.tax_rate)
    if prices_include_tax:
        tax = half_up(Fraction(price) * rate / (HUNDRED + rate), currency)
        net = price - tax
    else:
        tax = half_up(Fraction(price) * rate / HUNDRED, currency)
        net = price
    return Line(
        description=item.description,
        quantity=item.quantity,
        unit_price=item.unit_price,
        subtotal=subtotal,
        discount_amount=item.discount_amount,
        net_amount=net,
        tax_rate=item.tax_rate,
        tax_category=item.tax_category,
        tax_amount=tax,
        total_amount=net + tax,
    )


def tax_summary(invoice: Invoice) -> tuple[TaxTotal, ...]:
    """What is owed per category and rate, the highest rate first; together all of the invoice."""
    kinds = {(line.tax_rate, line.tax_category) for line in invoice.lines}
    return tuple(
        TaxTotal(
            tax_category=category,
            tax_rate=rate,
            net_amount=total(line.net_amount for line in _taxed(invoice, rate, category)),
            tax_amount=total(line.tax_amount for line in _taxed(invoice, rate, category)),
        )
        for rate, category in sorted(kinds, key=lambda kind: (-kind[0], kind[1]))
    )


def notes(invoice: Invoice) -> tuple[str, ...]:
    """The sentences that the invoice must bear for the taxes that it does not."""
    present = {line.tax_category for line in invoice.lines}
    return tuple(note for category, note in NOTES.items() if category in present)


def _taxed(invoice: Invoice, rate: Decimal, category: TaxCategory) -> list[Line]:
    return [line for line in invoice.lines if line.tax_rate == rate and line.tax_category == category]
