"""Verbs of the communications room."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import yaml
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.adapters.mail import outgoing
from app.core.clock import now, utc_now
from app.core.db import OWNER
from app.core.errors import NotFound
from app.core.events import emit
from app.core.ids import new_id
from app.core.queue import send_task
from app.core.settings import Settings
from app.core.world import World
from app.domains.communications import queries
from app.domains.communications.errors import TemplateNotFound
from app.domains.communications.models import Message, MessageTemplate
from app.domains.communications.rules import Wording, checked_recipient, render

DEFAULT_LOCALE = "en"
DELIVER_TASK = "communications.deliver_message"

__all__ = ["deliver", "get_message", "queue_mail", "seed", "undelivered", "withdraw"]


def queue_mail(
    session: Session,
    *,
    template: str,
    recipient: str,
    variables: Mapping[str, Any],
    locale: str = DEFAULT_LOCALE,
    key: str,
) -> Message:
    """Render a mail, store it in this transaction and have it sent after the commit.

    The owner's own wording is used, else the shipped one; a language that nobody wrote falls back to English. Asked again
    with the same `key` it returns the first message. Raises TemplateNotFound, TemplateFault, BadRecipient.
    """
    rendered = render(_wording(session, template, locale), variables)
    row_id: UUID | None = session.scalar(
        insert(Message)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            key=key,
            template=template,
            locale=locale,
            recipient=checked_recipient(recipient),
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            next_attempt_at=now(session),
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "key"])
        .returning(Message.id)
    )
    if row_id is not None:
        send_task(session, DELIVER_TASK, str(session.info[OWNER]), str(row_id))
    message = queries.message_by_key(session, key=key)
    if message is None:
        text = f"the message with the key {key} is not visible to its owner"
        raise RuntimeError(text)
    return message


def get_message(session: Session, *, message_id: UUID) -> Message:
    """One message. Raises NotFound."""
    message = session.get(Message, message_id)
    if message is None:
        text = "There is no such message."
        raise NotFound(text)
    return message


def withdraw(session: Session, *, message_id: UUID) -> bool:
    """Take back a message that nobody has begun to send; False when it is gone, sent or on its way."""
    message = session.scalar(select(Message).where(Message.id == message_id).with_for_update())
    if message is None or message.status != "queued":
        return False
    message.status = "withdrawn"
    return True


def deliver(world: World, *, owner_id: UUID, message_id: UUID) -> bool:
    """Send one message by the mail adapter if it is due; safe to call twice and at once in two places.

    A refusal makes it `failed`; an absent server leaves it queued with a growing wait. Returns whether this call tried.
    """
    return outgoing.hand_over(
        world,
        Message,
        owner_id=owner_id,
        row_id=message_id,
        compose=lambda message: _composed(message, world.settings),
        recorded=_emit_outcome,
    )


def undelivered(session: Session, *, limit: int = 100) -> list[tuple[UUID, UUID]]:
    """(owner, message) of what is due and nobody is sending: the net under the tasks sent after a commit."""
    return outgoing.undelivered(session, Message, limit=limit)


def seed(session: Session) -> None:
    """Write the shipped wordings as rows to edit; rows that exist stay as they are."""
    for wording in _shipped().values():
        session.execute(
            insert(MessageTemplate)
            .values(
                id=new_id(),
                owner_id=session.info[OWNER],
                name=wording.name,
                locale=DEFAULT_LOCALE,
                subject=wording.subject,
                text=wording.text,
                html=wording.html,
            )
            .on_conflict_do_nothing(index_elements=["owner_id", "name", "locale"])
        )


def _wording(session: Session, name: str, locale: str) -> Wording:
    row = queries.template(session, name=name, locale=locale) or queries.template(
        session, name=name, locale=DEFAULT_LOCALE
    )
    if row is not None:
        return Wording(name=row.name, subject=row.subject, text=row.text, html=row.html)
    try:
        return _shipped()[name]
    except KeyError:
        message = f"There is no message template {name!r}."
        raise TemplateNotFound(message) from None


@cache
def _shipped() -> dict[str, Wording]:
    document = yaml.safe_load((files("app.domains.communications") / "templates.yaml").read_text(encoding="utf-8"))
    return {name: Wording(name=name, **parts) for name, parts in document.items()}


def _composed(message: Message, settings: Settings) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = settings.mail_from
    mail["To"] = message.recipient
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(utc_now())
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def _emit_outcome(session: Session, message: Message) -> None:
    data = {
        "message_id": str(message.id),
        "template": message.template,
        "error": message.error,
    }
    emit(session, f"message.{message.status}", f"message/{message.id}", data)
