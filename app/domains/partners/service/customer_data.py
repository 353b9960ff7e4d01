"""What a partner tells of a new customer, as a document: read into what the customers room takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from app.core.errors import Fault, Invalid
from app.domains.customers import service as customers

DEFAULT_KIND = customers.Kind.SERVICE.value
"""What an address is for that does not say it."""

_OWN = {"status", "partner_id", "lead_id"}
_DOCUMENTS = {"settings", "labels"}
_TEXTS = {each.name for each in fields(customers.NewCustomer)} - _OWN - _DOCUMENTS - {"addresses"}
_ADDRESS = {each.name for each in fields(customers.NewAddress)}
_NEEDED = {each.name for each in fields(customers.NewAddress) if each.default is MISSING}
_DEGREES = ("latitude", "longitude")


def read_customer(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a customer. Their form alone is looked at; what they say, the customers room checks.

    Raises Invalid with all faults, by their place in the document.
    """
    faults = [
        Fault(f"/customer_data/{name}", "Nothing of this name is told of a customer.")
        for name in sorted(data.keys() - _TEXTS - _DOCUMENTS - {"addresses"})
    ]
    faults += [
        Fault(f"/customer_data/{name}", "This is a text.")
        for name in sorted(data.keys() & _TEXTS)
        if not isinstance(data[name], str | None)
    ]
    faults += [
        Fault(f"/customer_data/{name}", "This is an object.")
        for name in sorted(data.keys() & _DOCUMENTS)
        if not isinstance(data[name], Mapping)
    ]
    if not data.get("email"):
        faults.append(Fault("/customer_data/email", "A customer has an e-mail address."))
    addresses, wrong = _addresses(data.get("addresses") or [])
    if faults := [*faults, *wrong]:
        message = "The customer's data cannot be used: " + " ".join(str(fault) for fault in faults)
        raise Invalid(message, faults=faults)
    kept = {name: value for name, value in data.items() if value is not None}
    return kept | ({"addresses": addresses} if addresses else {})


def _addresses(given: Any) -> tuple[list[customers.NewAddress], list[Fault]]:
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        return [], [Fault("/customer_data/addresses", "Addresses are a list of objects.")]
    kept: list[customers.NewAddress] = []
    faults: list[Fault] = []
    for position, each in enumerate(given):
        address = {"kind": DEFAULT_KIND, **each}
        wrong = _address_faults(address, place=f"/customer_data/addresses/{position}")
        faults += wrong
        if not wrong:
            degrees = {name: Decimal(str(address[name])) for name in _DEGREES if address.get(name) is not None}
            kept.append(customers.NewAddress(**(address | degrees)))
    return kept, faults


def _address_faults(address: Mapping[str, Any], *, place: str) -> list[Fault]:
    faults = [Fault(f"{place}/{name}", "An address has no such part.") for name in sorted(address.keys() - _ADDRESS)]
    for name in sorted(_ADDRESS):
        value = address.get(name)
        if value is None:
            if name in _NEEDED:
                faults.append(Fault(f"{place}/{name}", "An address has this."))
        elif not _fits(name, value):
            faults.append(Fault(f"{place}/{name}", "This is of another kind."))
    return faults


def _fits(name: str, value: Any) -> bool:
    if name == "is_primary":
        return isinstance(value, bool)
    if name not in _DEGREES:
        return isinstance(value, str)
    try:
        return not isinstance(value, bool) and Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False
