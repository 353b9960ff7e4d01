"""What may be wrong with a notification."""

from __future__ import annotations

from app.core.errors import Invalid


class UnknownTeam(Invalid):
    """Nobody belongs to a team of that name."""


class BadNotification(Invalid):
    """Title, severity or link cannot be used."""
