"""Customers are deleted, or deactivated where something refers to them."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from psycopg.errors import ForeignKeyViolation, RestrictViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.domains.customers.rules import Status
from app.domains.customers.service.changing import transition
from app.domains.customers.service.reading import lock_customer
from app.domains.customers.service.records import announce, picture, subject


class Removal(StrEnum):
    """What became of a customer that was to be deleted."""

    DELETED = "deleted"
    DEACTIVATED = "deactivated"


def delete_customer(session: Session, *, customer_id: UUID) -> Removal:
    """Delete a customer with its addresses; one that something refers to by a foreign key is deactivated instead.

    Raises CustomerNotFound.
    """
    customer = lock_customer(session, customer_id=customer_id)
    before = picture(customer)
    try:
        with session.begin_nested():
            session.delete(customer)
    except IntegrityError as error:
        if not isinstance(error.orig, (ForeignKeyViolation, RestrictViolation)):
            raise
        referred_to = lock_customer(session, customer_id=customer_id)
        transition(session, referred_to, Status.INACTIVE, reason="deleted, but something refers to it")
        return Removal.DEACTIVATED
    announce(session, "customer.deleted", customer)
    audit.record(session, "customer.deleted", subject(customer), before=before)
    return Removal.DELETED
