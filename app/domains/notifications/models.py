"""Tables of the notifications room."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.mail.outgoing import STATUS_CHECK, Outgoing
from app.core.db import Base, Timestamped
from app.core.ids import new_id
from app.domains.notifications.rules import SEVERITIES

SEVERITY_CHECK = f"severity IN ({', '.join(repr(severity) for severity in SEVERITIES)})"


class Notification(Outgoing, Timestamped, Base):
    """One thing that a team is told."""

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        CheckConstraint(STATUS_CHECK, name="status"),
        CheckConstraint(SEVERITY_CHECK, name="severity"),
        # what is still to be sent, the longest due first
        Index(
            "ix_notifications_undelivered",
            "next_attempt_at",
            postgresql_where="status IN ('queued', 'sending')",
        ),
        # a team's notifications, newest first
        Index("ix_notifications_list", "owner_id", "team", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(Text)
    team: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    link: Mapped[str | None] = mapped_column(Text)
