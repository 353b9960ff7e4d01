"""The peer's side: the canvas of benchmarks.peers.raw_celery on one worker with two children."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.sides import TIMEOUT_SECONDS
from benchmarks.stack import Stack, celery_worker, processes
from benchmarks.workload import Shape

MODULE = "benchmarks.peers.raw_celery"


class RawCelery:
    """Sends canvases from this process and waits for their results."""

    def __init__(self, stack: Stack, *, pids: list[int]) -> None:
        self.pids = pids
        os.environ |= variables(stack)  # which the module reads when it is first imported
        self._raw = importlib.import_module(MODULE)
        self._next = time.time_ns()
        self._ran: dict[int, Shape] = {}

    def one(self, shape: Shape) -> float:
        return self.burst(shape, 1)

    def burst(self, shape: Shape, number: int) -> float:
        numbers = range(self._next, self._next + number)
        self._next += number
        begun = time.perf_counter()
        results = [self._raw.CANVASES[shape.name](each).apply_async() for each in numbers]
        for result in results:
            result.get(timeout=TIMEOUT_SECONDS)
        took = time.perf_counter() - begun
        self._ran |= dict.fromkeys(numbers, shape)
        return took

    def ran(self) -> dict[int, Shape]:
        ran, self._ran = self._ran, {}
        return ran


def variables(stack: Stack) -> dict[str, str]:
    """What the peer's module is configured by."""
    return {
        "BENCH_BROKER": stack.settings.redis_url,
        "BENCH_DATABASE": stack.settings.migration_database_url,
    }


@contextmanager
def running(stack: Stack, *, events: bool) -> Iterator[RawCelery]:
    """The peer's processes, ready when the block begins."""
    command = celery_worker(MODULE, name="raw", queue="raw", children=2, events=events)
    with processes(stack.settings, {"raw_worker": command}, environment=variables(stack)) as started:
        yield RawCelery(stack, pids=[process.pid for process in started])
