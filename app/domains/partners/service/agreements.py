"""Agreements on commissions: made, ended. What was earned under one stays as it was reckoned."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Fault, Invalid
from app.domains.partners import queries
from app.domains.partners.errors import AgreementNotFound, AgreementsOverlap
from app.domains.partners.models import PartnerAgreement
from app.domains.partners.rules import agreements as rules
from app.domains.partners.rules.commissions import Applies, Terms, overlaps
from app.domains.partners.service.partners import get_partner
from app.domains.partners.service.stating import agreement_picture


def all_agreements(session: Session, *, partner_id: UUID) -> Select[PartnerAgreement]:
    """A partner's agreements, those that have ended too, to be paged. Raises PartnerNotFound."""
    return queries.agreements(get_partner(session, partner_id=partner_id).id)


def get_agreement(session: Session, *, partner_id: UUID, agreement_id: UUID, locked: bool = False) -> PartnerAgreement:
    """An agreement of this partner. Raises AgreementNotFound."""
    found = queries.agreement(session, agreement_id, locked=locked)
    if found is None or found.partner_id != partner_id:
        raise AgreementNotFound
    return found


def create_agreement(
    session: Session,
    *,
    partner_id: UUID,
    terms: Terms,
    applies_to: str = Applies.BOTH.value,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> PartnerAgreement:
    """Agree with a partner on commissions for its first sales, its recurring ones, or both; default: from now on.

    Raises PartnerNotFound, Invalid with all faults, AgreementsOverlap when another one is for some of the same sales at some of
    the same time.
    """
    # two that make agreements for one partner wait for each other
    partner = get_partner(session, partner_id=partner_id, locked=True)
    begins = valid_from or now(session)
    if faults := rules.faults(terms, applies_to=applies_to, valid_from=begins, valid_until=valid_until):
        message = "The agreement is not valid."
        raise Invalid(message, faults=faults)
    for other in queries.agreements_since(session, partner_id=partner.id, at=begins):
        if overlaps(other.applies_to, applies_to) and (valid_until is None or other.valid_from < valid_until):
            message = f"The agreement from {other.valid_from:%Y-%m-%d} is for the same sales: end it first."
            raise AgreementsOverlap(message, faults=[Fault("/valid_from", message)])
    agreement = PartnerAgreement(
        partner_id=partner.id,
        kind=str(terms.kind),
        rate=terms.rate,
        amount=terms.amount,
        tiers=[{"from_amount": str(tier.from_amount), "rate": str(tier.rate)} for tier in terms.tiers] or None,
        currency=terms.currency,
        applies_to=str(applies_to),
        valid_from=begins,
        valid_until=valid_until,
    )
    session.add(agreement)
    session.flush()
    audit.record(session, "partner_agreement.created", _subject(agreement), after=agreement_picture(agreement))
    return agreement


def end_agreement(
    session: Session, *, partner_id: UUID, agreement_id: UUID, at: datetime | None = None
) -> PartnerAgreement:
    """Let an agreement end at that time, default now; one that has ended stays as it is.

    Raises AgreementNotFound, Invalid for a time that is past, before it begins, or after its end.
    """
    agreement = get_agreement(session, partner_id=partner_id, agreement_id=agreement_id, locked=True)
    current = now(session)
    if agreement.valid_until is not None and agreement.valid_until <= current:
        return agreement
    before = agreement_picture(agreement)
    end = at or current
    if end < current or end <= agreement.valid_from or (agreement.valid_until and end > agreement.valid_until):
        message = "An agreement ends from now on, after it began and not later than was agreed."
        raise Invalid(message, faults=[Fault("/valid_until", message)])
    agreement.valid_until = end
    session.flush()
    after = agreement_picture(agreement)
    audit.record(session, "partner_agreement.ended", _subject(agreement), before=before, after=after)
    return agreement


def _subject(agreement: PartnerAgreement) -> str:
    return f"partner_agreement/{agreement.id}"
