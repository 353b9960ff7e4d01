"""What the communications room reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.communications.models import Message, MessageTemplate, SecretLink

MAX_LINKS_OF_A_MESSAGE = 100


def wording(session: Session, *, channel: str, name: str, locale: str) -> MessageTemplate | None:
    """The owner's own wording in that language."""
    return session.scalar(
        select(MessageTemplate).where(
            MessageTemplate.channel == channel, MessageTemplate.name == name, MessageTemplate.locale == locale
        )
    )


def template(session: Session, template_id: UUID, *, locked: bool = False) -> MessageTemplate | None:
    statement = select(MessageTemplate).where(MessageTemplate.id == template_id)
    return session.scalar(statement.with_for_update() if locked else statement)


def templates(
    *, name: str | None = None, locale: str | None = None, channel: str | None = None
) -> Select[MessageTemplate]:
    """All wordings that fit."""
    statement = select(MessageTemplate)
    if name is not None:
        statement = statement.where(MessageTemplate.name == name)
    if locale is not None:
        statement = statement.where(MessageTemplate.locale == locale)
    if channel is not None:
        statement = statement.where(MessageTemplate.channel == channel)
    return statement


def message(session: Session, message_id: UUID, *, locked: bool = False) -> Message | None:
    statement = select(Message).where(Message.id == message_id)
    return session.scalar(statement.with_for_update() if locked else statement)


def message_by_key(session: Session, *, key: str) -> Message | None:
    """The message that was made under this key."""
    return session.scalar(select(Message).where(Message.key == key))


def messages(
    *,
    status: str | None = None,
    recipient: str | None = None,
    template: str | None = None,
    channel: str | None = None,
) -> Select[Message]:
    """All messages that fit."""
    statement = select(Message)
    if status is not None:
        statement = statement.where(Message.status == status)
    if recipient is not None:
        statement = statement.where(Message.recipient == recipient)
    if template is not None:
        statement = statement.where(Message.template == template)
    if channel is not None:
        statement = statement.where(Message.channel == channel)
    return statement


def waiting_link(session: Session, *, token_hash: bytes, at: datetime, locked: bool = False) -> SecretLink | None:
    """The link of that token, while it can be opened."""
    statement = select(SecretLink).where(SecretLink.token_hash == token_hash, SecretLink.expires_at > at)
    return session.scalar(statement.with_for_update() if locked else statement)


def links_of_message(session: Session, message_id: UUID) -> Sequence[SecretLink]:
    """The links that a message carries, locked."""
    return session.scalars(
        select(SecretLink)
        .where(SecretLink.message_id == message_id)
        .order_by(SecretLink.id)
        .limit(MAX_LINKS_OF_A_MESSAGE)
        .with_for_update()
    ).all()


def expired_links(session: Session, *, at: datetime, limit: int) -> Sequence[SecretLink]:
    """Links whose time has passed, the longest first, locked; those that somebody else is at are left out."""
    return session.scalars(
        select(SecretLink)
        .where(SecretLink.expires_at <= at)
        .order_by(SecretLink.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
