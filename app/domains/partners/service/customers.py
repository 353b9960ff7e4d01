"""Partners bring customers: one for each that asks for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.domains.customers import service as customers
from app.domains.customers.errors import CustomerExists
from app.domains.partners import queries
from app.domains.partners.models import Partner, PartnerCustomer
from app.domains.partners.service.customer_data import read_customer
from app.domains.partners.service.partners import find_partner, hold_active


def create_customer(
    session: Session, *, partner: UUID | str, customer_data: Mapping[str, Any], key: str
) -> customers.Customer:
    """A customer of an active partner's, who is active at once. `key` names what asks: asking again finds the customer.

    `customer_data`: `email`, a name (`name`, `first_name` and `last_name`, or `company_name`) and what else a customer has.
    Who left comes back, with what is told of them now.

    Raises PartnerNotFound, PartnerInactive, Invalid with all faults, CustomerExists when the e-mail address is that of a
    customer of this partner.
    """
    found = find_partner(session, partner=partner)
    if earlier := _made_for(session, key):
        return earlier
    active = hold_active(session, partner=found)
    wanted = read_customer(customer_data)
    if left := _who_left(session, active, email=wanted["email"]):
        customers.update_customer(session, customer_id=left.id, changes=wanted)
        customer = customers.activate_customer(session, customer_id=left.id)
    else:
        new = customers.NewCustomer(**wanted, status=customers.Status.ACTIVE.value, partner_id=active.id)
        try:
            customer = customers.create_customer(session, new=new)
        except CustomerExists:
            # by another attempt at the same, meanwhile?
            if earlier := _made_for(session, key):
                return earlier
            raise
    _link(session, active, customer, key)
    return customer


def _made_for(session: Session, key: str) -> customers.Customer | None:
    link = queries.customer_made_for(session, key)
    return customers.get_customer(session, customer_id=link.customer_id) if link else None


def _who_left(session: Session, partner: Partner, *, email: str) -> customers.Customer | None:
    """The former customer of the partner with that e-mail address."""
    there = customers.find_customer(session, email=email, partner_id=partner.id)
    return there if there and there.status == customers.Status.INACTIVE else None


def _link(session: Session, partner: Partner, customer: customers.Customer, key: str) -> None:
    session.execute(
        insert(PartnerCustomer)
        .values(owner_id=session.info[OWNER], customer_id=customer.id, partner_id=partner.id, made_for=key)
        .on_conflict_do_update(index_elements=["customer_id"], set_={"made_for": key})
    )
