"""The form in which each value is kept. Every function raises ValueError with the sentence that says what is wrong."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files

from app.core.contacts import e164
from app.domains.customers.rules.statuses import Status, is_legal

MAX_NAME = 200
MAX_CODE = 64
MAX_LATITUDE, MAX_LONGITUDE = Decimal(90), Decimal(180)

_CURRENCY = re.compile(r"[A-Z]{3}")
_PLACE = Decimal("0.000001")
"""Six decimals of a degree are a hand's breadth."""


class Kind(StrEnum):
    """What an address is for."""

    BILLING = "billing"
    SERVICE = "service"
    SHIPPING = "shipping"


def phone(number: str | None, *, country: str | None) -> str | None:
    """E.164; a number without a country code is one of `country`. An empty one is none."""
    if number is None or not number.strip():
        return None
    try:
        return e164(number, country=country)
    except ValueError:
        raise ValueError(
            "This is no telephone number: give it with its country code (+49 30 1234567), without extension."
        ) from None


def name(value: str | None) -> str | None:
    """A text; an empty one is none."""
    return _text(value, longest=MAX_NAME)


def code(value: str | None) -> str | None:
    """A short text; an empty one is none."""
    return _text(value, longest=MAX_CODE)


def required(value: str | None) -> str:
    """A text that is not empty."""
    text = name(value)
    if text is None:
        raise ValueError("This must not be empty.")
    return text


def currency(value: str | None) -> str | None:
    """ISO 4217, by its form."""
    letters = (value or "").strip().upper()
    if letters and not _CURRENCY.fullmatch(letters):
        raise ValueError("A currency is its ISO 4217 code: three letters.")
    return letters or None


def country(value: str | None) -> str | None:
    """ISO 3166-1 alpha-2."""
    letters = (value or "").strip().upper()
    if letters and letters not in _countries():
        raise ValueError("A country is its ISO 3166 code: two letters.")
    return letters or None


def required_country(value: str | None) -> str:
    """ISO 3166-1 alpha-2."""
    letters = country(value)
    if letters is None:
        raise ValueError("An address is in a country: its ISO 3166 code, two letters.")
    return letters


def latitude(value: Decimal | None) -> Decimal | None:
    """Degrees north."""
    return _degrees(value, most=MAX_LATITUDE)


def longitude(value: Decimal | None) -> Decimal | None:
    """Degrees east."""
    return _degrees(value, most=MAX_LONGITUDE)


def kind(value: str) -> str:
    """What an address is for."""
    try:
        return Kind(value).value
    except ValueError:
        raise ValueError(f"An address is one of {', '.join(Kind)}.") from None


def first_status(value: str) -> str:
    """A status that a customer may begin with."""
    allowed = [status.value for status in Status if is_legal(None, status)]
    if value not in allowed:
        raise ValueError(f"A customer begins as one of {', '.join(allowed)}.")
    return str(value)


def _text(value: str | None, *, longest: int) -> str | None:
    text = (value or "").strip()
    if len(text) > longest:
        raise ValueError(f"This has at most {longest} characters.")
    return text or None


def _degrees(value: Decimal | None, *, most: Decimal) -> Decimal | None:
    if value is None:
        return None
    if not value.is_finite() or abs(value) > most:
        raise ValueError(f"This lies between -{most} and {most} degrees.")
    return value.quantize(_PLACE)


@cache
def _countries() -> frozenset[str]:
    """As the time zone database, which is renewed several times a year, has them."""
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text(encoding="utf-8").splitlines()
    return frozenset(line.partition("\t")[0] for line in lines if not line.startswith("#"))
