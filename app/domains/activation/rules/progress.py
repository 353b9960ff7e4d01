"""How far an order's activations have come, as numbers and one word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """States of an activation."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ROLLED_BACK = "rolled_back"


FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.SKIPPED, Status.ROLLED_BACK})
"""From these nothing goes on by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Counts over all activations; what was rolled back counts as failed, what was skipped only as finished."""

    total_services: int
    completed: int
    failed: int
    in_progress: int
    pending: int
    overall_status: str
    progress_percent: int


def measure(statuses: Iterable[str]) -> Progress:
    """pending: nothing has begun; in_progress: something goes on; else completed, failed, or partial (some of each)."""
    counts = Counter(Status(status) for status in statuses)
    total = counts.total()
    finished = sum(counts[status] for status in FINISHED)
    failed = counts[Status.FAILED] + counts[Status.ROLLED_BACK]
    return Progress(
        total_services=total,
        completed=counts[Status.COMPLETED],
        failed=failed,
        in_progress=counts[Status.IN_PROGRESS],
        pending=counts[Status.PENDING],
        overall_status=_overall(total, counts, finished, failed),
        progress_percent=100 * finished // total if total else 0,
    )


def _overall(total: int, counts: Counter[Status], finished: int, failed: int) -> str:
    if counts[Status.PENDING] == total:
        return "pending"
    if finished < total:
        return "in_progress"
    if failed == 0:
        return "completed"
    return "partial" if counts[Status.COMPLETED] else "failed"
