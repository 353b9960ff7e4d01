"""What a user was told in the product, read and unread."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Select, update
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.notifications import queries
from app.domains.notifications.errors import NotificationNotFound
from app.domains.notifications.models import NotificationRecipient


def told(*, user_id: UUID, unread: bool = False) -> Select[NotificationRecipient]:
    """What a user was told, to be paged; with `unread` only what they have not read."""
    return queries.told(user_id=user_id, unread=unread)


def mark_read(session: Session, *, user_id: UUID, recipient_id: UUID) -> NotificationRecipient:
    """A user has read it; the first time counts. Raises NotificationNotFound, for what others were told as well."""
    row = queries.told_one(session, user_id=user_id, recipient_id=recipient_id)
    if row is None:
        message = "There is no such notification."
        raise NotificationNotFound(message)
    if row.read_at is None:
        row.read_at = now(session)
    return row


def mark_all_read(session: Session, *, user_id: UUID) -> int:
    """A user has read all of it; returns how many were new."""
    result = session.execute(
        update(NotificationRecipient)
        .where(NotificationRecipient.user_id == user_id, NotificationRecipient.read_at.is_(None))
        .values(read_at=now(session))
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
