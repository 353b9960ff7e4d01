"""The clock against which a ticket is answered and resolved. Every hour of every day counts, while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.core.errors import Fault
from app.domains.ticketing.rules.kinds import Priority

MAX_MINUTES = 366 * 24 * 60
_NOTHING, _MINUTE = timedelta(0), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Target:
    """How soon a ticket is first answered, and how soon it is resolved, in minutes."""

    first_response_minutes: int
    resolution_minutes: int


SEEDED_TARGETS: Mapping[Priority, Target] = {
    Priority.URGENT: Target(60, 4 * 60),
    Priority.HIGH: Target(4 * 60, 24 * 60),
    Priority.NORMAL: Target(8 * 60, 72 * 60),
    Priority.LOW: Target(24 * 60, 120 * 60),
}
"""What an owner begins with."""


def target_faults(target: Target) -> list[Fault]:
    """What is wrong with a target."""
    found = [
        Fault(f"/{name}", f"This lies between 1 and {MAX_MINUTES:,} minutes.")
        for name in ("first_response_minutes", "resolution_minutes")
        if not 1 <= getattr(target, name) <= MAX_MINUTES
    ]
    if not found and target.first_response_minutes > target.resolution_minutes:
        found = [Fault("/first_response_minutes", "A ticket is not answered later than it is resolved.")]
    return found


@dataclass(frozen=True, slots=True)
class Clock:
    """`stopped_at` None: it runs. `paused`: for how long, in whole seconds, it has stood before."""

    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None = None
    paused: timedelta = _NOTHING

    @classmethod
    def started(cls, at: datetime, target: Target) -> Clock:
        """A clock that runs from now on."""
        return cls(started_at=at, due_at=at + timedelta(minutes=target.resolution_minutes))

    def stopped(self, at: datetime) -> Clock:
        """Standing from now on; one that stands already has stood since then."""
        return self if self.stopped_at is not None else replace(self, stopped_at=at)

    def running(self, at: datetime) -> Clock:
        """Running from now on; it is due so much later as it has stood."""
        if self.stopped_at is None:
            return self
        stood = max(_NOTHING, timedelta(seconds=int((at - self.stopped_at).total_seconds())))
        return replace(self, stopped_at=None, paused=self.paused + stood, due_at=self.due_at + stood)

    def against(self, target: Target) -> Clock:
        """The same time, counted against another target."""
        return replace(self, due_at=self.started_at + timedelta(minutes=target.resolution_minutes) + self.paused)

    def minutes(self, at: datetime) -> int:
        """The whole minutes that have counted so far."""
        return max(_NOTHING, (self.stopped_at or at) - self.started_at - self.paused) // _MINUTE
