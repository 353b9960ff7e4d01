"""What is paid for, states of a payable, and from which others each is reached. Every other transition is refused."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class SourceType(StrEnum):
    """What something is paid for."""

    QUOTE = "quote"
    ORDER = "order"
    INVOICE = "invoice"


class Status(StrEnum):
    """States of a payable."""

    OPEN = "open"
    """To be paid; nothing has failed, or nobody collects it by itself any more."""
    PAID = "paid"
    """Paid, or it came to nothing."""
    DUNNING = "dunning"
    """An attempt to collect it failed. It is tried again by itself, or waits for another payment method."""
    GIVEN_UP = "given_up"
    """Nothing more is tried by itself: still owed, and paid if the money comes after all."""
    WITHDRAWN = "withdrawn"
    """Not owed any more."""


OWED = frozenset({Status.OPEN, Status.DUNNING, Status.GIVEN_UP})
"""The money may still come."""

SOURCES: Mapping[Status, frozenset[Status]] = {
    # from paid: refunded; from dunning: its collection was undone; from withdrawn: put again
    Status.OPEN: frozenset({Status.PAID, Status.DUNNING, Status.WITHDRAWN}),
    Status.PAID: OWED,
    Status.DUNNING: frozenset({Status.OPEN}),
    Status.GIVEN_UP: frozenset({Status.DUNNING}),
    Status.WITHDRAWN: OWED,
}
"""From which states each state may be reached."""


def is_legal(before: Status, after: Status) -> bool:
    """Whether a payable goes from one state to the other."""
    return before in SOURCES[after]
