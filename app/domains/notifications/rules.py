"""What a notification must be, who is told, and by which channels."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from app.domains.notifications.errors import BadNotification

OPERATIONS_TEAM = "operations"
SHIPPED_TEAMS = {
    OPERATIONS_TEAM: "Operations",
    "onboarding_team": "Onboarding",
    "field_ops": "Field operations",
}
"""The teams that the product's own workflows tell; they are there as soon as somebody speaks of them."""

SEVERITIES = ("info", "success", "warning", "critical")
MAX_TITLE_LENGTH = 200
MAX_MEMBERS = 100
MAX_CHANNELS = 10
"""Of one team: told one after the other, within the lease of one delivery."""

MAIL = "mail"
"""The service of the channel to OPERATIONS_EMAIL, which needs no address of its own."""


def check(*, title: str, severity: str, link: str | None) -> None:
    """Raise BadNotification when it cannot be told."""
    if severity not in SEVERITIES:
        message = f"A severity is one of {', '.join(SEVERITIES)}, not {severity!r}."
        raise BadNotification(message)
    if not title or not title.isprintable() or len(title) > MAX_TITLE_LENGTH:
        message = f"A title is one line of 1 to {MAX_TITLE_LENGTH} characters."
        raise BadNotification(message)
    if link is not None and urlsplit(link).scheme not in {"http", "https"}:
        message = "A link begins with http:// or https://."
        raise BadNotification(message)


def goes_by_mail(*, team: str, members: Sequence[object], channels: Sequence[object]) -> bool:
    """Whether operations' mailbox is told: as operations' own channel, or since nobody else would be."""
    return not channels and (team == OPERATIONS_TEAM or not members)


def text_of(message: str, link: str | None) -> str:
    """What a channel is told below the title."""
    return message if link is None else f"{message}\n\n{link}"
