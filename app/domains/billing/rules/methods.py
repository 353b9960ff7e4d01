"""What may be kept as a payment method: the name that a gateway gave it, never the card itself."""

from __future__ import annotations

import re

LONGEST = 200
_CARD_NUMBER = re.compile(r"(?:[0-9][ -]?){12,19}")


def method_fault(reference: str) -> str | None:
    """What is wrong with the name of a payment method, as a sentence that does not repeat it; None when nothing is."""
    if not reference.strip() or len(reference) > LONGEST:
        return f"A payment method has a name of 1 to {LONGEST} characters."
    if _CARD_NUMBER.fullmatch(reference.strip()):
        return "Card numbers are not taken: name the payment method as the gateway calls it."
    return None
