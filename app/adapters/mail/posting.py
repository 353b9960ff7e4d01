"""Posting the mail of a stored row: the headers that all our mails have."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from uuid import UUID

from app.adapters.mail.port import Mailer
from app.core.clock import utc_now
from app.core.world import World


def post(world: World, mail: EmailMessage, *, row_id: UUID) -> None:
    """Send the mail of a row, with our sender, the date and the row's own Message-ID. Raises MailError."""
    sender = world.settings.mail_from
    mail["From"] = sender
    mail["Date"] = format_datetime(utc_now())
    mail["Auto-Submitted"] = "auto-generated"
    mail["Message-ID"] = message_id(row_id, sender)
    world.ports.get(Mailer).send(mail)  # type: ignore[type-abstract]


def message_id(row_id: UUID, sender: str) -> str:
    """The Message-ID of a row, the same at every attempt."""
    domain = parseaddr(sender)[1].partition("@")[2] or "localhost"
    return f"<{row_id}@{domain}>"
