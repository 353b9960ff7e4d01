"""The license template that a new installation begins with."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.licensing.models import LicenseTemplate

STANDARD = "standard"
STANDARD_PRODUCTS = ("isp-platform",)
STANDARD_SEATS = 5


def seed(session: Session) -> None:
    """Insert the standard template where the session's owner has none of its code; it has no end of its own."""
    session.execute(
        insert(LicenseTemplate)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            code=STANDARD,
            name="Standard",
            products=list(STANDARD_PRODUCTS),
            features={},
            seats=STANDARD_SEATS,
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "code"])
    )
