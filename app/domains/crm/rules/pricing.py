"""What an offer costs: the catalogue's price, less what this offer takes off each line, with tax on what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from app.core.errors import Fault
from app.core.money import rounded

MAX_TOTAL = Decimal(10) ** 12
"""No offer is worth more, in whatever currency."""

_HUNDRED = Decimal(100)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedLine:
    """One line of an offer. `unit_price`: of one unit for one billing period; `discount_amount`: of the whole line."""

    product_code: str
    name: str
    quantity: int
    unit_price: Decimal
    discount_amount: Decimal = _NOTHING
    tax_amount: Decimal = _NOTHING
    configuration: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subtotal(self) -> Decimal:
        return self.quantity * self.unit_price

    @property
    def net_amount(self) -> Decimal:
        """What the line costs without tax."""
        return self.subtotal - self.discount_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the lines of an offer cost together."""

    subtotal: Decimal
    discount_amount: Decimal
    tax_amount: Decimal

    @property
    def total_amount(self) -> Decimal:
        return self.subtotal - self.discount_amount + self.tax_amount


def offered(
    lines: Sequence[OfferedLine], *, discount_percent: Decimal, tax_rate: Decimal, currency: str
) -> tuple[OfferedLine, ...]:
    """The lines at the offer's price: so many percent less than they cost now, taxed anew. Both rates are in percent.

    Rounded half-up per line, as everywhere.
    """
    return tuple(_offered(line, discount_percent, tax_rate, currency) for line in lines)


def sums(lines: Sequence[OfferedLine]) -> Sums:
    """Every amount is the sum of its lines' amounts."""
    return Sums(
        subtotal=sum((line.subtotal for line in lines), _NOTHING),
        discount_amount=sum((line.discount_amount for line in lines), _NOTHING),
        tax_amount=sum((line.tax_amount for line in lines), _NOTHING),
    )


def sum_faults(amounts: Sums, *, pointer: str) -> list[Fault]:
    """What is wrong with what an offer costs."""
    if max(amounts.subtotal, amounts.total_amount) <= MAX_TOTAL:
        return []
    return [Fault(pointer, f"A quote is over at most {MAX_TOTAL:,f}.")]


def _offered(line: OfferedLine, discount_percent: Decimal, tax_rate: Decimal, currency: str) -> OfferedLine:
    discount = line.discount_amount + rounded(line.net_amount * discount_percent / _HUNDRED, currency)
    tax = rounded((line.subtotal - discount) * tax_rate / _HUNDRED, currency)
    return replace(line, discount_amount=discount, tax_amount=tax)
