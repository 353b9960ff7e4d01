"""States of a subscription, and from which others each is reached. Every other transition is refused."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """States of a subscription."""

    PENDING = "pending"
    """Ordered; its service does not run yet, and nothing is billed."""
    TRIALING = "trialing"
    """The service runs and costs nothing until the trial ends."""
    ACTIVE = "active"
    """The service runs and is paid for, or its invoice is not due yet."""
    PAST_DUE = "past_due"
    """The service runs although a payment failed or an invoice is overdue: dunning goes on."""
    EXPIRING = "expiring"
    """The service runs; the customer was told that it ends with the period, and it does not renew by itself."""
    SUSPENDED = "suspended"
    """The service is stopped, its data kept: it was not paid for, or somebody stopped it. It may go on."""
    EXPIRED = "expired"
    """The period ended and was not renewed. For good: a customer who comes back gets a new subscription."""
    CANCELLED = "cancelled"
    """Ended by the customer, the operator or the undoing of an order. For good."""


IN_SERVICE = frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE, Status.EXPIRING})
"""The service runs."""

ENDED = frozenset({Status.EXPIRED, Status.CANCELLED})
"""From these nothing goes on."""

SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(),
    Status.TRIALING: frozenset({Status.PENDING}),
    # paid again, renewed, resumed, or a suspension undone
    Status.ACTIVE: frozenset({Status.PENDING, *IN_SERVICE, Status.SUSPENDED} - {Status.ACTIVE}),
    Status.PAST_DUE: frozenset({Status.TRIALING, Status.ACTIVE, Status.EXPIRING}),
    # from past_due: it had been announced before the payment failed; from active: also a renewal undone
    Status.EXPIRING: frozenset({Status.TRIALING, Status.ACTIVE, Status.PAST_DUE}),
    Status.SUSPENDED: IN_SERVICE,
    # a subscription that never began has no period that could end
    Status.EXPIRED: frozenset({*IN_SERVICE, Status.SUSPENDED}),
    Status.CANCELLED: frozenset({Status.PENDING, *IN_SERVICE, Status.SUSPENDED}),
}
"""From which states each state may be reached."""


def is_legal(before: Status, after: Status) -> bool:
    """Whether a subscription goes from one state to the other."""
    return before in SOURCES[after]
