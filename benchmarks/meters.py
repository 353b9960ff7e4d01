"""What is counted rather than timed: transactions, WAL syncs, Redis commands, processor time, resident memory."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.stack import Stack

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
IDLE_SECONDS = 5.0
STATISTICS_SECONDS = 1.5
"""How long PostgreSQL's backends may keep their statistics to themselves once they are idle."""

_TRANSACTIONS = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_WAL_SYNCS = "SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal'"
OWN_COMMANDS = {"info"}


@dataclass(frozen=True, slots=True)
class Counts:
    """What one workflow costs. `redis_by_command` is sorted, the most frequent first; `redis_idle_per_second` is apart."""

    write_tx: float
    redis_commands: float
    wal_syncs: float
    cpu_ms: float
    redis_by_command: dict[str, float]
    redis_idle_per_second: float


def tree(roots: Iterable[int]) -> list[int]:
    """These processes and all below them that live."""
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            waiting += [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        except OSError:
            continue
        found.append(pid)
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time of these processes and all below them, with that of children that have ended."""
    total = 0
    for pid in tree(roots):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime
    return total / TICKS


def resident_bytes(roots: Iterable[int]) -> int:
    """Resident memory of these processes and all below them; what they share counts with each."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in tree(roots))


def counts(stack: Stack, burst: Callable[[int], object], *, many: int, roots: Iterable[int]) -> Counts:
    """What one workflow of a burst costs. What the workers ask of Redis while nothing is to be done is subtracted."""
    idle = _redis_rate(stack, IDLE_SECONDS)
    time.sleep(STATISTICS_SECONDS)
    transactions, syncs, redis = _number(stack, _TRANSACTIONS), _number(stack, _WAL_SYNCS), _redis(stack)
    processor, begun = cpu_seconds(roots), time.monotonic()
    burst(many)
    took, processor = time.monotonic() - begun, cpu_seconds(roots) - processor
    redis = _redis(stack) - redis
    transactions = _number(stack, _TRANSACTIONS) - transactions
    time.sleep(STATISTICS_SECONDS)
    syncs = _number(stack, _WAL_SYNCS) - syncs
    for command, rate in idle.items():
        redis[command] -= rate * took
    by_command = {name: round(number / many, 2) for name, number in redis.most_common() if number / many >= 0.05}  # noqa: PLR2004
    return Counts(
        write_tx=transactions / many,
        redis_commands=sum(redis.values()) / many,
        wal_syncs=syncs / many,
        cpu_ms=processor * 1000 / many,
        redis_by_command=by_command,
        redis_idle_per_second=sum(idle.values()),
    )


def _number(stack: Stack, query: str) -> int:
    return int(str(stack.sql(query)[0][0]))


def _redis(stack: Stack) -> Counter[str]:
    statistics: dict[str, Any] = stack.world.redis.info("commandstats")
    named = {name.removeprefix("cmdstat_"): int(of["calls"]) for name, of in statistics.items()}
    return Counter({name: calls for name, calls in named.items() if name not in OWN_COMMANDS})


def _redis_rate(stack: Stack, seconds: float) -> Counter[Any]:
    before = _redis(stack)
    time.sleep(seconds)
    return Counter({name: calls / seconds for name, calls in (_redis(stack) - before).items()})
