"""What a notification must be."""

from __future__ import annotations

from urllib.parse import urlsplit

from app.domains.notifications.errors import BadNotification, UnknownTeam

OPERATIONS_TEAM = "operations"
TEAMS = (OPERATIONS_TEAM,)
SEVERITIES = ("info", "success", "warning", "critical")
MAX_TITLE_LENGTH = 200


def check(*, team: str, title: str, severity: str, link: str | None) -> None:
    """Raise UnknownTeam or BadNotification when it cannot be told."""
    if team not in TEAMS:
        message = f"There is no team {team!r}; there is {', '.join(TEAMS)}."
        raise UnknownTeam(message)
    if severity not in SEVERITIES:
        message = f"A severity is one of {', '.join(SEVERITIES)}, not {severity!r}."
        raise BadNotification(message)
    if not title or not title.isprintable() or len(title) > MAX_TITLE_LENGTH:
        message = f"A title is one line of 1 to {MAX_TITLE_LENGTH} characters."
        raise BadNotification(message)
    if link is not None and urlsplit(link).scheme not in {"http", "https"}:
        message = "A link begins with http:// or https://."
        raise BadNotification(message)
