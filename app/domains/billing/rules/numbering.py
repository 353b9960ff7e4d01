"""Invoice numbers: `INV-EXAMPLEI-2026-000001`, and the order in which they follow each other without gaps.

Sequential numbers are the law's (Directive 2006/112/EC, article 226, 2); a year in them lets each begin again at 1. A
number is given when an invoice is issued, never to a draft, and once given it stays: an invoice is voided or credited,
not removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX_LETTERS = 8

_NUMBER = re.compile(r"(?P<prefix>.*-)(?P<year>[0-9]{4})-(?P<number>[0-9]{6,})")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an invoice stands in its series: the year of its date in the owner's zone, and its number in it, from 1."""

    year: int
    number: int


def series_prefix(slug: str) -> str:
    """What a tenant's invoice numbers begin with: `INV-EXAMPLEI-` for example-isp."""
    return f"INV-{re.sub(r'[^A-Z0-9]', '', slug.upper())[:PREFIX_LETTERS]}-"


def following(last: Place | None, *, year: int) -> Place:
    """The place after the last one that was given out; the first of each year is 1.

    Years do not go back: an invoice that is dated before the last one's year (its owner moved to a zone further west)
    is counted in the last one's, since the earlier year's series may have been handed in as complete.
    """
    if last is None or year > last.year:
        return Place(year, 1)
    return Place(last.year, last.number + 1)


def invoice_number(prefix: str, place: Place) -> str:
    """The number of an invoice; `prefix` ends in a hyphen. Past 999999 it grows longer, so that none comes twice."""
    return f"{prefix}{place.year:04d}-{place.number:06d}"


def read(invoice_number: str) -> tuple[str, Place]:
    """Prefix and place of a number. Raises ValueError for what is none."""
    found = _NUMBER.fullmatch(invoice_number)
    if found is None:
        raise ValueError(f"“{invoice_number}” is no invoice number.")
    return found["prefix"], Place(int(found["year"]), int(found["number"]))


def missing(places: Iterable[Place]) -> list[Place]:
    """The gaps in a series, in order: what an auditor asks for, and what must be none."""
    given = set(places)
    last: dict[int, int] = {}
    for place in given:
        last[place.year] = max(place.number, last.get(place.year, 0))
    expected = {Place(year, number) for year, most in last.items() for number in range(1, most + 1)}
    return sorted(expected - given)
