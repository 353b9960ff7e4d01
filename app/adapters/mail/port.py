"""The port of mail."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class Mailer(Protocol):
    """Takes messages to where they are delivered. Implementations have a timeout on every call."""

    def send(self, message: EmailMessage) -> None:
        """Hand a message over. Returns when the other side has taken responsibility for it.

        Raises MailRefused (permanent) or MailUnavailable (transient).
        """

    def check(self) -> None:
        """See that the other side answers. Raises MailUnavailable."""
