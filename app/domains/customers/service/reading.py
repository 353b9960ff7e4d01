"""Customers as they are found."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.contacts import normal_email
from app.core.errors import Fault
from app.domains.customers import queries
from app.domains.customers.errors import CustomerNotFound, NoReference
from app.domains.customers.models import Customer
from app.domains.customers.rules import read_reference


def get_customer(session: Session, *, customer_id: UUID) -> Customer:
    """The customer with its addresses. Raises CustomerNotFound."""
    if customer := queries.customer(session, customer_id):
        return customer
    raise CustomerNotFound


def lock_customer(session: Session, *, customer_id: UUID) -> Customer:
    """The customer as it is now, locked until the transaction ends. Raises CustomerNotFound.

    Nobody else changes or deletes it meanwhile; what refers to it by a foreign key may be added.
    """
    if customer := queries.customer_for_update(session, customer_id):
        return customer
    raise CustomerNotFound


def find_customer(
    session: Session,
    *,
    email: str | None = None,
    customer_number: str | None = None,
    lead_id: UUID | None = None,
    partner_id: UUID | None = None,
) -> Customer | None:
    """The customer of that number, of that lead, or of that e-mail address; None when there is none.

    By its address: among the customers of `partner_id`, without one among the owner's own.
    """
    if customer_number is not None:
        return queries.customer_by_number(session, customer_number.strip().upper())
    if lead_id is not None:
        return queries.customer_by_lead(session, lead_id)
    if email is None:
        raise TypeError("find_customer wants an e-mail address, a customer number or a lead")
    try:
        address = normal_email(email)
    except ValueError:
        return None
    return queries.customer_by_email(session, address, partner_id=partner_id)


def find_by_reference(session: Session, *, reference: str | int) -> Customer | None:
    """The customer by its id, its serial number or its customer number, whatever the caller has; None when there is none.

    Raises NoReference for what is none of these.
    """
    match read_reference(reference):
        case UUID() as customer_id:
            return queries.customer(session, customer_id)
        case int() as serial:
            return queries.customer_by_serial(session, serial)
        case str() as customer_number:
            return queries.customer_by_number(session, customer_number)
        case _:
            message = f"“{reference}” is neither the id nor the number of a customer."
            raise NoReference(message, faults=[Fault("/customer_id", message)])


def list_customers(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    email: str | None = None,
    partner_id: UUID | None = None,
) -> Select[Customer]:
    """A statement for a page of customers. `q`: part of number, address, name, company or telephone number."""
    address = None if email is None else email.strip().lower()
    return queries.customers(session, q=q, status=status, email=address, partner_id=partner_id)
