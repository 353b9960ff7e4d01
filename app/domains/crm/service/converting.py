"""A qualified lead becomes a customer, once; and the way back."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.crm.errors import LeadNotQualified
from app.domains.crm.models import Lead
from app.domains.crm.rules.leads import Status
from app.domains.crm.service.leads import lock_lead, move
from app.domains.customers import service as customers
from app.domains.customers.service import Customer


def convert_lead(session: Session, *, lead_id: UUID, key: str) -> tuple[Lead, Customer]:
    """The lead's customer is a customer from now on, and the lead converted. One that is converted stays as it is.

    `key` names what asks, a step of an execution, say. Raises LeadNotFound, LeadNotQualified.
    """
    lead = lock_lead(session, lead_id=lead_id)
    if lead.status not in {Status.QUALIFIED, Status.CONVERTED}:
        message = f"The lead is {lead.status}: qualify it first."
        raise LeadNotQualified(message)
    assert lead.customer_id is not None
    if lead.status == Status.CONVERTED:
        return lead, customers.get_customer(session, customer_id=lead.customer_id)
    before = customers.lock_customer(session, customer_id=lead.customer_id).status
    customer = customers.activate_customer(session, customer_id=lead.customer_id, key=_activation(lead))
    lead.converted_at, lead.converted_for, lead.customer_status_before = now(session), key, before
    move(session, lead, Status.CONVERTED)
    return lead, customer


def undo_conversion(session: Session, *, lead_id: UUID, key: str) -> Lead:
    """Take back what `key` converted: the lead is qualified again, its customer what it was before. Raises LeadNotFound.

    A lead that something else converted stays as it is.
    """
    lead = lock_lead(session, lead_id=lead_id)
    if lead.status != Status.CONVERTED or lead.converted_for != key:
        return lead
    assert lead.customer_id is not None
    match lead.customer_status_before:
        case customers.Status.PROSPECT:
            customers.take_back_activation(session, customer_id=lead.customer_id, key=_activation(lead))
        case customers.Status.INACTIVE:
            customers.deactivate_customer(
                session, customer_id=lead.customer_id, reason="what it came back for was undone"
            )
    lead.converted_at = lead.converted_for = lead.customer_status_before = None
    return move(session, lead, Status.QUALIFIED)


def _activation(lead: Lead) -> str:
    """What the customer's activation is known by."""
    return f"lead/{lead.id}"
