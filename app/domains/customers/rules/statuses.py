"""How far somebody is a customer, and which way that may change."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """How far somebody is a customer."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    INACTIVE = "inactive"


SOURCES: Mapping[Status, frozenset[Status | None]] = {
    Status.PROSPECT: frozenset({None}),
    Status.ACTIVE: frozenset({None, Status.PROSPECT, Status.INACTIVE}),
    Status.INACTIVE: frozenset({Status.PROSPECT, Status.ACTIVE}),
}
"""From which statuses each may be reached (None: a customer may begin so); every other transition is refused."""


def is_legal(before: str | None, after: Status) -> bool:
    """Whether a customer goes from one status to the other; `before` None: whether one begins like that."""
    return before in SOURCES[after]
