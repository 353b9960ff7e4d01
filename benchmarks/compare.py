"""Ours beside plain Celery and DBOS, alternating in one run; every ratio is the median of each round's own.

L: one workflow at a time, median seconds. T: many at once, workflows per second until all are done. O: one workflow of 200
parallel steps and a join, seconds. C: one chain of 100, seconds. cpu: the workers' processor time per workflow of T. The
ledger must hold exactly the right rows after every turn of every side.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks import ledger
from benchmarks.meters import counts, cpu_seconds
from benchmarks.sides import Running, celery, dbos, turnup
from benchmarks.stack import Stack
from benchmarks.workload import LONG, SEVEN, WIDE

SIDES = {"hop": "Turnup, every step its own message", "inline": "Turnup, straight chains run on in the worker"}
MODES = {"events_on": True, "events_off": False}
TURNS_OF_ONE_SHAPE = 3
"""O and C are taken so often in a turn, and their median counts."""

FULL = {"single": 100, "many": 500}
SECONDS_OF_A_FULL_ROUND = 150.0
SMALLEST = {"single": 5, "many": 20}


@dataclass(frozen=True, slots=True)
class Size:
    """How long a run is. `single`: workflows one at a time for L; `many`: at once for T; `seconds`: no round begins later."""

    rounds: int
    single: int = FULL["single"]
    many: int = FULL["many"]
    seconds: float | None = None

    @classmethod
    def within(cls, seconds: float, *, rounds: int) -> Size:
        """A size that fits into about so many seconds: smaller rounds, and as many as there is time for."""
        share = min(1.0, seconds / (rounds * SECONDS_OF_A_FULL_ROUND))
        return cls(rounds, *(max(SMALLEST[name], int(full * share)) for name, full in FULL.items()), seconds)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one turn of one side measured. L, O and C in seconds, T per second, cpu in ms per workflow."""

    L: float
    L_p95: float
    T: float
    O: float  # noqa: E741 - the workload's name
    C: float
    cpu: float


def turn(stack: Stack, side: Running, size: Size) -> Figures:
    """Warm up, measure, and look into the ledger."""
    for shape, number in ((SEVEN, 5), (WIDE, 1), (LONG, 1)):
        side.burst(shape, number)
    singles = [side.one(SEVEN) for _ in range(size.single)]
    before = cpu_seconds(side.pids)
    took = side.burst(SEVEN, size.many)
    processor = cpu_seconds(side.pids) - before
    wide, long = (statistics.median(side.one(shape) for _ in range(TURNS_OF_ONE_SHAPE)) for shape in (WIDE, LONG))
    ledger.check(stack, side.ran())
    return Figures(
        L=statistics.median(singles),
        L_p95=statistics.quantiles(singles, n=20)[-1],
        T=size.many / took,
        O=wide,
        C=long,
        cpu=processor * 1000 / size.many,
    )


def measure(stack: Stack, size: Size, *, say: Callable[[str], object]) -> dict[str, Any]:
    """All columns, with task events on and off, in interleaved rounds; then what one workflow costs, counted."""
    columns = turnup.define_shapes(stack)
    begun = time.monotonic()
    figures: dict[str, dict[str, list[Figures]]] = {mode: {} for mode in MODES}
    done = 0
    while done < size.rounds and (not done or size.seconds is None or time.monotonic() - begun < size.seconds):
        for mode, events in MODES.items():
            for name, start in _sides(stack, columns, events=events).items():
                with start() as side:
                    figures[mode].setdefault(name, []).append(turn(stack, side, size))
                say(f"round {done + 1}, {mode}, {name}: {_in_words(figures[mode][name][-1])}")
        done += 1
    return {
        **{mode: {column: ratios(figures[mode], column) for column in columns} for mode in MODES},
        "counts": count(stack, columns),
        "rounds": done,
        "size": asdict(size),
        "figures": {m: {side: [asdict(f) for f in turns] for side, turns in of.items()} for m, of in figures.items()},
    }


def _sides(
    stack: Stack, columns: list[str], *, events: bool, with_beat: bool = True
) -> dict[str, Callable[[], AbstractContextManager[Running]]]:
    """How each side of one round is started, in the order of their turns."""
    sides: dict[str, Callable[[], AbstractContextManager[Running]]] = {
        column: partial(_turnup, stack, events=events, inline=column == "inline", with_beat=with_beat)
        for column in columns
    }
    sides["celery"] = partial(celery.running, stack, events=events)
    if dbos.is_installed():
        sides["dbos"] = partial(dbos.running, stack)
    return sides


@contextmanager
def _turnup(stack: Stack, *, events: bool, inline: bool, with_beat: bool) -> Iterator[Running]:
    with turnup.running(stack, events=events, inline=inline, with_beat=with_beat) as side:
        yield side


def ratios(figures: dict[str, list[Figures]], column: str) -> dict[str, float]:
    """Medians of each round's own ratio, ours divided by the peer's."""

    def ratio(name: str, peer: str) -> float:
        pairs = zip(figures[column], figures[peer], strict=True)
        return statistics.median(getattr(ours, name) / getattr(theirs, name) for ours, theirs in pairs)

    found = {name: ratio(name, "celery") for name in ("L", "T", "O", "C", "cpu")}
    return found | ({"T_dbos": ratio("T", "dbos")} if "dbos" in figures else {})


def count(stack: Stack, columns: list[str], *, many: int = 100) -> dict[str, Any]:
    """Per workflow, with task events and beat off: write transactions, WAL syncs, Redis commands, processor time.

    `events_on` beside them has the same of our columns with task events on.
    """

    def counted(*, events: bool, names: list[str] | None = None) -> dict[str, Any]:
        found = {}
        for name, start in _sides(stack, columns, events=events, with_beat=False).items():
            if names is None or name in names:
                with start() as side:
                    side.burst(SEVEN, 10)
                    burst = partial(side.burst, SEVEN)
                    found[name] = asdict(counts(stack, burst, many=many, roots=side.pids))
                    ledger.check(stack, side.ran())
        return found

    return counted(events=False) | {"events_on": counted(events=True, names=columns)}


def _in_words(figures: Figures) -> str:
    return (
        f"L {figures.L * 1000:.1f} ms, T {figures.T:.1f}/s, O {figures.O:.2f} s, C {figures.C:.2f} s, "
        f"cpu {figures.cpu:.1f} ms"
    )
