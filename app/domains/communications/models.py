"""Tables of the communications room."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.adapters.delivery.outgoing import STATUS_CHECK, Outgoing
from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.communications.rules.wordings import CHANNELS

CHANNEL_CHECK = f"channel IN ({', '.join(repr(channel) for channel in CHANNELS)})"


class MessageTemplate(Owned, Timestamped, Base):
    """The wording of one kind of message in one language, as this owner edited it. An sms has a text only."""

    __tablename__ = "message_templates"
    __table_args__ = (
        UniqueConstraint("owner_id", "channel", "name", "locale"),
        CheckConstraint(CHANNEL_CHECK, name="channel"),
        # the list of templates, newest first
        Index("ix_message_templates_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(Text, server_default="mail")
    name: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text, server_default="en")
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)


class Message(Outgoing, Timestamped, Base):
    """One rendered message. `key`: whoever asks again with it gets this one."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("owner_id", "key"),
        CheckConstraint(STATUS_CHECK, name="status"),
        CheckConstraint(CHANNEL_CHECK, name="channel"),
        # what is still to be sent, the longest due first
        Index(
            "ix_messages_undelivered",
            "next_attempt_at",
            postgresql_where="status IN ('queued', 'sending')",
        ),
        # the list of messages, newest first: all, those to somebody, those of a template, those that failed
        Index("ix_messages_list", "owner_id", "created_at", "id"),
        Index("ix_messages_recipient", "owner_id", "recipient", "created_at", "id"),
        Index("ix_messages_template", "owner_id", "template", "created_at", "id"),
        Index("ix_messages_status", "owner_id", "status", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(Text, server_default="mail")
    key: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)


class SecretLink(Owned, Timestamped, Base):
    """A link that shows a sealed secret `views_left` times more. `secret`: the Vault's reference.

    `takes_over`: the secret was sealed for the link and goes with it. `message_id`: the message that carries the link.
    """

    __tablename__ = "secret_links"
    __table_args__ = (
        CheckConstraint("views_left > 0", name="views_left"),
        # what is to be cleared away, the longest expired first
        Index("ix_secret_links_expires_at", "expires_at"),
        # the links of a message that is taken back
        Index("ix_secret_links_message_id", "message_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    secret: Mapped[str] = mapped_column(Text)
    takes_over: Mapped[bool]
    recipient: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    views_left: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime]
