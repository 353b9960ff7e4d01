"""The states of an order: which follow each other, what each is called in the timestamps and in the events."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """States of an order."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    VALIDATING = "validating"
    APPROVED = "approved"
    PROVISIONING = "provisioning"
    ACTIVATING = "activating"
    ACTIVE = "active"
    FAILED = "failed"
    CANCELLED = "cancelled"


IN_PROCESS = (
    Status.SUBMITTED,
    Status.VALIDATING,
    Status.APPROVED,
    Status.PROVISIONING,
    Status.ACTIVATING,
)
"""An execution is to move the order on."""

ENDED = (Status.ACTIVE, Status.FAILED, Status.CANCELLED)

SOURCES: Mapping[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset(),
    Status.SUBMITTED: frozenset({Status.DRAFT, Status.FAILED}),
    Status.VALIDATING: frozenset({Status.SUBMITTED}),
    Status.APPROVED: frozenset({Status.VALIDATING}),
    Status.PROVISIONING: frozenset({Status.APPROVED}),
    Status.ACTIVATING: frozenset({Status.PROVISIONING}),
    Status.ACTIVE: frozenset({Status.ACTIVATING}),
    Status.FAILED: frozenset(IN_PROCESS),
    Status.CANCELLED: frozenset({Status.DRAFT, Status.FAILED, *IN_PROCESS}),
}
"""From which states each state may be reached; every other transition is refused."""

TIMESTAMPS: Mapping[Status, str] = {
    Status.SUBMITTED: "submitted_at",
    Status.APPROVED: "approved_at",
    Status.PROVISIONING: "provisioning_started_at",
    Status.ACTIVE: "activated_at",
    Status.FAILED: "failed_at",
    Status.CANCELLED: "cancelled_at",
}
"""The column that says when an order reached a state."""

EVENTS: Mapping[Status, str] = {
    Status.DRAFT: "order.created",
    Status.ACTIVE: "order.completed",
    **{status: f"order.{status}" for status in Status if status not in {Status.DRAFT, Status.ACTIVE}},
}

UNDONE = (Status.ACTIVE, Status.CANCELLED)
"""The one way out of active: the larger whole that the order was processed for is undone, and the order with it."""


def is_legal(before: str, after: Status, *, undone: bool = False) -> bool:
    """Whether an order goes from one state to the other; `undone`: as its execution is undone for the one that started it."""
    return before in SOURCES[after] or (undone and (before, after) == UNDONE)
