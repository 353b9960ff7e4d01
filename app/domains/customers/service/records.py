"""What goes with every change of a customer: addresses, event, the audit log's picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from app.core.errors import Fault
from app.core.events import emit
from app.domains.customers.errors import CustomerInvalid
from app.domains.customers.models import Customer, CustomerAddress
from app.domains.customers.rules import NewAddress


def refuse(faults: Sequence[Fault]) -> None:
    """Raise CustomerInvalid with all faults, if there are any."""
    if faults:
        sentences = dict.fromkeys(fault.message.rstrip(".") + "." for fault in faults)
        raise CustomerInvalid(" ".join(sentences), faults=faults)


def fill_addresses(session: Session, customer: Customer, addresses: Sequence[NewAddress]) -> None:
    """These are the customer's addresses from now on."""
    customer.addresses.clear()
    session.flush()
    customer.addresses.extend(
        CustomerAddress(**asdict(address), position=position) for position, address in enumerate(addresses, start=1)
    )
    session.flush()


def subject(customer: Customer) -> str:
    """What the customer's events and audit rows are about."""
    return f"customer/{customer.id}"


def announce(session: Session, event_type: str, customer: Customer) -> None:
    """The event of a change that was flushed."""
    about = {
        "customer_id": str(customer.id),
        "customer_number": customer.customer_number,
        "email": customer.email,
        "status": customer.status,
    }
    emit(session, event_type, subject(customer), about, owner_id=customer.owner_id)


def picture(customer: Customer) -> dict[str, Any]:
    """What the audit log, from which nothing is ever removed, keeps of a customer: no personal data beyond the number."""
    return {
        "customer_number": customer.customer_number,
        "status": customer.status,
        "tier": customer.tier,
        "currency": customer.currency,
        "country": customer.country,
        "partner_id": _text(customer.partner_id),
        "lead_id": _text(customer.lead_id),
        "addresses": len(customer.addresses),
    }


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
