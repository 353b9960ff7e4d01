"""What may be wrong with a channel.

BadAddress            no channel is reached by this address
ChatError
├── ChatRefused       permanent: the channel is gone, or told it will never take this
└── ChatUnavailable   transient: the service did not take it this time
"""

from __future__ import annotations

from app.adapters.delivery.errors import DeliveryError


class BadAddress(ValueError):
    """No channel is reached by this address; the message says why and does not repeat it."""


class ChatError(DeliveryError):
    """A channel did not take a notice."""


class ChatRefused(ChatError):
    """The channel will not take it."""

    permanent = True


class ChatUnavailable(ChatError):
    """The channel did not take it this time."""

    permanent = False
