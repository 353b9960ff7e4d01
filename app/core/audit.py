"""The audit log: who did what to which object, from where, with old and new values; append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.clock import now
from app.core.db import OWNER, Base, Owned

ACTOR = "actor"
ADDRESS = "address"


class AuditEntry(Owned, Base):
    """One act. `actor` is a user's id, or the name of the process that acted by itself."""

    __tablename__ = "audit_log"
    # who did something to this object
    __table_args__ = (Index("ix_audit_log_object", "owner_id", "object", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]


def record(
    session: Session,
    action: str,
    object_: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str | None = None,
    owner_id: UUID | None = None,
) -> None:
    """Write an audit row in this transaction; actor and address come from the session (`session.info`), else `system`."""
    session.add(
        AuditEntry(
            at=now(session),
            actor=session.info.get(ACTOR, "system"),
            address=session.info.get(ADDRESS),
            action=action,
            object=object_,
            reason=reason,
            before=before,
            after=after,
            owner_id=owner_id or session.info[OWNER],
        )
    )
