"""How a site survey moves on, and what its result has to say."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.core.errors import Fault
from app.domains.crm.rules.leads import ADDRESS_PARTS, NEEDED_OF_AN_ADDRESS

MAX_LATITUDE, MAX_LONGITUDE = Decimal(90), Decimal(180)
MAX_METRES = 1_000_000
MAX_COST = Decimal(10) ** 9


class Status(StrEnum):
    """How far a survey is."""

    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


OPEN = (Status.REQUESTED, Status.SCHEDULED)

PLANNED = frozenset({"address", "latitude", "longitude", "scheduled_for", "surveyor", "notes"})
"""What may be changed until the place has been surveyed."""
FOUND = frozenset(
    {
        "is_feasible",
        "reason",
        "technology",
        "fiber_distance_m",
        "olt",
        "pop",
        "port",
        "ont_type",
        "estimated_cost",
        "currency",
        "latitude",
        "longitude",
        "notes",
        "surveyor",
    }
)
"""What the surveyor may say."""


def planned_faults(fields: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with what is to be surveyed."""
    address = fields.get("address") or {}
    found = [
        Fault(f"/address/{part}", "This must not be empty.") for part in NEEDED_OF_AN_ADDRESS if not address.get(part)
    ]
    found += [
        Fault(f"/address/{part}", f"An address is made of {', '.join(ADDRESS_PARTS)}.")
        for part in sorted(address.keys() - set(ADDRESS_PARTS))
    ]
    return [*found, *_place_faults(fields)]


def result_faults(fields: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with what the surveyor says."""
    found = _place_faults(fields)
    if not fields["is_feasible"] and not fields.get("reason"):
        found.append(Fault("/reason", "Say why it cannot be done."))
    if fields["is_feasible"] and not fields.get("technology"):
        found.append(Fault("/technology", "Say by which technology it can be done."))
    if fields.get("estimated_cost") is not None and not fields.get("currency"):
        found.append(Fault("/currency", "An amount has a currency."))
    for name, most in (("fiber_distance_m", MAX_METRES), ("estimated_cost", MAX_COST)):
        value = fields.get(name)
        if value is not None and not (value.is_finite() and 0 <= value <= most):
            found.append(Fault(f"/{name}", f"This lies between 0 and {most:,}."))
    return found


def _place_faults(fields: Mapping[str, Any]) -> list[Fault]:
    latitude, longitude = fields.get("latitude"), fields.get("longitude")
    if (latitude is None) is not (longitude is None):
        missing = "latitude" if latitude is None else "longitude"
        return [Fault(f"/{missing}", "A place has a latitude and a longitude.")]
    return [
        Fault(f"/{name}", f"This lies between -{most} and {most} degrees.")
        for name, value, most in (("latitude", latitude, MAX_LATITUDE), ("longitude", longitude, MAX_LONGITUDE))
        if value is not None and not (value.is_finite() and abs(value) <= most)
    ]
