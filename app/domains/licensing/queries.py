"""Reads of the licensing room, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from app.core.lists import containing
from app.domains.licensing.models import IS_LIVE, License, LicenseSigningKey, LicenseTemplate

MAX_KEYS = 1000
"""An owner's signing keys are published whole: a new one every month lasts 83 years."""
MAX_OF_SUBSCRIPTION = 100

# literal: with bound values PostgreSQL no longer finds the partial indexes once it keeps a generic plan
_LIVE = text(IS_LIVE)


def templates() -> Select[LicenseTemplate]:
    return select(LicenseTemplate)


def template(session: Session, template_id: UUID, *, locked: bool = False) -> LicenseTemplate | None:
    statement = select(LicenseTemplate).where(LicenseTemplate.id == template_id)
    return session.scalar(statement.with_for_update() if locked else statement)


def template_by_code(session: Session, code: str) -> LicenseTemplate | None:
    return session.scalar(select(LicenseTemplate).where(LicenseTemplate.code == code))


def licenses(
    session: Session, *, customer_id: UUID | None = None, status: str | None = None, q: str | None = None
) -> Select[License]:
    """Licenses by these filters, to be paged. `q`: part of the key."""
    statement = select(License)
    if customer_id is not None:
        statement = statement.where(License.customer_id == customer_id)
    if status is not None:
        statement = statement.where(License.status == status)
    if q is not None:
        statement = statement.where(containing(session, License.id, License.search_text, q))
    return statement


def license_by_id(session: Session, license_id: UUID, *, locked: bool = False) -> License | None:
    """The license; locked: as it is now."""
    statement = select(License).where(License.id == license_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def license_by_key(session: Session, license_key: str) -> License | None:
    return session.scalar(select(License).where(License.license_key == license_key))


def live_license(session: Session, *, issued_for: str) -> License | None:
    """The license that has not ended and was issued for this."""
    return session.scalar(select(License).where(License.issued_for == issued_for, _LIVE))


def live_licenses_of(session: Session, *, subscription_id: UUID) -> Sequence[License]:
    """A subscription's licenses that have not ended, the first first."""
    return session.scalars(
        select(License)
        .where(License.subscription_id == subscription_id, _LIVE)
        .order_by(License.id)
        .limit(MAX_OF_SUBSCRIPTION)
    ).all()


def live_license_of(session: Session, *, customer_id: UUID, at: datetime) -> License | None:
    """The newest of a customer's licenses that has not ended by then."""
    return session.scalar(
        select(License)
        .where(License.customer_id == customer_id, _LIVE, License.expires_at.is_(None) | (License.expires_at > at))
        .order_by(License.created_at.desc(), License.id.desc())
        .limit(1)
    )


def to_expire(*, at: datetime, limit: int) -> Select[License]:
    """Licenses that have ended by then, locked; a row that somebody else works on is left to them."""
    return (
        select(License)
        .where(_LIVE, License.expires_at <= at)
        .order_by(License.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def current_key(session: Session, *, retiring: bool = False) -> LicenseSigningKey | None:
    """The key that is signed with, locked: nobody retires it before this transaction ends; `retiring`: nor signs with it."""
    return session.scalar(
        select(LicenseSigningKey)
        .where(LicenseSigningKey.retired_at.is_(None))
        .with_for_update(read=not retiring)
        .execution_options(populate_existing=True)
    )


def signing_keys(session: Session) -> Sequence[LicenseSigningKey]:
    """All keys that ever signed, the newest first."""
    return session.scalars(
        select(LicenseSigningKey)
        .order_by(LicenseSigningKey.created_at.desc(), LicenseSigningKey.id.desc())
        .limit(MAX_KEYS)
    ).all()
