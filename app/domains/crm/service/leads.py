"""Leads: made, found, changed, talked to, given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Fault
from app.core.events import emit
from app.core.ids import new_id
from app.domains.crm.errors import IllegalLeadTransition, LeadInUse, LeadInvalid, LeadNotFound
from app.domains.crm.models import Lead
from app.domains.crm.queries import leads as queries
from app.domains.crm.queries import quotes
from app.domains.crm.rules.leads import EDITABLE, Status, faults, fixed_faults, is_legal
from app.domains.crm.service.stating import about_lead, picture_of_lead, subject
from app.domains.tenants import service as tenants

_TEXTS = ("phone", "first_name", "last_name", "company_name", "organization_slug", "deployment_region")


def create_lead(session: Session, *, fields: Mapping[str, Any]) -> Lead:
    """Make a lead of these fields, in whatever state of knowledge; emits lead.created.

    The same person may be a lead twice. Raises LeadInvalid with every fault at once.
    """
    lead = Lead(id=new_id(), created_at=now(session))
    _write(session, lead, fields)
    emit(session, "lead.created", subject(lead), about_lead(lead))
    audit.record(session, "lead.created", subject(lead), after=picture_of_lead(lead))
    return lead


def get_lead(session: Session, *, lead_id: UUID) -> Lead:
    """A lead in any status. Raises LeadNotFound."""
    if lead := queries.lead(session, lead_id):
        return lead
    raise LeadNotFound


def lock_lead(session: Session, *, lead_id: UUID) -> Lead:
    """The lead as it is now, locked until the transaction ends. Raises LeadNotFound."""
    if lead := queries.lead(session, lead_id, locked=True):
        return lead
    raise LeadNotFound


def list_leads(
    session: Session,
    *,
    q: str | None = None,
    status: str | None = None,
    source: str | None = None,
    email: str | None = None,
    customer_id: UUID | None = None,
) -> Select[Lead]:
    """A statement for a page of leads. `q`: part of e-mail address, name, company or telephone number."""
    address = None if email is None else email.strip().lower()
    return queries.leads(session, q=q, status=status, source=source, email=address, customer_id=customer_id)


def update_lead(session: Session, *, lead_id: UUID, changes: Mapping[str, Any]) -> Lead:
    """Change the given fields. Whoever is qualified is a customer, and changed there; a lead that is over stays as it was.

    Raises LeadNotFound, LeadInvalid with every fault at once.
    """
    lead = lock_lead(session, lead_id=lead_id)
    refuse(fixed_faults(list(changes), status=lead.status))
    before = picture_of_lead(lead)
    _write(session, lead, changes)
    session.refresh(lead)  # updated_at is the database's
    after = picture_of_lead(lead) | {"changed": sorted(changes)}
    audit.record(session, "lead.updated", subject(lead), before=before, after=after)
    return lead


def contact_lead(session: Session, *, lead_id: UUID) -> Lead:
    """Somebody has talked to a new lead. One that is contacted stays so. Raises LeadNotFound, IllegalLeadTransition."""
    lead = lock_lead(session, lead_id=lead_id)
    return lead if lead.status == Status.CONTACTED else move(session, lead, Status.CONTACTED)


def lose_lead(session: Session, *, lead_id: UUID, reason: str) -> Lead:
    """Give a lead up; one that is lost stays so, with its first reason. The customer that it may have stays a prospect.

    Raises LeadNotFound, IllegalLeadTransition, LeadInUse while it has a quote that may be accepted.
    """
    lead = lock_lead(session, lead_id=lead_id)
    if lead.status == Status.LOST:
        return lead
    if quotes.has_open(session, lead_id=lead.id):
        message = "The lead has an open quote: withdraw it first."
        raise LeadInUse(message)
    lead.lost_at, lead.lost_reason = now(session), reason
    lead.qualified_at = lead.qualified_for = lead.qualified_from = None
    return move(session, lead, Status.LOST, reason=reason)


def move(session: Session, lead: Lead, to: Status, *, reason: str | None = None) -> Lead:
    """Bring a locked lead to another status, with its audit row. Raises IllegalLeadTransition."""
    before = lead.status
    if not is_legal(before, to):
        raise IllegalLeadTransition(before, to)
    lead.status = to.value
    session.flush()
    session.refresh(lead, ["updated_at"])
    audit.record(
        session,
        f"lead.{to}" if to is not Status.NEW else "lead.reopened",
        subject(lead),
        before={"status": before},
        after={"status": to.value},
        reason=reason,
    )
    return lead


def values(lead: Lead) -> dict[str, Any]:
    """A lead's editable fields as they are."""
    return {name: getattr(lead, name) for name in EDITABLE}


def refuse(found: list[Fault]) -> None:
    """Raise LeadInvalid with all faults, if there are any."""
    if found:
        sentences = dict.fromkeys(fault.message.rstrip(".") + "." for fault in found)
        raise LeadInvalid(" ".join(sentences), faults=found)


def _write(session: Session, lead: Lead, fields: Mapping[str, Any]) -> None:
    refuse([Fault(f"/{name}", "This cannot be changed.") for name in sorted(fields.keys() - EDITABLE)])
    kept = _kept(fields)
    wanted = {name: value for name, value in values(lead).items() if value is not None} | kept
    refuse([*faults(wanted), *_slug_faults(kept.get("organization_slug"))])
    for name, value in kept.items():
        setattr(lead, name, value)
    session.add(lead)
    session.flush()


def _slug_faults(slug: str | None) -> list[Fault]:
    """What is wrong with the wanted subdomain in form; whether it is free is seen when it is offered."""
    fault = tenants.slug_fault(slug) if slug else None
    return [Fault("/organization_slug", fault)] if fault else []


def _kept(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the form in which they are kept: without blanks around them, an empty text being none."""
    kept = dict(fields)
    for name in kept.keys() & set(_TEXTS):
        kept[name] = (kept[name] or "").strip() or None
    if "email" in kept:
        kept["email"] = (kept["email"] or "").strip().lower() or None
    if "address" in kept:
        kept["address"] = {part: value for part, value in (kept["address"] or {}).items() if value}
    if "wanted_products" in kept:
        kept["wanted_products"] = [dict(product) for product in kept["wanted_products"] or ()]
    return kept
