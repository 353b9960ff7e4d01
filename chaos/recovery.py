"""How long it took until the work that a fault had hit went on, read from the history.

Hit by a fault are the executions that were under way when it ended (a kill: when it fell) and not parked. Each has gone on
with its first event after that moment. Where the next fault begins before, it is that fault which the execution waits for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from chaos.stack import Stack

Wait: TypeAlias = tuple[float, int]
"""Seconds, and the execution that waited."""

_HIT = """
    SELECT e.id, (SELECT min(v.at) FROM execution_events v WHERE v.execution_id = e.id AND v.at > %s) AS next
    FROM workflow_executions e
    WHERE e.started_at <= %s AND (e.completed_at IS NULL OR e.completed_at > %s) AND e.state <> 'paused'
      AND coalesce((SELECT v.to_state FROM execution_events v WHERE v.execution_id = e.id AND v.at <= %s
                    ORDER BY v.id DESC LIMIT 1), '') <> 'waiting'
"""


@dataclass(slots=True)
class Struck:
    """One fault that happened: when it began, and from when on recovery counts."""

    fault: str
    began: datetime
    since: datetime
    note: str = ""


def now() -> datetime:
    """The machine's time, which is also the history's."""
    return datetime.now(UTC)


def still_down(stack: Stack, since: datetime) -> list[int]:
    """The executions under way at that moment that have not gone on yet."""
    return [row["id"] for row in stack.sql(_HIT, *[since] * 4) if row["next"] is None]


def recoveries(stack: Stack, struck: Sequence[Struck]) -> dict[str, list[Wait | None]]:
    """By fault, for each time that it fell: the longest wait. None: nothing was under way that waited for this fault alone."""
    found: dict[str, list[Wait | None]] = defaultdict(list)
    for each in struck:
        others = [other.began for other in struck if other is not each and other.began > each.since]
        upto = min(others, default=None)
        waits = [
            ((row["next"] - each.since).total_seconds(), row["id"])
            for row in stack.sql(_HIT, *[each.since] * 4)
            if row["next"] is not None and (upto is None or row["next"] < upto)
        ]
        found[each.fault].append(max(waits, default=None))
    return found
