"""How far an order is, and how long it will still take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """One step of an execution as far as an estimate needs it. `done_seconds`: how long it has been running, None if it has not begun."""

    name: str
    depends_on: tuple[str, ...]
    finished: bool
    running_seconds: float | None = None


def remaining_seconds(works: Sequence[Work], medians: Mapping[str, float]) -> float | None:
    """Seconds along the longest path of what is left; None when the past says nothing about a step that is left.

    `works` in topological order. A running step that takes longer than its median counts with nothing left.
    """
    ends: dict[str, float] = {}
    for work in works:
        begin = max((ends.get(name, 0.0) for name in work.depends_on), default=0.0)
        if work.finished:
            ends[work.name] = 0.0
        elif work.name not in medians:
            return None
        else:
            ends[work.name] = begin + max(medians[work.name] - (work.running_seconds or 0.0), 0.0)
    return max(ends.values(), default=0.0)


def percent_done(done: int, total: int) -> int:
    """Done of total in percent, rounded down."""
    return 100 * done // total if total else 0
