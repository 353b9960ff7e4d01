"""What an order is made of, and what of it may be changed when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email

BILLING_CYCLES = ("monthly", "annual", "one_time")
DEPLOYMENT_TYPES = ("local", "kubernetes", "awx", "docker", "none")
ITEM_TYPES = ("service", "addon", "one_time")
PAYMENT_STATUSES = ("pending", "paid", "failed", "refunded")
PAID, REFUNDED = "paid", "refunded"


class Source(StrEnum):
    """Where an order came from."""

    PUBLIC_API = "public_api"
    QUICK = "quick"
    CRM_QUOTE = "crm_quote"
    INTERNAL = "internal"
    TMF = "tmf"


SOURCE_NAMES = tuple(source.value for source in Source)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What an order is made of. `selected_services`: {service_code, quantity, name?, configuration?}, besides the package's.

    `quote_id`: the quote whose prices are the order's.
    """

    source: Source
    customer_email: str
    customer_name: str
    organization_slug: str
    company_name: str | None = None
    customer_phone: str | None = None
    billing_address: Mapping[str, Any] = field(default_factory=dict)
    organization_name: str | None = None
    deployment_template_id: UUID | None = None
    deployment_region: str | None = None
    deployment_type: str | None = None
    package_code: str | None = None
    selected_services: Sequence[Mapping[str, Any]] = ()
    service_configuration: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    currency: str = "USD"
    promo_code: str | None = None
    billing_cycle: str = "monthly"
    contract_reference: str | None = None
    contract_start_date: date | None = None
    contract_end_date: date | None = None
    external_order_id: str | None = None
    quote_id: UUID | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    referrer: str | None = None
    notes: str | None = None
    auto_activate: bool | None = None


ALWAYS_EDITABLE = frozenset({"notes"})
"""What may be changed in every state; the rest of an order only while it is a draft."""

PRICED = frozenset({"selected_services", "package_code", "currency", "billing_cycle", "deployment_region"})
"""A change of these is a new price."""


def email_fault(address: str) -> str | None:
    """What is wrong with an e-mail address in form, as a sentence; None when nothing is. Asks no name server."""
    try:
        validate_email(address, check_deliverability=False)
    except EmailNotValidError as error:
        return f"This is no e-mail address: {error}"
    return None


# --- orders from quotes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedItem:
    """A line at the price that was agreed. `unit_price`: of one unit for one billing period; discount and tax: of the line."""

    service_code: str
    name: str
    quantity: int = 1
    unit_price: Decimal
    discount_amount: Decimal = Decimal(0)
    tax_amount: Decimal = Decimal(0)
    configuration: Mapping[str, Any] = field(default_factory=dict)


def external_id_of(quote_number: str) -> str:
    """Under which external number the order of a quote is found again."""
    return f"QUOTE-{quote_number}"
