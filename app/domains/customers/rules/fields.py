"""The fields of a customer, checked together: every fault at once, by its place in the customer's document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.core.contacts import normal_email
from app.core.errors import Fault
from app.domains.customers.rules import values
from app.domains.customers.rules.new import NewAddress

MAX_ADDRESSES = 20

Form = Callable[[Any], Any]

_FORMS: Mapping[str, Form] = {
    "email": normal_email,
    "name": values.name,
    "first_name": values.name,
    "last_name": values.name,
    "company_name": values.name,
    "status": values.first_status,
    "tier": values.code,
    "currency": values.currency,
    "tax_id": values.code,
    "country": values.country,
}
_ADDRESS_FORMS: Mapping[str, Form] = {
    "kind": values.kind,
    "line1": values.required,
    "line2": values.name,
    "city": values.required,
    "region": values.name,
    "postal_code": values.code,
    "country": values.required_country,
    "latitude": values.latitude,
    "longitude": values.longitude,
}


def checked(wanted: Mapping[str, Any], *, country: str | None = None) -> tuple[dict[str, Any], list[Fault]]:
    """These fields of a customer in the form in which they are kept, and what is wrong with them.

    `country`: the customer's, as it is kept, where the fields name none.
    """
    kept = dict(wanted)
    faults = _formed(kept, _FORMS)
    if "phone" in wanted:
        of_country = None if any(fault.pointer == "/country" for fault in faults) else kept.get("country", country)
        faults += _formed(kept, {"phone": lambda number: values.phone(number, country=of_country)})
    if "addresses" in wanted:
        kept["addresses"], wrong = _addresses(wanted["addresses"])
        faults += wrong
    return kept, faults


def _addresses(wanted: Sequence[NewAddress]) -> tuple[list[NewAddress], list[Fault]]:
    """Of each kind one is the primary: the one that says so, else the first."""
    if len(wanted) > MAX_ADDRESSES:
        return [], [Fault("/addresses", f"A customer has at most {MAX_ADDRESSES} addresses.")]
    kept: list[NewAddress] = []
    faults: list[Fault] = []
    for position, address in enumerate(wanted):
        clean, wrong = _address(address)
        kept.append(clean)
        faults += [replace(fault, pointer=f"/addresses/{position}{fault.pointer}") for fault in wrong]
    primary: dict[str, int] = {}
    for position, address in enumerate(kept):
        if address.is_primary and primary.setdefault(address.kind, position) != position:
            message = f"Another {address.kind} address is the primary one."
            faults.append(Fault(f"/addresses/{position}/is_primary", message))
    for position, address in enumerate(kept):
        if primary.setdefault(address.kind, position) == position:
            kept[position] = replace(address, is_primary=True)
    return kept, faults


def _address(wanted: NewAddress) -> tuple[NewAddress, list[Fault]]:
    kept = {name: getattr(wanted, name) for name in _ADDRESS_FORMS}
    faults = _formed(kept, _ADDRESS_FORMS)
    if (wanted.latitude is None) is not (wanted.longitude is None):
        missing = "latitude" if wanted.latitude is None else "longitude"
        faults.append(Fault(f"/{missing}", "A place has a latitude and a longitude."))
    return replace(wanted, **kept), faults


def _formed(kept: dict[str, Any], forms: Mapping[str, Form]) -> list[Fault]:
    """Bring the values that are there into their forms; what is wrong with the others."""
    faults: list[Fault] = []
    for name in kept.keys() & forms.keys():
        try:
            kept[name] = forms[name](kept[name])
        except ValueError as error:
            faults.append(Fault(f"/{name}", str(error)))
    return sorted(faults, key=lambda fault: fault.pointer)
