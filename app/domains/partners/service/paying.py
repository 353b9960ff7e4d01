"""Commissions are paid once, or become void; neither ever becomes the other. A change is made under the row's lock."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.domains.partners import queries
from app.domains.partners.errors import CommissionNotFound, CommissionStateForbids
from app.domains.partners.models import Commission
from app.domains.partners.rules.commissions import Status
from app.domains.partners.service.commissions import find_commission
from app.domains.partners.service.stating import about_commission, commission_subject

_WAS_PENDING = {"status": Status.PENDING.value}


def pay_commission(session: Session, *, commission_id: UUID, reference: str) -> Commission:
    """Note that a pending commission was paid; emits partner.commission_paid. `reference`: the payment's, in the books.

    The same payment again is the same. Raises CommissionNotFound, CommissionStateForbids when it is void, or was paid otherwise.
    """
    commission = _locked(session, commission_id)
    if commission.status == Status.PAID and commission.payment_reference == reference:
        return commission
    if commission.status == Status.PAID:
        message = f"The commission was paid already, with {commission.payment_reference}."
        raise CommissionStateForbids(message)
    if commission.status == Status.VOID:
        message = "The commission is void: nothing is paid for it."
        raise CommissionStateForbids(message)
    commission.status, commission.paid_at, commission.payment_reference = Status.PAID.value, now(session), reference
    session.flush()
    subject, about = commission_subject(commission), about_commission(commission)
    emit(session, "partner.commission_paid", subject, about)
    audit.record(session, "commission.paid", subject, before=_WAS_PENDING, after=about | {"reference": reference})
    return commission


def void_commission(session: Session, *, commission_id: UUID, reason: str) -> Commission:
    """Let nothing be paid for a sale; emits partner.commission_voided. The sale may earn a commission anew.

    One that is void stays as it is, with its first reason. Raises CommissionNotFound, CommissionStateForbids when it was paid.
    """
    there = find_commission(session, commission_id=commission_id)
    # before the commission, as whoever records another one has it
    agreement = queries.agreement(session, there.agreement_id, locked=True)
    assert agreement is not None  # nobody deletes one
    commission = _locked(session, commission_id)
    if commission.status == Status.VOID:
        return commission
    if commission.status == Status.PAID:
        message = f"The commission was paid with {commission.payment_reference}: it cannot become void."
        raise CommissionStateForbids(message)
    agreement.sold_amount -= commission.base_amount or 0
    commission.status, commission.voided_at, commission.void_reason = Status.VOID.value, now(session), reason
    session.flush()
    subject, about = commission_subject(commission), about_commission(commission)
    emit(session, "partner.commission_voided", subject, about | {"reason": reason})
    audit.record(session, "commission.voided", subject, before=_WAS_PENDING, after=about, reason=reason)
    return commission


def _locked(session: Session, commission_id: UUID) -> Commission:
    if commission := queries.commission(session, commission_id, locked=True):
        return commission
    raise CommissionNotFound
