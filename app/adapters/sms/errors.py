"""What handing over a text message may end in.

SmsError
├── SmsRefused       permanent: the gateway will not take this message (unknown number, refused content)
└── SmsUnavailable   transient: the gateway is away, busy, or does not let us in
"""

from __future__ import annotations

from app.adapters.delivery.errors import DeliveryError


class SmsError(DeliveryError):
    """A text message was not taken."""


class SmsRefused(SmsError):
    """The gateway will not take this message."""

    permanent = True


class SmsUnavailable(SmsError):
    """The gateway cannot take messages at present."""

    permanent = False
