"""What a lead is worth, in points out of 100: how well it is known, where it came from, and how much it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.domains.crm.rules.leads import Source

MOST = 100

_KNOWN: Mapping[str, int] = {"phone": 15, "address": 10, "organization_slug": 5}
"""Points for what is known of a lead beyond what it needs to be qualified."""
_OWN_DOMAIN = 20
"""Points for an address under a domain of its own, not one where everybody gets one."""
_OF_SOURCE: Mapping[str, int] = {
    Source.REFERRAL: 20,
    Source.PARTNER: 20,
    Source.EVENT: 15,
    Source.WEBSITE: 15,
    Source.CAMPAIGN: 10,
    Source.API: 10,
    Source.OUTBOUND: 5,
    Source.OTHER: 0,
}
_PER_PRODUCT = 8
_FOR_PRODUCTS = 20
_PER_UNIT = 2
_FOR_UNITS = 10

_EVERYBODYS = frozenset(
    {
        "aol.com",
        "fastmail.com",
        "gmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "mail.com",
        "mail.ru",
        "outlook.com",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "t-online.de",
        "web.de",
        "yahoo.com",
        "yandex.ru",
        "zoho.com",
    }
)


def score(fields: Mapping[str, Any]) -> int:
    """Points of a lead with these fields, from 0 to 100. More known or wanted never gives fewer."""
    products = fields["wanted_products"]
    points = sum(worth for name, worth in _KNOWN.items() if fields[name])
    points += _OF_SOURCE[fields["source"]]
    points += _OWN_DOMAIN if _has_own_domain(fields["email"]) else 0
    points += min(len(products) * _PER_PRODUCT, _FOR_PRODUCTS)
    points += min(_further_units(products) * _PER_UNIT, _FOR_UNITS)
    return min(points, MOST)


def _has_own_domain(email: str | None) -> bool:
    return bool(email) and str(email).rpartition("@")[2].lower() not in _EVERYBODYS


def _further_units(products: Sequence[Mapping[str, Any]]) -> int:
    return sum(product.get("quantity", 1) - 1 for product in products)
