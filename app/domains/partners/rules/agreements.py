"""What can be wrong with an agreement on commissions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from app.core.errors import Fault
from app.domains.partners.rules.amounts import amount_faults, currency_faults
from app.domains.partners.rules.commissions import HUNDRED, RATE_STEP, Applies, Kind, Terms, Tier

MAX_TIERS = 20

_NAMED = {Kind.PERCENTAGE.value: "rate", Kind.TIERED.value: "tiers", Kind.FIXED.value: "amount"}


def faults(terms: Terms, *, applies_to: str, valid_from: datetime, valid_until: datetime | None) -> list[Fault]:
    """Everything that is wrong with an agreement."""
    found: list[Fault] = []
    if applies_to not in list(Applies):
        found.append(Fault("/applies_to", f"An agreement is for one of {', '.join(Applies)}."))
    if valid_until is not None and valid_until <= valid_from:
        found.append(Fault("/valid_until", "An agreement ends later than it begins."))
    return [*found, *(currency_faults(terms.currency) or _term_faults(terms))]


def _term_faults(terms: Terms) -> list[Fault]:
    """An agreement of a kind names what it is reckoned by, and nothing else."""
    wanted = _NAMED.get(terms.kind)
    if wanted is None:
        return [Fault("/kind", f"An agreement is one of {', '.join(Kind)}.")]
    given = {"rate": terms.rate is not None, "tiers": bool(terms.tiers), "amount": terms.amount is not None}
    if not given.pop(wanted):
        return [Fault(f"/{wanted}", f"A {terms.kind} agreement names its {wanted}.")]
    if other := [name for name, is_given in given.items() if is_given]:
        return [Fault(f"/{name}", f"A {terms.kind} agreement has no {name}.") for name in other]
    if terms.amount is not None:
        return amount_faults("/amount", terms.amount, terms.currency)
    if terms.rate is not None:
        return _rate_faults("/rate", terms.rate)
    return _tier_faults(terms.tiers, terms.currency)


def _rate_faults(pointer: str, rate: Decimal) -> list[Fault]:
    if not rate.is_finite() or not 0 <= rate <= HUNDRED:
        return [Fault(pointer, "A rate is between 0 and 100 percent.")]
    if rate != rate.quantize(RATE_STEP):
        return [Fault(pointer, "A rate has at most four decimals.")]
    return []


def _tier_faults(tiers: Sequence[Tier], currency: str) -> list[Fault]:
    if len(tiers) > MAX_TIERS:
        return [Fault("/tiers", f"An agreement has at most {MAX_TIERS} tiers.")]
    found: list[Fault] = []
    for place, tier in enumerate(tiers):
        found += _rate_faults(f"/tiers/{place}/rate", tier.rate)
        found += amount_faults(f"/tiers/{place}/from_amount", tier.from_amount, currency)
    if found:
        return found
    if tiers[0].from_amount != 0:
        return [Fault("/tiers/0/from_amount", "The first tier begins at 0.")]
    return [
        Fault(f"/tiers/{place}/from_amount", "A tier begins above the one before it.")
        for place in range(1, len(tiers))
        if tiers[place].from_amount <= tiers[place - 1].from_amount
    ]
