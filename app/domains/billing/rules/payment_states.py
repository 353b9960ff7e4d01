"""States of a payment, and from which others each is reached. Every other transition is refused.

A payment is one attempt to collect: trying again makes another one, so that each says what the gateway answered to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum


class Status(StrEnum):
    """States of a payment."""

    PENDING = "pending"
    """The gateway was asked or is about to be: it has not answered, or the customer or their bank has still to act."""
    SUCCEEDED = "succeeded"
    """The money was captured. Of one payable, at most one payment is, or is and was given back in part."""
    FAILED = "failed"
    """Declined, with the gateway's reason."""
    CANCELLED = "cancelled"
    """Withdrawn before anything was captured."""
    PARTIALLY_REFUNDED = "partially_refunded"
    """A part of the money was given back."""
    REFUNDED = "refunded"
    """All of the money was given back, or taken back by the customer's bank."""


class RefundStatus(StrEnum):
    """States of a refund."""

    PENDING = "pending"
    """Asked for, or on its way."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It could not be made, or came back: the money is ours again."""


class MethodStatus(StrEnum):
    """States of a payment method."""

    ACTIVE = "active"
    REFUSED = "refused"
    """Declined for good: it is not charged again."""
    REMOVED = "removed"


CAPTURED = frozenset({Status.SUCCEEDED, Status.PARTIALLY_REFUNDED})
"""We have money of it."""

SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(),
    # from the last two: a refund came back
    Status.SUCCEEDED: frozenset({Status.PENDING, Status.PARTIALLY_REFUNDED, Status.REFUNDED}),
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset({Status.PENDING}),
    # from itself: a further part; from the last: a refund came back
    Status.PARTIALLY_REFUNDED: CAPTURED | {Status.REFUNDED},
    Status.REFUNDED: CAPTURED,
}
"""From which states each state may be reached."""


def is_legal(before: Status, after: Status) -> bool:
    """Whether a payment goes from one state to the other."""
    return before in SOURCES[after]


def after_refunds(*, amount: Decimal, refunded: Decimal) -> Status:
    """The state of a captured payment of which so much was given back."""
    if not refunded:
        return Status.SUCCEEDED
    return Status.REFUNDED if refunded >= amount else Status.PARTIALLY_REFUNDED
