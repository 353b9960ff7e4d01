"""The engine's seven-step workload beside a plain Celery canvas, alternating in one run.

L: one workflow at a time, median seconds. T: many at once, workflows per second until all are done. O: one workflow of 200
parallel steps and a join, seconds. C: one chain of 100, seconds. The ledger must hold exactly the right rows afterwards.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.domains.workflows import service
from benchmarks.stack import Stack, processes, turnup_workers

WIDTH, LENGTH = 200, 100
TIMEOUT_SECONDS = 300


@dataclass(frozen=True)
class Figures:
    """What one round measured of one side."""

    L: float
    T: float
    O: float  # noqa: E741 - the workload's name
    C: float


def _insert(name: str, *depends_on: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "service_call",
        "service": "benchmark_service",
        "method": "insert",
        "depends_on": list(depends_on),
    }


def _documents() -> dict[str, dict[str, Any]]:
    seven = [
        _insert("s1"),
        _insert("s2", "s1"),
        _insert("s3", "s1"),
        _insert("s4", "s2", "s3"),
        _insert("s5", "s4"),
        _insert("s6", "s4"),
        _insert("s7", "s5", "s6"),
    ]
    wide = [_insert(f"w{n}") for n in range(WIDTH)]
    wide.append(_insert("join", *(step["name"] for step in wide)))
    long = [_insert(f"c{n}", *([f"c{n - 1}"] if n else [])) for n in range(LENGTH)]
    return {
        name: {"name": name, "version": "1.0.0", "steps": steps}
        for name, steps in (("seven", seven), ("wide", wide), ("long", long))
    }


class Turnup:
    """Our side."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        with stack.world.database.transaction(stack.owner) as session:
            for document in _documents().values():
                service.create_workflow(session, document=document)

    def start(self, workflow: str) -> int:
        with self._stack.world.database.transaction(self._stack.owner) as session:
            return service.start(session, workflow=workflow, context={}, trigger_type="manual").id

    def wait(self, executions: list[int]) -> None:
        """Until all of them are completed."""
        first, last, end = min(executions), max(executions), time.monotonic() + TIMEOUT_SECONDS
        query = f"SELECT count(*) FROM workflow_executions WHERE id BETWEEN {first} AND {last} AND state = 'completed'"
        while self._stack.sql(query)[0][0] != len(executions):
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.002)

    def round(self, *, single: int, many: int) -> Figures:
        latencies = [_timed(lambda: self.wait([self.start("seven")])) for _ in range(single)]
        took = _timed(lambda: self.wait([self.start("seven") for _ in range(many)]))
        return Figures(
            L=statistics.median(latencies),
            T=many / took,
            O=_timed(lambda: self.wait([self.start("wide")])),
            C=_timed(lambda: self.wait([self.start("long")])),
        )


class RawCelery:
    """The peer's side."""

    def __init__(self) -> None:
        from benchmarks import raw_celery  # noqa: PLC0415 - reads its broker from the environment when imported

        self._raw = raw_celery
        self._next = time.time_ns()  # no round repeats the numbers of another: the ledger counts doubles

    def _number(self) -> int:
        self._next += 1
        return self._next

    def round(self, *, single: int, many: int) -> Figures:
        raw = self._raw

        def run(make: Callable[[int], Any]) -> None:
            make(self._number()).apply_async().get(timeout=TIMEOUT_SECONDS)

        latencies = [_timed(lambda: run(raw.seven)) for _ in range(single)]

        def burst() -> None:
            results = [raw.seven(self._number()).apply_async() for _ in range(many)]
            for result in results:
                result.get(timeout=TIMEOUT_SECONDS)

        return Figures(
            L=statistics.median(latencies),
            T=many / _timed(burst),
            O=_timed(lambda: run(lambda number: raw.fan_out(number, WIDTH))),
            C=_timed(lambda: run(lambda number: raw.sequence(number, LENGTH))),
        )


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def counts(stack: Stack, ours: Turnup, *, many: int) -> dict[str, float]:
    """Write transactions and Redis commands of one workflow, with beat off: exact, not guessed."""
    tx, redis = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint", stack.world.redis
    before = int(str(stack.sql(tx)[0][0])), int(redis.info("stats")["total_commands_processed"])
    ours.wait([ours.start("seven") for _ in range(many)])
    after = int(str(stack.sql(tx)[0][0])), int(redis.info("stats")["total_commands_processed"])
    return {"write_tx": (after[0] - before[0]) / many, "redis_commands": (after[1] - before[1]) / many}


def raw_workers(*, events: bool) -> dict[str, list[str]]:
    """The peer's workers: one with two children."""
    celery = [sys.executable, "-m", "celery", "-A", "benchmarks.raw_celery", "worker", "-c", "2", "-Q", "raw"]
    return {"raw_worker": [*celery, "-n", "raw@%h", "-l", "INFO", *(["-E"] if events else [])]}


def measure(stack: Stack, *, rounds: int, single: int, many: int, events: bool) -> dict[str, Any]:
    """Both sides in turn; ratios are medians of each round's own."""
    ours = Turnup(stack)
    sides: dict[str, list[Figures]] = {"turnup": [], "celery": []}
    with processes(stack.settings, turnup_workers(events=events, beat=False)):
        ours.round(single=3, many=5)
        exact = counts(stack, ours, many=100)
    for _ in range(rounds):
        with processes(stack.settings, turnup_workers(events=events)):
            ours.round(single=2, many=5)
            sides["turnup"].append(ours.round(single=single, many=many))
        with processes(stack.settings, raw_workers(events=events)):
            peer = RawCelery()
            peer.round(single=2, many=5)
            sides["celery"].append(peer.round(single=single, many=many))
    return {"figures": sides, "counts": exact, "ratios": _ratios(sides), "ledger": _ledger(stack)}


def _ratios(sides: dict[str, list[Figures]]) -> dict[str, float]:
    return {
        name: statistics.median(
            getattr(ours, name) / getattr(peer, name)
            for ours, peer in zip(sides["turnup"], sides["celery"], strict=True)
        )
        for name in ("L", "T", "O", "C")
    }


def _ledger(stack: Stack) -> str:
    """Whether every step wrote exactly one row."""
    doubled = stack.sql(
        "SELECT count(*) FROM (SELECT FROM benchmark_ledger GROUP BY workflow, step HAVING count(*) > 1) d"
    )
    missing = stack.sql(
        "SELECT count(*) FROM workflow_steps s WHERE s.task = 'benchmark_service.insert' AND NOT EXISTS "
        "(SELECT FROM benchmark_ledger l WHERE l.workflow = s.execution_id AND l.step = s.step_name)"
    )
    return "exact" if doubled[0][0] == missing[0][0] == 0 else f"{doubled[0][0]} doubled, {missing[0][0]} missing"
