"""What a customer's tenant is called in addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_BASE = 50
"""Leaves room for what tells tenants of one name apart, within the 63 characters of a DNS label."""
MOST_OF_ONE_NAME = 100

_OTHER = re.compile(r"[^a-z0-9]+")


def slugs(name: str, *, shortest: int, otherwise: str) -> Iterator[str]:
    """Slugs for a company's name, the best first: `example-isp`, then `example-isp-2` and so on.

    Letters keep their base ("Söhne" is `sohne`). `otherwise`: what it is called where fewer than `shortest` characters are
    left, as of a name in another script.
    """
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    base = _OTHER.sub("-", plain)[:LONGEST_BASE].strip("-")
    if len(base) < shortest:
        base = _OTHER.sub("-", otherwise.casefold()).strip("-")
    yield base
    for number in range(2, MOST_OF_ONE_NAME + 1):
        yield f"{base}-{number}"
