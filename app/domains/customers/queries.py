"""Reads of customers, of the session's owner only."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.core.lists import containing
from app.domains.customers.models import Customer


def customer(session: Session, customer_id: UUID) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.id == customer_id))


def customer_for_update(session: Session, customer_id: UUID) -> Customer | None:
    """The customer as it is now, locked; rows that refer to it may be added meanwhile."""
    return session.scalar(
        select(Customer)
        .where(Customer.id == customer_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def customer_by_serial(session: Session, serial: int) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.serial == serial))


def customer_by_number(session: Session, customer_number: str) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.customer_number == customer_number))


def customer_by_email(session: Session, email: str, *, partner_id: UUID | None) -> Customer | None:
    """Who has that address among the partner's customers; None: among the owner's own."""
    of_partner = Customer.partner_id.is_not_distinct_from(partner_id)
    return session.scalar(select(Customer).where(Customer.email == email, of_partner))


def customer_by_lead(session: Session, lead_id: UUID) -> Customer | None:
    return session.scalar(select(Customer).where(Customer.lead_id == lead_id))


def customers(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    email: str | None = None,
    partner_id: UUID | None = None,
) -> Select[Customer]:
    """Customers by these filters, to be paged. `q`: part of number, address, name, company or telephone number."""
    statement = select(Customer)
    if status is not None:
        statement = statement.where(Customer.status == status)
    if email is not None:
        statement = statement.where(Customer.email == email)
    if partner_id is not None:
        statement = statement.where(Customer.partner_id == partner_id)
    if q is not None:
        statement = statement.where(containing(session, Customer.id, Customer.search_text, q))
    return statement
