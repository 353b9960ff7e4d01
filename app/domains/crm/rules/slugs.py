"""Which subdomain a company gets that has not asked for one."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 40
SHORTEST = 3
_FALLBACK = "customer"

_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "å": "aa", "ł": "l"})


def slug_of(name: str) -> str:
    """The name in the letters of a DNS label: “Müller & Søn A/S” is `mueller-son-a-s`."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(_SPELLED_OUT))
    ascii_only = plain.encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
    slug = words[:LONGEST].strip("-")
    return slug if len(slug) >= SHORTEST else _FALLBACK


def numbered(slug: str, number: int) -> str:
    """Another one when the first is taken: `mueller-2`."""
    return slug if number == 1 else f"{slug}-{number}"
