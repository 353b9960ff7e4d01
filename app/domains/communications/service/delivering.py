"""Handing messages over by the adapter of their channel."""

from __future__ import annotations

from email.message import EmailMessage
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from app.adapters.delivery import outgoing
from app.adapters.mail.posting import post
from app.adapters.sms.port import Sms, SmsGateway
from app.core.events import emit
from app.core.world import World
from app.domains.communications.models import Message
from app.domains.communications.rules.wordings import SMS

DELIVER_TASK = "communications.deliver_message"


def deliver(world: World, *, owner_id: UUID, message_id: UUID) -> bool:
    """Send one message by its channel's adapter if it is due; safe to call twice and at once in two places.

    A refusal makes it `failed`; an absent server leaves it queued with a growing wait. Returns whether this call tried.
    """
    return outgoing.hand_over(
        world,
        Message,
        owner_id=owner_id,
        row_id=message_id,
        send=partial(_send, world),
        recorded=_emit_outcome,
    )


def undelivered(session: Session, *, limit: int = 100) -> list[tuple[UUID, UUID]]:
    """(owner, message) of what is due and nobody is sending: the net under the tasks sent after a commit."""
    return outgoing.undelivered(session, Message, limit=limit)


def _send(world: World, message: Message) -> None:
    if message.channel == SMS:
        gateway = world.ports.get(SmsGateway)  # type: ignore[type-abstract]
        gateway.send(Sms(id=str(message.id), to=message.recipient, text=message.text))
        return
    mail = EmailMessage()
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    post(world, mail, row_id=message.id)


def _emit_outcome(session: Session, message: Message) -> None:
    data = {
        "message_id": str(message.id),
        "channel": message.channel,
        "template": message.template,
        "error": message.error,
    }
    emit(session, f"message.{message.status}", f"message/{message.id}", data)
