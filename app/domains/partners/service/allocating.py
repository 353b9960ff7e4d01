"""Licenses go from a partner's pool to its customers and back, under the pool's lock."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.errors import Invalid
from app.core.ids import new_id
from app.domains.customers import service as customers
from app.domains.licensing import service as licensing
from app.domains.partners import queries
from app.domains.partners.errors import (
    AllocatedToAnother,
    AllocationNotFound,
    CustomerOfAnotherPartner,
    LicensePoolExhausted,
)
from app.domains.partners.models import AllocatedLicense, LicenseAllocation, LicensePool, Partner
from app.domains.partners.rules import quota
from app.domains.partners.service.partners import find_partner, get_partner, hold_active
from app.domains.partners.service.pools import find_pool, get_pool
from app.domains.partners.service.stating import allocation_picture

RETURNED = "Returned to the partner's pool."


def all_allocations(session: Session, *, partner_id: UUID) -> Select[LicenseAllocation]:
    """What a partner gave out, what was returned too, to be paged. Raises PartnerNotFound."""
    return queries.allocations(get_partner(session, partner_id=partner_id).id)


def find_allocation(session: Session, *, allocation_id: UUID) -> LicenseAllocation:
    """An allocation, returned or not. Raises AllocationNotFound."""
    if found := queries.allocation(session, allocation_id):
        return found
    raise AllocationNotFound


def get_allocation(session: Session, *, partner_id: UUID, allocation_id: UUID) -> LicenseAllocation:
    """An allocation of this partner. Raises AllocationNotFound."""
    found = find_allocation(session, allocation_id=allocation_id)
    if found.partner_id != partner_id:
        raise AllocationNotFound
    return found


def pool_of(session: Session, *, allocation: LicenseAllocation) -> LicensePool:
    """The pool that an allocation came from."""
    return get_pool(session, partner_id=allocation.partner_id, pool_id=allocation.pool_id)


def licenses_of(session: Session, *, allocation: LicenseAllocation) -> Sequence[licensing.License]:
    """The licenses of an allocation, in the order in which they were issued; revoked ones too."""
    return queries.licenses(session, allocation_id=allocation.id, limit=allocation.license_count)


def allocate_licenses(
    session: Session,
    *,
    partner: UUID | str,
    customer_id: UUID,
    license_count: int,
    key: str,
    template: UUID | str | None = None,
    only_own: bool = False,
) -> LicenseAllocation:
    """Issue licenses to a customer out of a partner's pool; of a template (by id or code), or of the only pool that there is.

    `key` names what asks: asking again finds the allocation until it is returned. `only_own`: a customer that is no partner's
    gets none, either.

    Raises PartnerNotFound, PartnerInactive, NotFound for customer, template or pool, CustomerOfAnotherPartner, Invalid,
    LicensePoolExhausted with the numbers, AllocatedToAnother.
    """
    if faults := quota.count_faults(license_count):
        raise Invalid(faults[0].message, faults=faults)
    found = find_partner(session, partner=partner)
    place = find_pool(session, partner=found, template=template)
    pool = get_pool(session, partner_id=found.id, pool_id=place.id, locked=True)
    if earlier := queries.standing_allocation(session, allocated_for=key):
        if (earlier.pool_id, earlier.customer_id, earlier.license_count) != (pool.id, customer_id, license_count):
            raise AllocatedToAnother
        return earlier
    active = hold_active(session, partner=found)
    customer = customers.get_customer(session, customer_id=customer_id)
    if customer.partner_id != active.id and (only_own or customer.partner_id is not None):
        raise CustomerOfAnotherPartner(active.code)
    if pool.available < license_count:
        raise LicensePoolExhausted(active.code, total=pool.total, used=pool.allocated, requested=license_count)
    pool.allocated += license_count
    return _given(session, pool, active, customer_id=customer_id, license_count=license_count, key=key)


def return_allocation(session: Session, *, allocation_id: UUID, reason: str = RETURNED) -> LicenseAllocation:
    """Revoke the licenses of an allocation and put them back into their pool, once. Raises AllocationNotFound."""
    there = find_allocation(session, allocation_id=allocation_id)
    pool = get_pool(session, partner_id=there.partner_id, pool_id=there.pool_id, locked=True)
    allocation = queries.allocation(session, allocation_id, locked=True)
    assert allocation is not None  # nobody deletes one
    if allocation.returned_at is not None:
        return allocation
    for each in licenses_of(session, allocation=allocation):
        licensing.revoke_license(session, license_id=each.id, reason=reason)
    allocation.returned_at = now(session)
    pool.allocated -= allocation.license_count
    session.flush()
    audit.record(
        session, "licenses.returned", _subject(allocation), before=allocation_picture(allocation), reason=reason
    )
    return allocation


def _given(
    session: Session, pool: LicensePool, partner: Partner, *, customer_id: UUID, license_count: int, key: str
) -> LicenseAllocation:
    allocation = LicenseAllocation(
        id=new_id(),
        partner_id=partner.id,
        pool_id=pool.id,
        customer_id=customer_id,
        license_count=license_count,
        allocated_for=key,
    )
    session.add(allocation)
    session.flush()
    for number in range(1, license_count + 1):
        issued = licensing.issue_license(
            session,
            customer_id=customer_id,
            key=f"{key}/{number}",
            template=pool.template_id,
            partner_id=partner.id,
        )
        session.add(AllocatedLicense(license_id=issued.id, allocation_id=allocation.id))
    session.flush()
    audit.record(session, "licenses.allocated", _subject(allocation), after=allocation_picture(allocation))
    return allocation


def _subject(allocation: LicenseAllocation) -> str:
    return f"license_allocation/{allocation.id}"
