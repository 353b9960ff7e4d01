"""What may be wrong with a notification or a team.

Invalid
├── UnknownTeam           nobody belongs to a team of that code
├── BadNotification       title, severity or link cannot be used
└── BadTeam               code, members or channels cannot be used
NotFound
├── TeamNotFound          there is no such team
└── NotificationNotFound  the user was not told of any such thing
Conflict
├── TeamCodeTaken         another team has that code
└── TeamNeeded            the product itself tells this team
"""

from __future__ import annotations

from app.core.errors import Conflict, Invalid, NotFound


class UnknownTeam(Invalid):
    """Nobody belongs to a team of that code."""

    code = "unknown-team"


class BadNotification(Invalid):
    """Title, severity or link cannot be used."""

    code = "bad-notification"


class BadTeam(Invalid):
    """Code, members or channels cannot be used."""

    code = "bad-team"


class TeamNotFound(NotFound):
    """There is no such team."""

    code = "team-not-found"


class NotificationNotFound(NotFound):
    """The user was not told of any such thing."""

    code = "notification-not-found"


class TeamCodeTaken(Conflict):
    """Another team has that code."""

    code = "team-code-taken"


class TeamNeeded(Conflict):
    """The product itself tells this team."""

    code = "team-needed"
