"""A customer is removed, or deactivated where something still refers to it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.domains.crm.queries import quotes
from app.domains.customers import service as customers
from app.domains.customers.errors import CustomerNotFound
from app.domains.customers.service import Removal


def remove_customer(session: Session, *, customer_id: UUID) -> Removal | None:
    """Delete a customer, or deactivate it where something refers to it; None when it is gone.

    A quote that was rejected, has expired or was withdrawn does not keep its customer: it has name and address itself.
    """
    try:
        customers.lock_customer(session, customer_id=customer_id)
    except CustomerNotFound:
        return None
    let_go = quotes.let_go(session, customer_id=customer_id)
    removal = customers.delete_customer(session, customer_id=customer_id)
    if removal is Removal.DEACTIVATED and let_go:
        quotes.give_back(session, customer_id=customer_id, quote_ids=let_go)
    return removal
