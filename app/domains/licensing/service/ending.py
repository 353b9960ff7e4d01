"""Licenses are suspended and resumed, revoked for good, and end by themselves. A change is made under the row's lock."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.domains.licensing import queries
from app.domains.licensing.errors import LicenseNotFound, LicenseStateForbids
from app.domains.licensing.models import License
from app.domains.licensing.rules.states import LIVE, SOURCES, Finding, Status, finding
from app.domains.licensing.service.stating import about, subject

BATCH = 500


def revoke_license(session: Session, *, license_id: UUID, reason: str) -> License:
    """End a license for good, one that has expired too; emits license.revoked.

    One that is revoked stays as it is, with its first reason. Raises LicenseNotFound.
    """
    license_ = _locked(session, license_id)
    if license_.status != Status.REVOKED:
        license_.revoked_at, license_.revoke_reason = now(session), reason
        _change(session, license_, Status.REVOKED, reason=reason)
        emit(session, "license.revoked", subject(license_), {**about(license_), "reason": reason})
    return license_


def suspend_license(session: Session, *, license_id: UUID, reason: str) -> License:
    """Let a license not be used until it is resumed; its end stays where it is.

    Suspending twice is the same. Raises LicenseNotFound, LicenseStateForbids when it has ended.
    """
    license_ = _locked(session, license_id)
    if license_.status != Status.SUSPENDED:
        _change(session, license_, Status.SUSPENDED, reason=reason)
    return license_


def resume_license(session: Session, *, license_id: UUID) -> License:
    """Let a suspended license be used again. One that is active stays so.

    Raises LicenseNotFound, LicenseStateForbids when it has ended.
    """
    license_ = _locked(session, license_id)
    if finding(license_.status, expires_at=license_.expires_at, at=now(session)) is Finding.EXPIRED:
        message = "The license has expired: issue a new one."
        raise LicenseStateForbids(message)
    if license_.status != Status.ACTIVE:
        _change(session, license_, Status.ACTIVE)
    return license_


def expire_licenses(session: Session, *, limit: int = BATCH) -> int:
    """Note the end of licenses whose time is over: `expired`. Runs across owners, in batches.

    Once each, however often and in however many places it runs. Returns how many: call again while it is `limit`.
    """
    ended = session.scalars(queries.to_expire(at=now(session), limit=limit)).all()
    for license_ in ended:
        _change(session, license_, Status.EXPIRED)
    return len(ended)


def still_lives(session: Session, *, license_: License) -> bool:
    """Whether a license has not ended, seen under its lock. An end that nobody has noted yet is noted here."""
    current = _locked(session, license_.id)
    is_over = finding(current.status, expires_at=current.expires_at, at=now(session)) is Finding.EXPIRED
    if is_over and current.status in LIVE:
        _change(session, current, Status.EXPIRED)
    return current.status in LIVE


def _locked(session: Session, license_id: UUID) -> License:
    if license_ := queries.license_by_id(session, license_id, locked=True):
        return license_
    message = "There is no such license."
    raise LicenseNotFound(message)


def _change(session: Session, license_: License, to: Status, *, reason: str | None = None) -> None:
    before = license_.status
    if before not in SOURCES[to]:
        message = f"A license that is {before} cannot become {to}."
        raise LicenseStateForbids(message)
    license_.status = to
    session.flush()
    audit.record(
        session,
        f"license.{to}" if to is not Status.ACTIVE else "license.resumed",
        subject(license_),
        before={"status": before},
        after={"status": str(to)},
        reason=reason,
        owner_id=license_.owner_id,
    )
