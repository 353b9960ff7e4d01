"""Delivering notifications: each channel by itself, each outcome written down before the next channel is told."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from functools import partial
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.adapters.chat.errors import ChatRefused, ChatUnavailable
from app.adapters.chat.port import Chat, Notice
from app.adapters.delivery import outgoing
from app.adapters.delivery.errors import DeliveryError
from app.adapters.mail.posting import post
from app.core.clock import now
from app.core.errors import NotFound, Unavailable
from app.core.events import emit
from app.core.world import World
from app.domains.notifications import queries
from app.domains.notifications.models import Notification, NotificationChannel
from app.domains.notifications.rules import text_of


def deliver(world: World, *, owner_id: UUID, notification_id: UUID) -> bool:
    """Tell a notification's channels if it is due; safe to call twice. Returns whether this call tried.

    A channel that has taken it is not told again; those that have not are, with a growing wait.
    """
    return outgoing.hand_over(
        world,
        Notification,
        owner_id=owner_id,
        row_id=notification_id,
        send=partial(_tell_channels, world),
        recorded=_end,
    )


def undelivered(session: Session, *, limit: int = 100) -> list[tuple[UUID, UUID]]:
    """(owner, notification) of what is due and nobody is sending."""
    return outgoing.undelivered(session, Notification, limit=limit)


def _tell_channels(world: World, row: Notification) -> None:
    """Tell every channel that waits. Raises ChatUnavailable while one does, ChatRefused when one has refused."""
    for channel in _channels(world, row):
        if channel.status == "queued":
            _tell_and_record(world, row, channel)
    channels = _channels(world, row)
    told = "; ".join(f"{each.service}: {each.error}" for each in channels if each.error)
    if any(each.status == "queued" for each in channels):
        raise ChatUnavailable(told)
    if any(each.status == "failed" for each in channels):
        raise ChatRefused(told)


def _channels(world: World, row: Notification) -> Sequence[NotificationChannel]:
    with world.database.transaction(row.owner_id) as session:
        return queries.channels(session, row.id)


def _tell_and_record(world: World, row: Notification, channel: NotificationChannel) -> None:
    fault: DeliveryError | None = None
    try:
        _tell(world, row, channel)
    except DeliveryError as error:
        fault = error
    with world.database.transaction(row.owner_id) as session:
        outcome = {"status": "delivered", "error": None, "sent_at": now(session)}
        if fault is not None:
            outcome = {"status": "failed" if fault.permanent else "queued", "error": str(fault), "sent_at": None}
        session.execute(update(NotificationChannel).where(NotificationChannel.id == channel.id).values(outcome))


def _tell(world: World, row: Notification, channel: NotificationChannel) -> None:
    if channel.secret is None:
        post(world, _composed(world, row), row_id=row.id)
        return
    try:
        with world.database.transaction(row.owner_id) as session:
            address = world.vault.open(session, channel.secret)
    except NotFound:
        message = "the team does not have this channel any more"
        raise ChatRefused(message) from None
    except Unavailable as error:
        raise ChatUnavailable(error.message) from None
    notice = Notice(title=row.title, text=text_of(row.message, row.link), severity=row.severity)
    world.ports.get(Chat).tell(address, notice)  # type: ignore[type-abstract]


def _composed(world: World, row: Notification) -> EmailMessage:
    mail = EmailMessage()
    mail["To"] = world.settings.operations_email
    mail["Subject"] = row.title
    mail["X-Severity"] = row.severity
    mail.set_content(text_of(row.message, row.link))
    return mail


def _end(session: Session, row: Notification) -> None:
    """It is delivered, or given up: then the channels that still wait have failed, too."""
    session.execute(
        update(NotificationChannel)
        .where(NotificationChannel.notification_id == row.id, NotificationChannel.status == "queued")
        .values(status="failed")
    )
    emit_outcome(session, row)


def emit_outcome(session: Session, row: Notification) -> None:
    """Say what became of a notification in the end."""
    data = {"notification_id": str(row.id), "team": row.team, "error": row.error}
    emit(session, f"notification.{row.status}", f"notification/{row.id}", data)
