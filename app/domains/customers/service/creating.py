"""Customers are made; the database decides who was first."""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault
from app.core.ids import dated_number, new_id
from app.core.log import masked
from app.domains.customers import queries
from app.domains.customers.errors import CustomerExists
from app.domains.customers.models import Customer
from app.domains.customers.rules import NUMBER_PREFIX, NewCustomer, checked, full_name
from app.domains.customers.service.records import announce, fill_addresses, picture, refuse, subject

log = logging.getLogger(__name__)

NUMBER_TRIES = 5


def create_customer(session: Session, *, new: NewCustomer) -> Customer:
    """Make a customer; the same lead again returns the one that it made before.

    Raises CustomerInvalid with every fault at once; CustomerExists when the partner's customers (without a partner: the
    owner's own) have one with that e-mail address.
    """
    if new.lead_id is not None and (earlier := queries.customer_by_lead(session, new.lead_id)):
        return earlier
    wanted, faults = checked({each.name: getattr(new, each.name) for each in fields(new)})
    wanted["name"] = wanted["name"] or full_name(
        first_name=wanted["first_name"], last_name=wanted["last_name"], company_name=wanted["company_name"]
    )
    if wanted["name"] is None:
        faults.append(Fault("/name", "A customer has a name: of a person or of a company."))
    refuse(faults)
    addresses = wanted.pop("addresses")
    wanted |= {name: dict(wanted[name]) for name in ("settings", "labels")}
    customer, is_new = _inserted(session, wanted)
    if is_new:
        fill_addresses(session, customer, addresses)
        announce(session, "customer.created", customer)
        audit.record(session, "customer.created", subject(customer), after=picture(customer))
        log.info("customer created: %s, %s", customer.customer_number, masked(customer.email))
    return customer


def _inserted(session: Session, wanted: dict[str, Any]) -> tuple[Customer, bool]:
    """The customer's row, with a number that nobody has; the other one's when the lead was raced for.

    An insert waits for whoever is about to take the same address, lead or number, and then does nothing.
    """
    for _ in range(NUMBER_TRIES):
        at = now(session)
        customer: Customer | None = session.scalar(
            insert(Customer)
            .values(
                **wanted,
                id=new_id(),
                owner_id=session.info[OWNER],
                customer_number=dated_number(NUMBER_PREFIX, at),
                created_at=at,
            )
            .on_conflict_do_nothing()
            .returning(Customer)
        )
        if customer is not None:
            return customer, True
        if wanted["lead_id"] is not None and (earlier := queries.customer_by_lead(session, wanted["lead_id"])):
            return earlier, False
        if queries.customer_by_email(session, wanted["email"], partner_id=wanted["partner_id"]):
            raise CustomerExists(wanted["email"], of_partner=wanted["partner_id"] is not None)
    raise RuntimeError(f"no free customer number in {NUMBER_TRIES} tries")
