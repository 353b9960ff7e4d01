"""What handing over a mail may end in.

MailError
├── MailRefused       permanent: this message will never be taken (bad recipient, refused content)
└── MailUnavailable   transient: the server is away, busy, or says "later"
"""

from __future__ import annotations

from app.adapters.delivery.errors import DeliveryError


class MailError(DeliveryError):
    """A mail was not taken."""


class MailRefused(MailError):
    """The server will not take this message."""

    permanent = True


class MailUnavailable(MailError):
    """The server cannot take messages at present."""

    permanent = False
