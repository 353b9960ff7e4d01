"""Reads of the partners room, of the session's owner only. `locked`: the row as it is now, kept so until the transaction ends.

Locks are taken in this order: pool, allocation, partner; agreement, commission.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.core.lists import containing
from app.domains.customers import service as customers
from app.domains.licensing import service as licensing
from app.domains.partners.models import (
    AllocatedLicense,
    Commission,
    LicenseAllocation,
    LicensePool,
    Partner,
    PartnerAgreement,
    PartnerCustomer,
    PartnerMember,
)
from app.domains.partners.rules.commissions import Status as CommissionStatus

MAX_AGREEMENTS = 500

_STANDS = Commission.status != CommissionStatus.VOID.value

T = TypeVar("T")


def _kept(statement: Select[T], *, locked: bool) -> Select[T]:
    """The statement; locked: against changes, while rows that refer to these may be added."""
    if not locked:
        return statement
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def partners(session: Session, *, status: str | None = None, q: str | None = None) -> Select[Partner]:
    """Partners by these filters, to be paged. `q`: part of code, name or e-mail address."""
    statement = select(Partner)
    if status is not None:
        statement = statement.where(Partner.status == status)
    if q is not None:
        statement = statement.where(containing(session, Partner.id, Partner.search_text, q))
    return statement


def partner(session: Session, partner_id: UUID, *, locked: bool = False) -> Partner | None:
    return session.scalar(_kept(select(Partner).where(Partner.id == partner_id), locked=locked))


def partner_by_code(session: Session, code: str) -> Partner | None:
    return session.scalar(select(Partner).where(Partner.code == code))


def partner_held(session: Session, partner_id: UUID) -> Partner:
    """The partner as it is now; it stays so until this transaction ends, and others may hold it, too."""
    return session.scalars(
        select(Partner)
        .where(Partner.id == partner_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    ).one()


def members(partner_id: UUID) -> Select[PartnerMember]:
    return select(PartnerMember).where(PartnerMember.partner_id == partner_id)


def member(session: Session, *, partner_id: UUID, user_id: UUID) -> PartnerMember | None:
    return session.scalar(members(partner_id).where(PartnerMember.user_id == user_id))


def customer_count(session: Session, *, partner_id: UUID) -> int:
    """How many customers a partner has; those who left are not counted."""
    theirs = customers.list_customers(session, partner_id=partner_id)
    staying = theirs.where(customers.Customer.status != customers.Status.INACTIVE.value)
    return (
        session.scalar(select(func.count()).select_from(staying.with_only_columns(customers.Customer.id).subquery()))
        or 0
    )


def customer_made_for(session: Session, made_for: str) -> PartnerCustomer | None:
    return session.scalar(select(PartnerCustomer).where(PartnerCustomer.made_for == made_for))


def customer_link(session: Session, customer_id: UUID) -> PartnerCustomer | None:
    return session.scalar(select(PartnerCustomer).where(PartnerCustomer.customer_id == customer_id))


def agreements(partner_id: UUID) -> Select[PartnerAgreement]:
    return select(PartnerAgreement).where(PartnerAgreement.partner_id == partner_id)


def agreement(session: Session, agreement_id: UUID, *, locked: bool = False) -> PartnerAgreement | None:
    return session.scalar(_kept(select(PartnerAgreement).where(PartnerAgreement.id == agreement_id), locked=locked))


def agreements_since(session: Session, *, partner_id: UUID, at: datetime) -> Sequence[PartnerAgreement]:
    """A partner's agreements that have not ended by then."""
    still = PartnerAgreement.valid_until.is_(None) | (PartnerAgreement.valid_until > at)
    return session.scalars(agreements(partner_id).where(still).limit(MAX_AGREEMENTS)).all()


def agreement_in_force(
    session: Session, *, partner_id: UUID, applies_to: Collection[str], at: datetime
) -> PartnerAgreement | None:
    """The agreement that is in force for such sales, locked."""
    statement = agreements(partner_id).where(
        PartnerAgreement.applies_to.in_(applies_to),
        PartnerAgreement.valid_from <= at,
        PartnerAgreement.valid_until.is_(None) | (PartnerAgreement.valid_until > at),
    )
    return session.scalar(_kept(statement.order_by(PartnerAgreement.valid_from.desc()).limit(1), locked=True))


def commissions(partner_id: UUID, *, status: str | None = None) -> Select[Commission]:
    """A partner's commissions, to be paged."""
    statement = select(Commission).where(Commission.partner_id == partner_id)
    return statement if status is None else statement.where(Commission.status == status)


def commission(session: Session, commission_id: UUID, *, locked: bool = False) -> Commission | None:
    return session.scalar(_kept(select(Commission).where(Commission.id == commission_id), locked=locked))


def standing_commission(session: Session, *, partner_id: UUID, source_type: str, source_id: str) -> Commission | None:
    """The commission that a sale earned, unless it is void."""
    return session.scalar(
        commissions(partner_id).where(Commission.source_type == source_type, Commission.source_id == source_id, _STANDS)
    )


def has_earned_by(session: Session, *, partner_id: UUID, customer_id: UUID) -> bool:
    """Whether a commission of the partner stands for something that this customer bought."""
    found = commissions(partner_id).where(Commission.customer_id == customer_id, _STANDS).limit(1)
    return session.scalar(found) is not None


def pools(partner_id: UUID) -> Select[LicensePool]:
    return select(LicensePool).where(LicensePool.partner_id == partner_id)


def some_pools(session: Session, *, partner_id: UUID, limit: int) -> Sequence[LicensePool]:
    """The first pools of a partner."""
    return session.scalars(pools(partner_id).order_by(LicensePool.id).limit(limit)).all()


def all_together(session: Session, *, partner_id: UUID) -> tuple[int, int]:
    """How many licenses all pools of a partner have, and how many of them are given out."""
    sums = func.coalesce(func.sum(LicensePool.total), 0), func.coalesce(func.sum(LicensePool.allocated), 0)
    total, allocated = session.execute(select(*sums).where(LicensePool.partner_id == partner_id)).one()
    return int(total), int(allocated)


def pool(session: Session, pool_id: UUID, *, locked: bool = False) -> LicensePool | None:
    return session.scalar(_kept(select(LicensePool).where(LicensePool.id == pool_id), locked=locked))


def pool_of_template(session: Session, *, partner_id: UUID, template_id: UUID) -> LicensePool | None:
    return session.scalar(pools(partner_id).where(LicensePool.template_id == template_id))


def allocations(partner_id: UUID) -> Select[LicenseAllocation]:
    return select(LicenseAllocation).where(LicenseAllocation.partner_id == partner_id)


def allocation(session: Session, allocation_id: UUID, *, locked: bool = False) -> LicenseAllocation | None:
    return session.scalar(_kept(select(LicenseAllocation).where(LicenseAllocation.id == allocation_id), locked=locked))


def standing_allocation(session: Session, *, allocated_for: str) -> LicenseAllocation | None:
    """What was allocated for this, unless it was returned."""
    return session.scalar(
        select(LicenseAllocation).where(
            LicenseAllocation.allocated_for == allocated_for, LicenseAllocation.returned_at.is_(None)
        )
    )


def licenses(session: Session, *, allocation_id: UUID, limit: int) -> Sequence[licensing.License]:
    """The licenses of an allocation, in the order in which they were issued."""
    return session.scalars(
        licensing.all_licenses(session)
        .join(AllocatedLicense, AllocatedLicense.license_id == licensing.License.id)
        .where(AllocatedLicense.allocation_id == allocation_id)
        .order_by(licensing.License.id)
        .limit(limit)
    ).all()


def price_of_licenses(session: Session, *, partner_id: UUID, customer_id: UUID, currency: str) -> Decimal | None:
    """What the licenses that a customer has from a partner's pools are sold for; None: one has no price in that currency."""
    price, all_have_one = session.execute(
        select(
            func.sum(LicenseAllocation.license_count * LicensePool.unit_price),
            func.bool_and(LicensePool.currency.is_not_distinct_from(currency)),
        )
        .select_from(LicenseAllocation)
        .join(LicensePool, LicensePool.id == LicenseAllocation.pool_id)
        .where(
            LicenseAllocation.partner_id == partner_id,
            LicenseAllocation.customer_id == customer_id,
            LicenseAllocation.returned_at.is_(None),
        )
    ).one()
    return price if all_have_one else None
