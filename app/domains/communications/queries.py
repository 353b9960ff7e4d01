"""What the communications room reads."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domains.communications.models import Message, MessageTemplate


def template(session: Session, *, name: str, locale: str) -> MessageTemplate | None:
    """The owner's own wording in that language."""
    return session.scalar(select(MessageTemplate).where(MessageTemplate.name == name, MessageTemplate.locale == locale))


def message_by_key(session: Session, *, key: str) -> Message | None:
    """The message that was made under this key."""
    return session.scalar(select(Message).where(Message.key == key))
