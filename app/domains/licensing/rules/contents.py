"""What a license may hold, and how long it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dateutil.relativedelta import relativedelta

from app.core.errors import Fault

MAX_PRODUCTS = 50
MAX_FEATURES = 100
MAX_SEATS = 1_000_000
MAX_TERM_MONTHS = 1200
MAX_VALUE_LENGTH = 200
LAST_YEAR = 9000
"""Far enough from the last time that can be written down in any zone."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a license gives: products by their codes, features by name (a flag, a whole number or a word each), users at once."""

    products: tuple[str, ...]
    features: Mapping[str, Any]
    seats: int


def end_of_term(start: datetime, *, term_months: int) -> datetime:
    """The same time of day so many calendar months later; where that month is shorter, its last day."""
    return start + relativedelta(months=term_months)


def code_faults(code: str) -> list[Fault]:
    """What is wrong with a template's new code."""
    if _CODE.fullmatch(code):
        return []
    return [Fault("/code", "A code is made of lower-case letters, digits and hyphens (at most 63).")]


def faults(contents: Contents) -> list[Fault]:
    """Everything that is wrong with what a license is to hold."""
    found = [*_product_faults(contents.products), *_feature_faults(contents.features)]
    if not 1 <= contents.seats <= MAX_SEATS:
        found.append(Fault("/seats", f"A license has between 1 and {MAX_SEATS:,} seats."))
    return found


def term_faults(term_months: int | None) -> list[Fault]:
    """What is wrong with a term; none given means without end."""
    if term_months is None or 1 <= term_months <= MAX_TERM_MONTHS:
        return []
    return [Fault("/term_months", f"A term has between 1 and {MAX_TERM_MONTHS:,} months.")]


def end_faults(expires_at: datetime | None, *, issued_at: datetime) -> list[Fault]:
    """What is wrong with the time at which a license is to end."""
    if expires_at is None:
        return []
    if expires_at.tzinfo is None:
        return [Fault("/expires_at", "A time names its offset from UTC.")]
    if expires_at.year > LAST_YEAR:
        return [Fault("/expires_at", f"A license ends by the year {LAST_YEAR}, or never.")]
    return [] if expires_at > issued_at else [Fault("/expires_at", "A license ends later than it begins.")]


def _product_faults(products: Sequence[str]) -> list[Fault]:
    if not 1 <= len(products) <= MAX_PRODUCTS:
        return [Fault("/products", f"A license is for between 1 and {MAX_PRODUCTS} products.")]
    if len(set(products)) < len(products):
        return [Fault("/products", "A product is named once.")]
    return [
        Fault(f"/products/{place}", "A product's code is made of lower-case letters, digits, dots, _ and -.")
        for place, product in enumerate(products)
        if not _NAME.fullmatch(product)
    ]


def _feature_faults(features: Mapping[str, Any]) -> list[Fault]:
    if len(features) > MAX_FEATURES:
        return [Fault("/features", f"A license has at most {MAX_FEATURES} features.")]
    if any(not _NAME.fullmatch(name) for name in features):
        return [Fault("/features", "A feature's name is made of lower-case letters, digits, dots, _ and -.")]
    return [
        Fault(
            f"/features/{name}",
            f"A feature is a flag, a whole number or a word of at most {MAX_VALUE_LENGTH} characters.",
        )
        for name, value in features.items()
        if not isinstance(value, (bool, int, str)) or len(str(value)) > MAX_VALUE_LENGTH
    ]
