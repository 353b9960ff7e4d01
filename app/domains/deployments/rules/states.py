"""How an instance may change, and a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

PRODUCTION = "production"
"""The environment that orders are provisioned into."""


class State(StrEnum):
    """States of an instance."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    FAILED = "failed"
    DESTROYING = "destroying"
    DESTROYED = "destroyed"


SOURCES: Mapping[State, frozenset[State]] = {
    State.PROVISIONING: frozenset({State.PENDING, State.PROVISIONING, State.FAILED}),
    State.ACTIVE: frozenset({State.PROVISIONING, State.FAILED}),
    State.FAILED: frozenset({State.PENDING, State.PROVISIONING}),
    State.DESTROYING: frozenset(State) - {State.DESTROYED},
    State.DESTROYED: frozenset({State.DESTROYING}),
}
"""From which states each state may be reached."""


class ScheduleState(StrEnum):
    """States of a scheduled deployment: it waits for its time, it came, or somebody called it off."""

    SCHEDULED = "scheduled"
    STARTED = "started"
    CANCELLED = "cancelled"
