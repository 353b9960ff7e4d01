"""License pools: how many licenses of a template a partner may give out, and how many are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault, Invalid
from app.core.ids import new_id
from app.domains.licensing import service as licensing
from app.domains.partners import queries
from app.domains.partners.errors import LicensePoolBelowAllocated, LicensePoolExhausted, LicensePoolNotFound
from app.domains.partners.models import LicensePool, Partner
from app.domains.partners.rules import amounts, quota
from app.domains.partners.rules.quota import Quota
from app.domains.partners.service.partners import get_partner
from app.domains.partners.service.stating import pool_picture


def all_pools(session: Session, *, partner_id: UUID) -> Select[LicensePool]:
    """A partner's pools, to be paged. Raises PartnerNotFound."""
    return queries.pools(get_partner(session, partner_id=partner_id).id)


def get_pool(session: Session, *, partner_id: UUID, pool_id: UUID, locked: bool = False) -> LicensePool:
    """A pool of this partner. Raises LicensePoolNotFound."""
    found = queries.pool(session, pool_id, locked=locked)
    if found is None or found.partner_id != partner_id:
        message = "The partner has no such pool."
        raise LicensePoolNotFound(message)
    return found


def find_pool(session: Session, *, partner: Partner, template: UUID | str | None = None) -> LicensePool:
    """A partner's pool of a template (by id or code); of none: the only one that it has.

    Raises LicenseTemplateNotFound, LicensePoolNotFound, Invalid when it has several.
    """
    if template is not None:
        wanted = licensing.find_template(session, template=template)
        if found := queries.pool_of_template(session, partner_id=partner.id, template_id=wanted.id):
            return found
        message = f"The partner “{partner.code}” has no licenses of “{wanted.code}”."
        raise LicensePoolNotFound(message, faults=[Fault("/license_template_id", message)])
    few = queries.some_pools(session, partner_id=partner.id, limit=2)
    if not few:
        message = f"The partner “{partner.code}” has no licenses."
        raise LicensePoolNotFound(message)
    if len(few) > 1:
        message = f"The partner “{partner.code}” has several kinds of licenses: name license_template_id."
        raise Invalid(message, faults=[Fault("/license_template_id", message)])
    return few[0]


def put_pool(session: Session, *, partner_id: UUID, template: UUID | str, fields: Mapping[str, Any]) -> LicensePool:
    """Make a partner's pool of a template (by id or code), or change it: `total`, `unit_price` with `currency`.

    Raises PartnerNotFound, LicenseTemplateNotFound, Invalid with all faults, LicensePoolBelowAllocated.
    """
    partner = get_partner(session, partner_id=partner_id)
    wanted = licensing.find_template(session, template=template)
    _refuse(fields)
    made: LicensePool | None = session.scalar(
        insert(LicensePool)
        .values(id=new_id(), owner_id=session.info[OWNER], partner_id=partner.id, template_id=wanted.id, **fields)
        .on_conflict_do_nothing(index_elements=["partner_id", "template_id"])
        .returning(LicensePool)
    )
    if made is not None:
        audit.record(session, "license_pool.created", _subject(made), after=pool_picture(made))
        return made
    there = queries.pool_of_template(session, partner_id=partner.id, template_id=wanted.id)
    assert there is not None
    pool = get_pool(session, partner_id=partner.id, pool_id=there.id, locked=True)
    if fields["total"] < pool.allocated:
        raise LicensePoolBelowAllocated(allocated=pool.allocated, total=fields["total"])
    before = pool_picture(pool)
    for name, value in fields.items():
        setattr(pool, name, value)
    session.flush()
    session.refresh(pool)  # updated_at is the database's
    if (after := pool_picture(pool)) != before:
        audit.record(session, "license_pool.updated", _subject(pool), before=before, after=after)
    return pool


def quota_of(session: Session, *, partner: Partner, requested: int, template: UUID | str | None = None) -> Quota:
    """What a partner may still give out: of one template, or of all of them together. Takes nothing.

    Raises Invalid for a number that cannot be asked for, LicenseTemplateNotFound, LicensePoolNotFound.
    """
    if requested < 1:
        message = f"At least one license is asked for, not {requested}."
        raise Invalid(message, faults=[Fault("/requested", message)])
    if template is None:
        total, allocated = queries.all_together(session, partner_id=partner.id)
        return Quota(total=total, allocated=allocated, requested=requested)
    pool = find_pool(session, partner=partner, template=template)
    return Quota(total=pool.total, allocated=pool.allocated, requested=requested)


def require_quota(session: Session, *, partner: Partner, requested: int, template: UUID | str | None = None) -> Quota:
    """The same, where as many are left as are asked for. Raises LicensePoolExhausted with the numbers, else as quota_of."""
    found = quota_of(session, partner=partner, requested=requested, template=template)
    if not found.sufficient:
        raise LicensePoolExhausted(partner.code, total=found.total, used=found.allocated, requested=requested)
    return found


def _refuse(fields: Mapping[str, Any]) -> None:
    price, currency = fields.get("unit_price"), fields.get("currency")
    found = quota.total_faults(fields["total"])
    if (price is None) is not (currency is None):
        found.append(Fault("/unit_price", "A price has a currency, and the reverse."))
    elif price is not None and currency is not None:
        found += amounts.price_faults("/unit_price", price, currency)
    if found:
        message = "The pool is not valid."
        raise Invalid(message, faults=found)


def _subject(pool: LicensePool) -> str:
    return f"license_pool/{pool.id}"
