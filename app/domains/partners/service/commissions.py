"""Commissions are recorded: one for a sale, reckoned under the agreement that is in force for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault, Invalid
from app.core.events import emit
from app.core.ids import new_id
from app.domains.customers import service as customers
from app.domains.partners import queries
from app.domains.partners.errors import (
    BaseAmountMissing,
    CommissionNotDue,
    CommissionNotFound,
    CustomerOfAnotherPartner,
)
from app.domains.partners.models import Commission, Partner, PartnerAgreement
from app.domains.partners.rules import amounts, sales
from app.domains.partners.rules.commissions import AGREED_FOR, CommissionType, Kind, NotDue, earned
from app.domains.partners.rules.sales import Sale
from app.domains.partners.service.partners import find_partner, get_partner
from app.domains.partners.service.stating import about_commission, commission_subject


def all_commissions(session: Session, *, partner_id: UUID, status: str | None = None) -> Select[Commission]:
    """A partner's commissions, to be paged. Raises PartnerNotFound."""
    return queries.commissions(get_partner(session, partner_id=partner_id).id, status=status)


def find_commission(session: Session, *, commission_id: UUID) -> Commission:
    """A commission in any state. Raises CommissionNotFound."""
    if found := queries.commission(session, commission_id):
        return found
    raise CommissionNotFound


def get_commission(session: Session, *, partner_id: UUID, commission_id: UUID) -> Commission:
    """A commission of this partner, in any state. Raises CommissionNotFound."""
    found = find_commission(session, commission_id=commission_id)
    if found.partner_id != partner_id:
        raise CommissionNotFound
    return found


def record_commission(session: Session, *, partner: UUID | str, sale: Sale, key: str) -> Commission | NotDue:
    """What a sale earns a partner, pending; emits partner.commission_recorded. `key` names what asks for it.

    A sale earns a partner one commission: while that is not void, everybody who asks again gets it. NotDue where no agreement
    in force is for such sales. Without a type it is for a new customer, or recurring when the partner earned by this customer
    before. Where nobody says the amount of what a customer bought, it is the price of the licenses from the partner's pools.

    Raises PartnerNotFound, CustomerNotFound, CustomerOfAnotherPartner, Invalid with all faults, BaseAmountMissing.
    """
    found = find_partner(session, partner=partner)
    _check(session, found, sale)
    if earlier := _standing(session, found, sale):
        return earlier
    commission_type = sale.commission_type or _type_of(session, found, sale)
    agreement = queries.agreement_in_force(
        session, partner_id=found.id, applies_to=AGREED_FOR[commission_type], at=now(session)
    )
    if agreement is None:
        return NotDue(f"No agreement with the partner “{found.code}” is in force for {commission_type} commissions.")
    base = _base(session, agreement, sale)
    due = earned(agreement.terms, base=base or Decimal(0), sold_before=agreement.sold_amount)
    values = {
        "partner_id": found.id,
        "agreement_id": agreement.id,
        "commission_type": commission_type,
        "customer_id": sale.customer_id,
        "base_amount": base,
        "rate": due.rate,
        "amount": due.amount,
        "currency": agreement.currency,
        "recorded_for": key,
    }
    commission = _inserted(session, sale, values)
    if commission is None:
        first = _standing(session, found, sale)
        assert first is not None
        return first
    agreement.sold_amount += base or 0
    session.flush()
    emit(session, "partner.commission_recorded", commission_subject(commission), about_commission(commission))
    audit.record(session, "commission.recorded", commission_subject(commission), after=about_commission(commission))
    return commission


def require_commission(session: Session, *, partner: UUID | str, sale: Sale, key: str) -> Commission:
    """The same, for a sale that has to earn something. Raises CommissionNotDue, else as record_commission."""
    recorded = record_commission(session, partner=partner, sale=sale, key=key)
    if isinstance(recorded, NotDue):
        raise CommissionNotDue(recorded.reason)
    return recorded


def _check(session: Session, partner: Partner, sale: Sale) -> None:
    if faults := sales.faults(sale):
        message = " ".join(fault.message for fault in faults)
        raise Invalid(message, faults=faults)
    if sale.customer_id is not None:
        customer = customers.get_customer(session, customer_id=sale.customer_id)
        if customer.partner_id not in {None, partner.id}:
            raise CustomerOfAnotherPartner(partner.code)


def _standing(session: Session, partner: Partner, sale: Sale) -> Commission | None:
    source_type, source_id = sale.source
    return queries.standing_commission(session, partner_id=partner.id, source_type=source_type, source_id=source_id)


def _type_of(session: Session, partner: Partner, sale: Sale) -> str:
    if sale.customer_id is None:
        return CommissionType.NEW_CUSTOMER.value
    # of two sales to one customer at the same time, one is the first
    customers.lock_customer(session, customer_id=sale.customer_id)
    has_earned = queries.has_earned_by(session, partner_id=partner.id, customer_id=sale.customer_id)
    return CommissionType.RECURRING.value if has_earned else CommissionType.NEW_CUSTOMER.value


def _base(session: Session, agreement: PartnerAgreement, sale: Sale) -> Decimal | None:
    """What was sold, in the agreement's currency; None where it does not matter and nobody says."""
    if sale.base_amount is not None:
        if sale.currency not in {None, agreement.currency}:
            message = f"The agreement is in {agreement.currency}: what was sold cannot be in {sale.currency}."
            raise Invalid(message, faults=[Fault("/currency", message)])
        if faults := amounts.amount_faults("/base_amount", sale.base_amount, agreement.currency):
            raise Invalid(faults[0].message, faults=faults)
        return sale.base_amount
    if agreement.kind == Kind.FIXED:
        return None
    price = None
    if sale.order_id is None and sale.customer_id is not None:
        price = queries.price_of_licenses(
            session, partner_id=agreement.partner_id, customer_id=sale.customer_id, currency=agreement.currency
        )
    if price is None:
        raise BaseAmountMissing(agreement.kind)
    return price


def _inserted(session: Session, sale: Sale, values: dict[str, Any]) -> Commission | None:
    """The commission's row; None when another one stands for the same sale."""
    source_type, source_id = sale.source
    return session.scalar(
        insert(Commission)
        .values(id=new_id(), owner_id=session.info[OWNER], source_type=source_type, source_id=source_id, **values)
        .on_conflict_do_nothing()
        .returning(Commission)
    )
