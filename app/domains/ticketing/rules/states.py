"""States of a ticket, and from which others each is reached."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """States of a ticket."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    """For whoever asked, or for somebody else; the clock stands."""
    RESOLVED = "resolved"
    CLOSED = "closed"


DONE = frozenset({Status.RESOLVED, Status.CLOSED})
"""Nothing is left to do, unless the ticket is reopened."""

STANDING = DONE | {Status.WAITING}
"""The clock against the target stands."""

SOURCES: Mapping[Status, frozenset[Status]] = {
    # from resolved and closed: reopened
    Status.OPEN: frozenset({Status.IN_PROGRESS, Status.WAITING, Status.RESOLVED, Status.CLOSED}),
    Status.IN_PROGRESS: frozenset({Status.OPEN, Status.WAITING}),
    Status.WAITING: frozenset({Status.OPEN, Status.IN_PROGRESS}),
    Status.RESOLVED: frozenset({Status.OPEN, Status.IN_PROGRESS, Status.WAITING}),
    Status.CLOSED: frozenset({Status.OPEN, Status.IN_PROGRESS, Status.WAITING, Status.RESOLVED}),
}
"""From which states each state is reached; every other transition is refused."""


def is_legal(before: str, after: Status) -> bool:
    """Whether a ticket goes from one state to the other."""
    return before in SOURCES[after]
