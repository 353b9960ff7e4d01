"""Telling a team something: stored with the transaction that wants it, delivered after its commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import OWNER
from app.core.ids import new_id
from app.core.queue import send_task
from app.domains.notifications import queries
from app.domains.notifications.models import Notification, NotificationChannel, NotificationRecipient
from app.domains.notifications.rules import MAIL, OPERATIONS_TEAM, check, goes_by_mail
from app.domains.notifications.service.delivering import emit_outcome
from app.domains.notifications.service.teams import addressed

DELIVER_TASK = "notifications.deliver_notification"


@dataclass(frozen=True, slots=True)
class Told:
    """Who learns of a notification: users in the product, and the services of the channels."""

    recipients: Sequence[UUID]
    channels: Sequence[str]


def notify_team(
    session: Session,
    *,
    team: str,
    title: str,
    message: str,
    severity: str = "info",
    link: str | None = None,
    key: str,
) -> Notification:
    """Tell a team something, once per `key`: its members at once in the product, its channels after the commit.

    Raises UnknownTeam, BadNotification.
    """
    check(title=title, severity=severity, link=link)
    told = addressed(session, team)
    members = [each.user_id for each in told.members]
    channels: list[tuple[str, str | None]] = [(each.service, each.secret) for each in told.channels]
    if goes_by_mail(team=team, members=members, channels=channels):
        channels = [(MAIL, None)]
    at = now(session)
    row_id: UUID | None = session.scalar(
        insert_once(Notification)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            key=key,
            team=team,
            severity=severity,
            title=title,
            message=message,
            link=link,
            status="queued" if channels else "delivered",
            sent_at=None if channels else at,
            next_attempt_at=at,
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "key"])
        .returning(Notification.id)
    )
    if row_id is not None:
        _address(session, row_id, members, channels)
    row = queries.notification_by_key(session, key)
    if row_id is not None and not channels:
        emit_outcome(session, row)
    return row


def notify_operations(
    session: Session,
    *,
    title: str,
    message: str,
    severity: str = "info",
    link: str | None = None,
    key: str,
) -> Notification:
    """Tell operations something, once per `key`."""
    return notify_team(
        session,
        team=OPERATIONS_TEAM,
        title=title,
        message=message,
        severity=severity,
        link=link,
        key=key,
    )


def who_was_told(session: Session, *, notification_id: UUID) -> Told:
    """Whom a notification goes to."""
    return Told(
        recipients=queries.recipients(session, notification_id),
        channels=[each.service for each in queries.channels(session, notification_id)],
    )


def withdraw(session: Session, *, notification_id: UUID) -> bool:
    """Take back what no channel has begun to be told, from the members as well; False when it is gone, sent or on its way."""
    row = queries.notification_for_update(session, notification_id)
    if row is None or row.status != "queued":
        return False
    row.status = "withdrawn"
    session.execute(
        update(NotificationChannel)
        .where(NotificationChannel.notification_id == notification_id, NotificationChannel.status == "queued")
        .values(status="withdrawn")
    )
    session.execute(delete(NotificationRecipient).where(NotificationRecipient.notification_id == notification_id))
    return True


def _address(
    session: Session, notification_id: UUID, members: Sequence[UUID], channels: Sequence[tuple[str, str | None]]
) -> None:
    about = {"owner_id": session.info[OWNER], "notification_id": notification_id}
    if members:
        session.execute(
            insert(NotificationRecipient), [{"id": new_id(), "user_id": user_id, **about} for user_id in members]
        )
    if channels:
        session.execute(
            insert(NotificationChannel),
            [{"id": new_id(), "service": service, "secret": secret, **about} for service, secret in channels],
        )
        send_task(session, DELIVER_TASK, str(session.info[OWNER]), str(notification_id))
