"""What the notifications room reads, of the session's owner only."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.notifications.models import Notification, NotificationChannel, NotificationRecipient, Team
from app.domains.notifications.rules import MAX_CHANNELS, MAX_MEMBERS


def teams() -> Select[Team]:
    """All teams."""
    return select(Team)


def team(session: Session, team_id: UUID, *, locked: bool = False) -> Team | None:
    statement = select(Team).where(Team.id == team_id)
    return session.scalar(statement.with_for_update() if locked else statement)


def team_by_code(session: Session, code: str) -> Team | None:
    return session.scalar(select(Team).where(Team.code == code))


def notification_by_key(session: Session, key: str) -> Notification:
    """The notification that was made under this key; somebody has made it."""
    return session.scalars(select(Notification).where(Notification.key == key)).one()


def notification_for_update(session: Session, notification_id: UUID) -> Notification | None:
    return session.scalar(select(Notification).where(Notification.id == notification_id).with_for_update())


def channels(session: Session, notification_id: UUID) -> Sequence[NotificationChannel]:
    """The channels of a notification, as they are now."""
    return session.scalars(
        select(NotificationChannel)
        .where(NotificationChannel.notification_id == notification_id)
        .order_by(NotificationChannel.id)
        .limit(MAX_CHANNELS + 1)
    ).all()


def recipients(session: Session, notification_id: UUID) -> Sequence[UUID]:
    """The users who were told of a notification."""
    return session.scalars(
        select(NotificationRecipient.user_id)
        .where(NotificationRecipient.notification_id == notification_id)
        .order_by(NotificationRecipient.user_id)
        .limit(MAX_MEMBERS)
    ).all()


def told(*, user_id: UUID, unread: bool) -> Select[NotificationRecipient]:
    """What a user was told; with `unread` only what they have not seen yet."""
    statement = select(NotificationRecipient).where(NotificationRecipient.user_id == user_id)
    return statement.where(NotificationRecipient.read_at.is_(None)) if unread else statement


def told_one(session: Session, *, user_id: UUID, recipient_id: UUID) -> NotificationRecipient | None:
    """One thing that a user was told, locked."""
    return session.scalar(
        select(NotificationRecipient)
        .where(NotificationRecipient.id == recipient_id, NotificationRecipient.user_id == user_id)
        .with_for_update(of=NotificationRecipient)
    )
