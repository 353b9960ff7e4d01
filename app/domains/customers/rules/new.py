"""What a customer and an address are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domains.customers.rules.statuses import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """An address. `country`: ISO 3166-1 alpha-2; `region`: state or province; latitude and longitude in degrees (WGS 84)."""

    kind: str
    line1: str
    city: str
    country: str
    line2: str | None = None
    region: str | None = None
    postal_code: str | None = None
    is_primary: bool = False
    latitude: Decimal | None = None
    longitude: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCustomer:
    """What a customer is made of. `name` None: that of the person, else of the company.

    A `phone` without a country code is one of `country`. `currency`: ISO 4217. `partner_id` and `lead_id` refer by value.
    """

    email: str
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    phone: str | None = None
    status: str = Status.PROSPECT.value
    tier: str | None = None
    currency: str | None = None
    tax_id: str | None = None
    country: str | None = None
    partner_id: UUID | None = None
    lead_id: UUID | None = None
    addresses: Sequence[NewAddress] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


EDITABLE = frozenset(each.name for each in fields(NewCustomer)) - {"status", "partner_id", "lead_id"}
"""What a change may name: the status has verbs of its own, and whose customer somebody is stays."""


def full_name(*, first_name: str | None, last_name: str | None, company_name: str | None) -> str | None:
    """What somebody is called who has not said it: the person's name, else the company's."""
    return " ".join(part for part in (first_name, last_name) if part) or company_name
