"""The sides of the comparison: each starts its processes and runs the same workflows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from benchmarks.workload import Shape

TIMEOUT_SECONDS = 300


class Running(Protocol):
    """One side whose processes are up. `pids`: the processes that execute steps."""

    pids: list[int]

    def one(self, shape: Shape) -> float:
        """Run one workflow of this shape; seconds until it was done."""

    def burst(self, shape: Shape, number: int) -> float:
        """Run so many at once; seconds until all were done."""

    def ran(self) -> dict[int, Shape]:
        """The workflows that were run since this was last asked, by their number in the ledger."""


Start = Callable[[], AbstractContextManager[Running]]
