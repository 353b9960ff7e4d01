"""Tables of the communications room."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.mail.outgoing import STATUS_CHECK, Outgoing
from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id


class MessageTemplate(Owned, Timestamped, Base):
    """The wording of one kind of message in one language, as this owner edited it."""

    __tablename__ = "message_templates"
    __table_args__ = (UniqueConstraint("owner_id", "name", "locale"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text, server_default="en")
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)


class Message(Outgoing, Timestamped, Base):
    """One rendered mail. `key`: whoever asks again with it gets this one."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        CheckConstraint(STATUS_CHECK, name="status"),
        # what is still to be sent, the longest due first
        Index(
            "ix_messages_undelivered",
            "next_attempt_at",
            postgresql_where="status IN ('queued', 'sending')",
        ),
        # the list of messages, newest first
        Index("ix_messages_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
