"""Channels by Apprise URLs (https://appriseit.com/services/): one library for all services."""

from __future__ import annotations

from typing import Any

import apprise

from app.adapters.chat.errors import BadAddress, ChatRefused, ChatUnavailable
from app.adapters.chat.port import Notice

TIMEOUT_SECONDS = 10.0

ON_THIS_MACHINE = frozenset({"blink1", "dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Services of Apprise that speak on the screen or in the log of the machine that a worker runs on: no team sees those."""

_TYPES = {
    "info": apprise.NotifyType.INFO,
    "success": apprise.NotifyType.SUCCESS,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}


class AppriseChat:
    """Each channel is told by itself, so that each has an outcome of its own."""

    def __init__(self, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout = timeout_seconds
        self._asset = apprise.AppriseAsset(app_id="Turnup", app_desc="Turnup", app_url="")

    def service_of(self, address: str) -> str:
        """The scheme of the URL, once Apprise has understood all of it."""
        scheme, separator, _ = address.partition("://")
        if not separator or not scheme.isascii() or not scheme.isalnum():
            message = "A channel is an Apprise URL: service://..."
            raise BadAddress(message)
        if scheme.lower() in ON_THIS_MACHINE:
            message = f"{scheme.lower()}:// speaks on the machine that this runs on, which no team sees."
            raise BadAddress(message)
        if self._channel(address) is None:
            message = (
                f"Apprise knows no service {scheme.lower()}://, or this URL lacks something that the service needs."
            )
            raise BadAddress(message)
        return scheme.lower()

    def tell(self, address: str, notice: Notice) -> None:
        """Tell one channel. Apprise says only whether it was taken, so a refusal is tried again, too."""
        channel = self._channel(address)
        if channel is None:
            message = "the channel's address is not understood any more"
            raise ChatRefused(message)
        teller = apprise.Apprise(asset=self._asset)
        teller.add(channel)
        with teller.notify(
            title=notice.title,
            body=notice.text,
            notify_type=_TYPES[notice.severity],
            body_format=apprise.NotifyFormat.TEXT,
            timeout=self._timeout,
        ) as result:
            taken = bool(result)
        if not taken:
            message = "the service did not take it"
            raise ChatUnavailable(message)

    def _channel(self, address: str) -> Any:
        return apprise.Apprise.instantiate(address, asset=self._asset)
