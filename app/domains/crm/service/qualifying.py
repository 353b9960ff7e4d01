"""A lead is qualified, which makes or finds its customer as a prospect; and the way back.

The lead's row is locked before its customer's, a quote's before its lead's: so nobody waits for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.errors import Fault
from app.core.events import emit
from app.domains.crm.errors import LeadInUse, LeadNotQualifiable
from app.domains.crm.models import Lead
from app.domains.crm.queries import leads as queries
from app.domains.crm.queries import quotes
from app.domains.crm.rules.leads import Status, contact_name, missing
from app.domains.crm.rules.scoring import score
from app.domains.crm.service.leads import lock_lead, move, values
from app.domains.crm.service.removing import remove_customer
from app.domains.crm.service.stating import about_lead, subject
from app.domains.customers import errors as customer_errors
from app.domains.customers import service as customers
from app.domains.customers.service import Customer, NewAddress, NewCustomer

_QUALIFIED = (Status.QUALIFIED, Status.CONVERTED)
_ADDRESS_KINDS = ("billing", "service")
"""What a lead's only address is good for until the customer says otherwise."""


def qualify_lead(session: Session, *, lead_id: UUID, key: str) -> Lead:
    """Score a lead and make it qualified; its customer is made as a prospect, or found. Emits lead.qualified.

    A lead that is qualified or converted stays as it is. The customer is the one that the lead made before, else who has
    its e-mail address already. `key` names what asks, a step of an execution, say. Raises LeadNotFound,
    LeadNotQualifiable with everything that is missing at once, IllegalLeadTransition for a lost lead.
    """
    lead = lock_lead(session, lead_id=lead_id)
    if lead.status in _QUALIFIED:
        return lead
    fields = values(lead)
    _refuse(missing(fields))
    before = lead.status
    customer = _customer_of(session, lead)
    lead.customer_id = customer.id
    lead.score = score(fields)
    lead.qualified_at, lead.qualified_from, lead.qualified_for = now(session), before, key
    move(session, lead, Status.QUALIFIED)
    emit(session, "lead.qualified", subject(lead), about_lead(lead))
    return lead


def reopen_lead(session: Session, *, lead_id: UUID) -> Lead:
    """A qualified lead is what it was before; the prospect that it made goes with that. A lost lead is new again.

    One that is neither stays as it is. Raises LeadNotFound; LeadInUse for a converted lead, or while a quote of it is open
    or accepted.
    """
    lead = lock_lead(session, lead_id=lead_id)
    if lead.status == Status.LOST:
        lead.lost_at = lead.lost_reason = None
        return move(session, lead, Status.NEW)
    if lead.status == Status.CONVERTED or quotes.has_live(session, lead_id=lead.id):
        message = "Something was built on the lead's qualification: a customer, or a quote that is open or accepted."
        raise LeadInUse(message)
    return _back(session, lead) if lead.status == Status.QUALIFIED else lead


def undo_qualification(session: Session, *, lead_id: UUID, key: str) -> Lead:
    """Take back what `key` qualified, where nobody has built on it since: then it is theirs, and stays. Raises LeadNotFound."""
    lead = lock_lead(session, lead_id=lead_id)
    is_own = lead.status == Status.QUALIFIED and lead.qualified_for == key
    return _back(session, lead) if is_own and not quotes.has_live(session, lead_id=lead.id) else lead


def _back(session: Session, lead: Lead) -> Lead:
    """What a qualified lead was before. Its customer goes where it was made for this lead and nobody else uses it."""
    customer_id = lead.customer_id
    assert customer_id is not None
    to = Status(lead.qualified_from or Status.NEW)
    lead.customer_id = lead.score = lead.qualified_at = lead.qualified_for = lead.qualified_from = None
    move(session, lead, to)
    customer = customers.lock_customer(session, customer_id=customer_id)
    is_ours = customer.lead_id == lead.id and customer.status == customers.Status.PROSPECT
    if is_ours and not queries.has_lead(session, customer_id=customer_id):
        remove_customer(session, customer_id=customer_id)
    return lead


def _customer_of(session: Session, lead: Lead) -> Customer:
    assert lead.email is not None
    if earlier := customers.find_customer(session, lead_id=lead.id):
        return earlier
    if known := customers.find_customer(session, email=lead.email):
        return known
    new = NewCustomer(
        email=lead.email,
        name=contact_name(first_name=lead.first_name, last_name=lead.last_name),
        first_name=lead.first_name,
        last_name=lead.last_name,
        company_name=lead.company_name,
        phone=lead.phone,
        currency=lead.currency,
        country=lead.address.get("country"),
        lead_id=lead.id,
        addresses=_addresses(lead),
    )
    try:
        return customers.create_customer(session, new=new)
    except customer_errors.CustomerExists:
        # another lead of the same person was faster
        found = customers.find_customer(session, email=lead.email)
        assert found is not None
        return found
    except customer_errors.CustomerInvalid as error:
        _refuse([_as_the_lead_s(fault) for fault in error.faults])
        raise


def _addresses(lead: Lead) -> Sequence[NewAddress]:
    if not lead.address:
        return ()
    return [NewAddress(kind=kind, **lead.address) for kind in _ADDRESS_KINDS]


def _as_the_lead_s(fault: Fault) -> Fault:
    """A fault of the customer, at its place in the lead's document."""
    parts = fault.pointer.split("/")
    if parts[1:2] == ["addresses"]:
        return replace(fault, pointer="/".join(["", "address", *parts[3:]]))
    return replace(fault, pointer="/address/country") if fault.pointer == "/country" else fault


def _refuse(found: Sequence[Fault]) -> None:
    faults = list(dict.fromkeys(found))
    if faults:
        sentences = dict.fromkeys(fault.message.rstrip(".") + "." for fault in faults)
        raise LeadNotQualifiable(" ".join(sentences), faults=faults)
