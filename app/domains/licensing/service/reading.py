"""Licenses: found, listed, and told of to whoever shows a key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.licensing import queries
from app.domains.licensing.errors import LicenseNotFound
from app.domains.licensing.models import License
from app.domains.licensing.rules import keys
from app.domains.licensing.rules.states import Finding, finding


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a key that was shown, with the license where there is one."""

    finding: Finding
    license_: License | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the license may be used now."""
        return self.finding is Finding.VALID


def get_license(session: Session, *, license_id: UUID) -> License:
    """A license in any state. Raises LicenseNotFound."""
    if found := queries.license_by_id(session, license_id):
        return found
    message = "There is no such license."
    raise LicenseNotFound(message)


def all_licenses(
    session: Session, *, customer_id: UUID | None = None, status: str | None = None, q: str | None = None
) -> Select[License]:
    """Licenses by these filters, to be paged. `q`: part of the key, hyphens included."""
    return queries.licenses(session, customer_id=customer_id, status=status, q=q)


def live_license_of(session: Session, *, customer_id: UUID) -> License | None:
    """The newest license of a customer that has not ended; one whose time is over at this moment has."""
    return queries.live_license_of(session, customer_id=customer_id, at=now(session))


def verify(session: Session, *, license_key: str) -> Verdict:
    """Whether a key, as somebody typed it, is well formed, is known, and its license may be used now. Never raises."""
    normalised = keys.normalised(license_key)
    if normalised is None:
        return Verdict(Finding.MALFORMED)
    found = queries.license_by_key(session, normalised)
    if found is None:
        return Verdict(Finding.UNKNOWN)
    return Verdict(finding(found.status, expires_at=found.expires_at, at=now(session)), found)
