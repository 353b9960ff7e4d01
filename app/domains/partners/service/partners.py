"""Partners: found by id or code, made, changed, taken in and out of business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.errors import Fault, Invalid
from app.core.ids import as_uuid
from app.domains.partners import queries
from app.domains.partners.errors import PartnerCodeTaken, PartnerInactive, PartnerNotFound
from app.domains.partners.models import Partner
from app.domains.partners.rules import partners as rules
from app.domains.partners.service.stating import partner_picture, partner_subject

_NEEDED = ("code", "name", "email")


def all_partners(session: Session, *, status: str | None = None, q: str | None = None) -> Select[Partner]:
    """Partners by these filters, to be paged. `q`: part of code, name or e-mail address."""
    return queries.partners(session, status=status, q=q)


def get_partner(session: Session, *, partner_id: UUID, locked: bool = False) -> Partner:
    """A partner, active or not; locked: as it is now. Raises PartnerNotFound."""
    if partner := queries.partner(session, partner_id, locked=locked):
        return partner
    message = "There is no such partner."
    raise PartnerNotFound(message)


def find_partner(session: Session, *, partner: UUID | str) -> Partner:
    """The partner of that id or code, active or not. Raises PartnerNotFound, naming what was looked for."""
    partner_id = as_uuid(partner)
    found = queries.partner(session, partner_id) if partner_id else None
    found = found or queries.partner_by_code(session, str(partner))
    if found is None:
        message = f"There is no partner “{partner}”."
        raise PartnerNotFound(message, faults=[Fault("/partner_id", message)])
    return found


def hold_active(session: Session, *, partner: Partner) -> Partner:
    """The partner, which stays active until this transaction ends. Raises PartnerInactive."""
    held = queries.partner_held(session, partner.id)
    if held.status != rules.Status.ACTIVE:
        raise PartnerInactive(held.code)
    return held


def customer_count(session: Session, *, partner: Partner) -> int:
    """How many customers a partner has; those who left are not counted."""
    return queries.customer_count(session, partner_id=partner.id)


def create_partner(session: Session, *, fields: Mapping[str, Any]) -> Partner:
    """Make an active partner of `code`, `name`, `email` and `branding`. Raises Invalid with all faults, PartnerCodeTaken."""
    partner = Partner()
    _write(session, partner, dict.fromkeys(_NEEDED) | dict(fields))
    audit.record(session, "partner.created", partner_subject(partner), after=partner_picture(partner))
    return partner


def update_partner(session: Session, *, partner_id: UUID, changes: Mapping[str, Any]) -> Partner:
    """Change the given fields; `branding` replaces all of it.

    Raises PartnerNotFound, Invalid with all faults, PartnerCodeTaken.
    """
    partner = get_partner(session, partner_id=partner_id, locked=True)
    before = partner_picture(partner)
    _write(session, partner, changes)
    session.refresh(partner)  # updated_at is the database's
    audit.record(session, "partner.updated", partner_subject(partner), before=before, after=partner_picture(partner))
    return partner


def activate_partner(session: Session, *, partner_id: UUID) -> Partner:
    """Let a partner do business; nothing happens when it does. Raises PartnerNotFound."""
    return _change(session, partner_id, rules.Status.ACTIVE)


def deactivate_partner(session: Session, *, partner_id: UUID, reason: str | None = None) -> Partner:
    """Give a partner no more customers and licenses; what its customers have stays. Raises PartnerNotFound."""
    return _change(session, partner_id, rules.Status.INACTIVE, reason=reason)


def _change(session: Session, partner_id: UUID, to: rules.Status, *, reason: str | None = None) -> Partner:
    partner = get_partner(session, partner_id=partner_id, locked=True)
    if partner.status == to:
        return partner
    before = partner_picture(partner)
    partner.status = to.value
    session.flush()
    session.refresh(partner)
    verb = "partner.activated" if to is rules.Status.ACTIVE else "partner.deactivated"
    audit.record(session, verb, partner_subject(partner), before=before, after=partner_picture(partner), reason=reason)
    return partner


def _write(session: Session, partner: Partner, fields: Mapping[str, Any]) -> None:
    wanted = dict(fields)
    branding = wanted.pop("branding", None)
    kept, faults = rules.checked(wanted)
    if branding is not None:
        kept["branding"], wrong = rules.checked_branding(branding)
        faults += wrong
    if faults:
        message = "The partner is not valid."
        raise Invalid(message, faults=faults)
    try:
        with session.begin_nested():
            for name, value in kept.items():
                setattr(partner, name, value)
            session.add(partner)
    except IntegrityError as error:
        if not isinstance(error.orig, UniqueViolation):
            raise
        raise PartnerCodeTaken(kept["code"]) from error
