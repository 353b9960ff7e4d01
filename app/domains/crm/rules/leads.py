"""How a lead moves on, what it is made of, and what it needs to be qualified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from app.core.contacts import normal_email
from app.core.errors import Fault

MAX_PRODUCTS = 100
MAX_QUANTITY = 1_000_000
MAX_CODE_LENGTH = 63
MIN_DIGITS_OF_A_PHONE = 5

ADDRESS_PARTS = ("line1", "line2", "city", "region", "postal_code", "country")
"""What an address may say; `country` is ISO 3166-1 alpha-2."""
NEEDED_OF_AN_ADDRESS = ("line1", "city", "country")


class Status(StrEnum):
    """How far somebody is on the way to being a customer."""

    NEW = "new"
    CONTACTED = "contacted"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    LOST = "lost"


class Source(StrEnum):
    """How somebody came to us."""

    WEBSITE = "website"
    REFERRAL = "referral"
    PARTNER = "partner"
    EVENT = "event"
    CAMPAIGN = "campaign"
    OUTBOUND = "outbound"
    API = "api"
    OTHER = "other"


SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.NEW: frozenset({Status.QUALIFIED, Status.LOST}),
    Status.CONTACTED: frozenset({Status.NEW, Status.QUALIFIED}),
    Status.QUALIFIED: frozenset({Status.NEW, Status.CONTACTED, Status.CONVERTED}),
    Status.CONVERTED: frozenset({Status.QUALIFIED}),
    Status.LOST: frozenset({Status.NEW, Status.CONTACTED, Status.QUALIFIED}),
}
"""From which statuses each may be reached; a way back is only for what was undone."""

CONTACT = frozenset({"email", "phone", "first_name", "last_name", "company_name", "address"})
"""Who it is. Copied to the customer at qualification, and changed there from then on."""
WISHES = frozenset(
    {
        "wanted_products",
        "organization_slug",
        "deployment_region",
        "deployment_type",
        "currency",
        "billing_cycle",
        "notes",
    }
)
EDITABLE = CONTACT | WISHES | {"source"}
OPEN = (Status.NEW, Status.CONTACTED)


def is_legal(before: str, after: Status) -> bool:
    """Whether a lead goes from one status to the other."""
    return before in SOURCES[after]


def contact_name(*, first_name: str | None, last_name: str | None) -> str | None:
    """What the person is called; None when nobody has said it."""
    return " ".join(part for part in (first_name, last_name) if part) or None


def faults(fields: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with a lead of these fields by itself; little of it has to be known yet."""
    found = []
    if not fields.get("email") and not fields.get("phone"):
        found.append(Fault("/email", "A lead can be reached: it has an e-mail address or a telephone number."))
    if email := fields.get("email"):
        found += _email_faults(email)
    if (phone := fields.get("phone")) and sum(each.isdigit() for each in phone) < MIN_DIGITS_OF_A_PHONE:
        found.append(Fault("/phone", "This is no telephone number."))
    return [
        *found,
        *_address_faults(fields.get("address") or {}),
        *_product_faults(fields.get("wanted_products") or ()),
    ]


def missing(fields: Mapping[str, Any]) -> list[Fault]:
    """What a lead lacks to be qualified: somebody to talk to, the company, what is wanted."""
    found = []
    if not fields["email"]:
        found.append(Fault("/email", "A qualified lead has an e-mail address."))
    if contact_name(first_name=fields["first_name"], last_name=fields["last_name"]) is None:
        found.append(Fault("/last_name", "A qualified lead has the name of a person to talk to."))
    if not fields["company_name"]:
        found.append(Fault("/company_name", "A qualified lead has a company."))
    if not fields["wanted_products"]:
        found.append(Fault("/wanted_products", "A qualified lead wants at least one product."))
    return found


def fixed_faults(names: Sequence[str], *, status: str) -> list[Fault]:
    """Which of the fields that are to change can no longer change in that status."""
    if status in OPEN:
        return []
    fixed = CONTACT if status == Status.QUALIFIED else EDITABLE
    reason = "This is the customer's now: change it there." if status == Status.QUALIFIED else f"The lead is {status}."
    return [Fault(f"/{name}", reason) for name in sorted(names) if name in fixed]


def _email_faults(email: str) -> list[Fault]:
    try:
        normal_email(email)
    except ValueError as error:
        return [Fault("/email", str(error))]
    return []


def _address_faults(address: Mapping[str, Any]) -> list[Fault]:
    found = [
        Fault(f"/address/{part}", f"An address is made of {', '.join(ADDRESS_PARTS)}.")
        for part in sorted(address.keys() - set(ADDRESS_PARTS))
    ]
    if address:
        found += [
            Fault(f"/address/{part}", "This must not be empty.")
            for part in NEEDED_OF_AN_ADDRESS
            if not address.get(part)
        ]
    return found


def _product_faults(products: Sequence[Mapping[str, Any]]) -> list[Fault]:
    if len(products) > MAX_PRODUCTS:
        return [Fault("/wanted_products", f"At most {MAX_PRODUCTS} products are wanted.")]
    found, seen = [], set()
    for place, product in enumerate(products):
        code = product.get("product_code") or ""
        if not 1 <= len(code) <= MAX_CODE_LENGTH:
            found.append(Fault(f"/wanted_products/{place}/product_code", "A product is named by its code."))
        elif code in seen:
            message = f"“{code}” is listed twice: give its quantity instead."
            found.append(Fault(f"/wanted_products/{place}/product_code", message))
        seen.add(code)
        if not 1 <= product.get("quantity", 1) <= MAX_QUANTITY:
            message = f"A quantity lies between 1 and {MAX_QUANTITY:,}."
            found.append(Fault(f"/wanted_products/{place}/quantity", message))
    return found
