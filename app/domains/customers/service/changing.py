"""Customers change: what they are called and reached by, and how far they are customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault
from app.domains.customers.errors import CustomerExists, IllegalCustomerTransition
from app.domains.customers.models import Customer
from app.domains.customers.rules import EDITABLE, Status, checked, full_name, is_legal
from app.domains.customers.service.reading import lock_customer
from app.domains.customers.service.records import announce, fill_addresses, picture, refuse, subject

_NAMED_BY = ("first_name", "last_name", "company_name")
_EVENTS = {Status.ACTIVE: "customer.activated", Status.INACTIVE: "customer.deactivated"}


def update_customer(session: Session, *, customer_id: UUID, changes: Mapping[str, Any]) -> Customer:
    """Change the given fields; `addresses` (NewAddress) replaces all of them.

    A name that nobody chose follows the person's or company's. Raises CustomerNotFound, CustomerInvalid with every fault at
    once, CustomerExists when another customer has the new e-mail address.
    """
    customer = lock_customer(session, customer_id=customer_id)
    refuse([Fault(f"/{name}", "This cannot be changed.") for name in sorted(changes.keys() - EDITABLE)])
    kept, faults = checked(changes, country=customer.country)
    name = _name(customer, kept)
    if name is None:
        faults.append(Fault("/name", "A customer has a name: of a person or of a company."))
    refuse(faults)
    addresses = kept.pop("addresses", None)
    before = picture(customer)
    try:
        with session.begin_nested():
            for field, value in (kept | {"name": name}).items():
                setattr(customer, field, value)
            # a change of its addresses alone is a change of the customer, too: its version moves
            customer.updated_at = func.now()
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        raise CustomerExists(kept["email"], of_partner=before["partner_id"] is not None) from None
    if addresses is not None:
        fill_addresses(session, customer, addresses)
    after = picture(customer) | {"changed": sorted(changes)}
    audit.record(session, "customer.updated", subject(customer), before=before, after=after)
    return customer


def activate_customer(session: Session, *, customer_id: UUID, key: str | None = None) -> Customer:
    """A prospect, or somebody who left, is a customer from now on; nothing happens when they are. Raises CustomerNotFound.

    `key` names what makes a prospect active, where that may have to be taken back.
    """
    return transition(session, lock_customer(session, customer_id=customer_id), Status.ACTIVE, key=key)


def take_back_activation(session: Session, *, customer_id: UUID, key: str) -> Customer:
    """Whom `key` made active is a prospect again: what made them a customer was undone. Nothing happens to anybody else.

    Raises CustomerNotFound.
    """
    customer = lock_customer(session, customer_id=customer_id)
    if customer.status == Status.ACTIVE and customer.activated_for == key:
        before = picture(customer)
        customer.status, customer.activated_for = Status.PROSPECT.value, None
        session.flush()
        audit.record(session, "customer.activation_undone", subject(customer), before=before, after=picture(customer))
    return customer


def deactivate_customer(session: Session, *, customer_id: UUID, reason: str | None = None) -> Customer:
    """Somebody is no customer any more; nothing happens when they are none. `reason`: for the audit log.

    Raises CustomerNotFound.
    """
    return transition(session, lock_customer(session, customer_id=customer_id), Status.INACTIVE, reason=reason)


def transition(
    session: Session, customer: Customer, to: Status, *, reason: str | None = None, key: str | None = None
) -> Customer:
    """Move a locked customer to another status, with event and audit row. `key`: what makes a prospect active.

    Raises IllegalCustomerTransition.
    """
    if customer.status == to:
        return customer
    if not is_legal(customer.status, to):
        raise IllegalCustomerTransition(customer.status, to)
    before = picture(customer)
    customer.activated_for = key if customer.status == Status.PROSPECT and to is Status.ACTIVE else None
    customer.status = to.value
    session.flush()
    announce(session, _EVENTS[to], customer)
    audit.record(session, _EVENTS[to], subject(customer), before=before, after=picture(customer), reason=reason)
    return customer


def _name(customer: Customer, kept: Mapping[str, Any]) -> str | None:
    """What the customer is called once these fields have changed; None when nothing says it."""
    of_now = {name: getattr(customer, name) for name in _NAMED_BY}
    derived = full_name(**{name: kept.get(name, of_now[name]) for name in _NAMED_BY})
    if "name" in kept:
        return kept["name"] or derived
    return derived if customer.name == full_name(**of_now) else customer.name
