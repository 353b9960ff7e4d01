"""Users act for partners: who is no member of a partner, and may not read all of them, does not see that it exists."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.domains.partners import queries
from app.domains.partners.errors import PartnerNotFound
from app.domains.partners.models import Partner, PartnerMember
from app.domains.partners.service.partners import get_partner
from app.domains.partners.service.stating import partner_subject
from app.domains.tenants import service as tenants


def all_members(session: Session, *, partner_id: UUID) -> Select[PartnerMember]:
    """The users who act for a partner, to be paged. Raises PartnerNotFound."""
    return queries.members(get_partner(session, partner_id=partner_id).id)


def partner_of(session: Session, *, partner_id: UUID, user_id: UUID) -> Partner:
    """The partner, for a user who acts for it. Raises PartnerNotFound for everybody else."""
    partner = get_partner(session, partner_id=partner_id)
    if queries.member(session, partner_id=partner_id, user_id=user_id):
        return partner
    message = "There is no such partner."
    raise PartnerNotFound(message)


def add_member(session: Session, *, partner_id: UUID, user_id: UUID) -> PartnerMember:
    """Let a user of the same owner act for a partner; nothing happens when they do.

    Raises PartnerNotFound, NotFound for the user.
    """
    partner = get_partner(session, partner_id=partner_id)
    user = tenants.get_user(session, user_id=user_id)
    added: PartnerMember | None = session.scalar(
        insert(PartnerMember)
        .values(partner_id=partner.id, user_id=user.id, owner_id=session.info[OWNER])
        .on_conflict_do_nothing()
        .returning(PartnerMember)
    )
    if added is not None:
        audit.record(session, "partner.member_added", partner_subject(partner), after={"user_id": str(user.id)})
        return added
    found = queries.member(session, partner_id=partner_id, user_id=user_id)
    assert found is not None
    return found


def remove_member(session: Session, *, partner_id: UUID, user_id: UUID) -> None:
    """Let a user no longer act for a partner; nothing happens when they do not. Raises PartnerNotFound."""
    partner = get_partner(session, partner_id=partner_id)
    if member := queries.member(session, partner_id=partner_id, user_id=user_id):
        session.delete(member)
        audit.record(session, "partner.member_removed", partner_subject(partner), before={"user_id": str(user_id)})
