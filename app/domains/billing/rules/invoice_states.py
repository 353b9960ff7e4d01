"""States of an invoice, and from which others each is reached. Every other transition is refused.

Overdue is none of them: it is what an open invoice is once its due date has passed, so it is worked out from the two and
cannot be forgotten or late. That invoice.overdue is emitted once is the business of who emits it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """States of an invoice."""

    DRAFT = "draft"
    """Still being written: it has no number and is deleted rather than voided, which leaves no gap."""
    OPEN = "open"
    """Issued: it has its number, does not change any more, and is to be paid."""
    PAID = "paid"
    """Nothing is owed on it: it was paid, came to nothing, or was credited to zero."""
    VOID = "void"
    """Withdrawn before anything was paid; it keeps its number. What was paid is credited instead."""
    UNCOLLECTIBLE = "uncollectible"
    """Given up after dunning: still owed, written off in the books, and paid if the money comes after all."""


SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset(),
    # from paid: the bank took the payment back, or it was refunded because the order was undone
    Status.OPEN: frozenset({Status.DRAFT, Status.PAID}),
    Status.PAID: frozenset({Status.OPEN, Status.UNCOLLECTIBLE}),
    Status.VOID: frozenset({Status.OPEN, Status.UNCOLLECTIBLE}),
    Status.UNCOLLECTIBLE: frozenset({Status.OPEN}),
}
"""From which states each state may be reached."""


def is_legal(before: Status, after: Status) -> bool:
    """Whether an invoice goes from one state to the other."""
    return before in SOURCES[after]


def is_overdue(status: Status, *, due_at: datetime, now: datetime) -> bool:
    """Whether it should have been paid by now: on time is up to and with the moment at which it is due."""
    return status is Status.OPEN and now > due_at
