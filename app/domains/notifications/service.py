"""Verbs of the notifications room."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.adapters.mail import outgoing
from app.core.clock import now, utc_now
from app.core.db import OWNER
from app.core.events import emit
from app.core.ids import new_id
from app.core.queue import send_task
from app.core.settings import Settings
from app.core.world import World
from app.domains.notifications.models import Notification
from app.domains.notifications.rules import OPERATIONS_TEAM, check

DELIVER_TASK = "notifications.deliver_notification"

__all__ = ["deliver", "notify_operations", "notify_team", "undelivered", "withdraw"]


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
    """Tell a team something, once per `key`: stored in this transaction, delivered after the commit.

    Raises UnknownTeam, BadNotification.
    """
    check(team=team, title=title, severity=severity, link=link)
    row_id: UUID | None = session.scalar(
        insert(Notification)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            key=key,
            team=team,
            severity=severity,
            title=title,
            message=message,
            link=link,
            next_attempt_at=now(session),
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "key"])
        .returning(Notification.id)
    )
    if row_id is not None:
        send_task(session, DELIVER_TASK, str(session.info[OWNER]), str(row_id))
    return session.scalars(select(Notification).where(Notification.key == key)).one()


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


def withdraw(session: Session, *, notification_id: UUID) -> bool:
    """Take back what nobody has begun to send; False when it is gone, sent or on its way."""
    row = session.scalar(select(Notification).where(Notification.id == notification_id).with_for_update())
    if row is None or row.status != "queued":
        return False
    row.status = "withdrawn"
    return True


def deliver(world: World, *, owner_id: UUID, notification_id: UUID) -> bool:
    """Send one notification to its team's mail address if it is due; safe to call twice. Returns whether this call tried."""
    return outgoing.hand_over(
        world,
        Notification,
        owner_id=owner_id,
        row_id=notification_id,
        compose=lambda row: _composed(row, world.settings),
        recorded=_emit_outcome,
    )


def undelivered(session: Session, *, limit: int = 100) -> list[tuple[UUID, UUID]]:
    """(owner, notification) of what is due and nobody is sending."""
    return outgoing.undelivered(session, Notification, limit=limit)


def _composed(row: Notification, settings: Settings) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = settings.mail_from
    mail["To"] = settings.operations_email
    mail["Subject"] = row.title
    mail["Date"] = format_datetime(utc_now())
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Severity"] = row.severity
    mail.set_content(row.message if row.link is None else f"{row.message}\n\n{row.link}")
    return mail


def _emit_outcome(session: Session, row: Notification) -> None:
    data = {"notification_id": str(row.id), "team": row.team, "error": row.error}
    emit(session, f"notification.{row.status}", f"notification/{row.id}", data)
