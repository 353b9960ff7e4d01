"""What a sale earns a partner: a part of it, a part that grows with what was sold before, or a fixed amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from app.core.money import rounded

HUNDRED = Decimal(100)
RATE_STEP = Decimal("0.0001")
"""Rates are percentages with four decimals."""


class Kind(StrEnum):
    """How a commission is reckoned."""

    PERCENTAGE = "percentage"
    TIERED = "tiered"
    FIXED = "fixed"


class Applies(StrEnum):
    """Which sales an agreement is for."""

    FIRST_SALE = "first_sale"
    RECURRING = "recurring"
    BOTH = "both"


class CommissionType(StrEnum):
    """What a commission is for."""

    NEW_CUSTOMER = "new_customer"
    FIRST_SALE = "first_sale"
    RECURRING = "recurring"
    RENEWAL = "renewal"


class Status(StrEnum):
    """States of a commission. One that is paid or void stays so."""

    PENDING = "pending"
    PAID = "paid"
    VOID = "void"


AGREED_FOR: Mapping[str, tuple[Applies, ...]] = {
    CommissionType.NEW_CUSTOMER: (Applies.FIRST_SALE, Applies.BOTH),
    CommissionType.FIRST_SALE: (Applies.FIRST_SALE, Applies.BOTH),
    CommissionType.RECURRING: (Applies.RECURRING, Applies.BOTH),
    CommissionType.RENEWAL: (Applies.RECURRING, Applies.BOTH),
}
"""The agreements under which each type of commission is earned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """From this amount sold on, each further sale earns so many percent."""

    from_amount: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed: a `rate` in percent, or tiers, or an `amount` per sale; all money in `currency`."""

    kind: str
    currency: str
    rate: Decimal | None = None
    amount: Decimal | None = None
    tiers: Sequence[Tier] = ()


@dataclass(frozen=True, slots=True)
class Earned:
    """A commission's amount in the agreement's currency, and the percentage of the sale that it is; None: it is none of it."""

    amount: Decimal
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class NotDue:
    """No commission is owed for a sale, and why."""

    reason: str


def earned(terms: Terms, *, base: Decimal, sold_before: Decimal) -> Earned:
    """What a sale of `base` earns once `sold_before` was sold under the agreement.

    Under tiers, each part of what is sold earns the rate of the tier that it falls into. Together, the commissions of many sales
    are those of one sale of their sum, to the cent, in whatever order they were made.
    """
    if terms.kind == Kind.FIXED:
        assert terms.amount is not None
        return Earned(rounded(terms.amount, terms.currency), None)
    if terms.kind == Kind.PERCENTAGE:
        assert terms.rate is not None
        return Earned(rounded(base * terms.rate / HUNDRED, terms.currency), terms.rate)
    amount = rounded(_in_tiers(terms.tiers, sold_before + base), terms.currency)
    amount -= rounded(_in_tiers(terms.tiers, sold_before), terms.currency)
    rate = amount * HUNDRED / base if base else _tier_at(terms.tiers, sold_before).rate
    return Earned(amount, rate.quantize(RATE_STEP, rounding=ROUND_HALF_UP))


def overlaps(first: str, second: str) -> bool:
    """Whether two agreements are for some of the same sales."""
    return first == second or Applies.BOTH in {first, second}


def _in_tiers(tiers: Sequence[Tier], sold: Decimal) -> Decimal:
    """What all of it earns: each tier's rate on what lies between it and the next."""
    ends = [*(tier.from_amount for tier in tiers[1:]), sold]
    parts = (
        (min(end, sold) - tier.from_amount) * tier.rate / HUNDRED
        for tier, end in zip(tiers, ends, strict=True)
        if sold > tier.from_amount
    )
    return sum(parts, Decimal(0))


def _tier_at(tiers: Sequence[Tier], sold: Decimal) -> Tier:
    return next(tier for tier in reversed(tiers) if tier.from_amount <= sold)
