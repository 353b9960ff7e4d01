"""The run: load and faults side by side, then quiet, then the count."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from chaos import checks, recovery
from chaos.faults import FAULTS, NEEDS_TRAFFIC, Moment
from chaos.load import Load
from chaos.recovery import Struck
from chaos.stack import Stack, running
from chaos.workflows import WORKFLOWS, Made

TICK_SECONDS = 0.02
LOOK_SECONDS = 0.5
GRACE_SECONDS = 5.0
"""What recovery may take beyond the lease."""
WAIT_FOR_RECOVERY_LEASES = 3.0
QUIET_SECONDS = 1.0
STILL_SECONDS = 150.0
"""After so long without any change what is left is stuck: longer than any retry, net or lease takes."""
PATIENCE_SECONDS = {False: 10.0, True: 600.0}
"""How long who is to die at a boundary may take to come by: where nobody waits for it, for as long as there is work."""
MISSES = 3
"""How often a fault that found nothing to break is tried in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to do. `at_once`: each fault falls once, and none waits until the one before is over."""

    seconds: float
    orders: int
    lease_seconds: float
    seed: int
    at_once: bool = False
    faults: tuple[str, ...] = tuple(FAULTS)
    workflows: tuple[Made, ...] = WORKFLOWS


@dataclass(slots=True)
class Result:
    """What a run found."""

    counted: checks.Counted
    struck: list[Struck]
    recoveries: dict[str, list[recovery.Wait | None]]
    missed: Counter[str]
    load: Load
    seconds: float
    drained_seconds: float
    starts: dict[str, int] = field(default_factory=dict)

    def slow(self, *, within: float) -> list[str]:
        """Recoveries that took longer, as sentences."""
        return [
            f"execution {wait[1]} waited {wait[0]:.1f} s after: {fault}"
            for fault, found in self.recoveries.items()
            for wait in found
            if wait is not None and wait[0] > within
        ]


def run(folder: Path, plan: Plan, *, say: Callable[[str], None], show: Callable[[Stack, Result], None]) -> Result:
    """Start the stack, break it, wait until all is quiet, and count. `show` is called while the stack still answers."""
    with running(folder, lease_seconds=plan.lease_seconds) as stack:
        say("The stack runs; placing orders, and breaking it.")
        load = Load(stack, orders=plan.orders, workflows=plan.workflows, seconds=plan.seconds, seed=plan.seed)
        began = time.monotonic()
        load.start()
        faults = Faults(stack, plan, say=say)
        while time.monotonic() < began + plan.seconds or load.is_placing():
            faults.tick(time.monotonic() - began)
            time.sleep(TICK_SECONDS)
        faults.finish()
        load.stop()
        seconds = time.monotonic() - began
        say(f"No more faults. {load.orders} orders were accepted; waiting until all of it has ended.")
        drained = _drain(stack)
        counted = checks.count(stack, load.placed)
        result = Result(
            counted,
            faults.struck,
            recovery.recoveries(stack, faults.struck),
            faults.missed,
            load,
            seconds,
            drained,
            {name: kept.starts for name, kept in stack.kept.items()},
        )
        show(stack, result)
        return result


def _drain(stack: Stack) -> float:
    """Wait until nothing is on its way any more, or nothing has moved for a long time; what is left then is stuck."""
    began = moved = time.monotonic()
    before = None
    while (now := checks.on_its_way(stack))["left"] and time.monotonic() < moved + STILL_SECONDS:
        if now != before:
            before, moved = now, time.monotonic()
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


class Faults:
    """Lets the faults fall: every kind in a random order, again and again."""

    def __init__(self, stack: Stack, plan: Plan, *, say: Callable[[str], None]) -> None:
        self.struck: list[Struck] = []
        self.missed: Counter[str] = Counter()
        self._stack = stack
        self._plan = plan
        self._say = say
        self._chance = random.Random(plan.seed)
        self._round: list[str] = []
        self._rounds = 0
        self._falling: list[_Falling] = []
        self._next_at = QUIET_SECONDS
        self._since: Struck | None = None
        self._look_at = 0.0
        self._in_a_row = 0
        # in the time that there is, every kind once
        self._pace = plan.seconds * 0.9 / len(plan.faults)

    def tick(self, seconds: float) -> None:
        """Go on with what falls, and let the next one fall when its time has come."""
        for each in list(self._falling):
            self._advance(each)
        if self._plan.at_once:
            if seconds >= self._next_at and (self._round or not self._rounds):
                self._next_at += self._pace
                self._fall()
        elif not self._falling and self._is_quiet(seconds):
            self._fall()

    def finish(self) -> None:
        """Mend what is still broken; who still lies in wait goes on as long as there is work."""
        while self._falling:
            if not self._has_work():
                for each in self._falling:
                    each.moment.until = 0.0
            for each in list(self._falling):
                self._advance(each)
            time.sleep(TICK_SECONDS)

    def _has_work(self) -> bool:
        if time.monotonic() < self._look_at:
            return True
        self._look_at = time.monotonic() + LOOK_SECONDS
        try:
            return bool(checks.on_its_way(self._stack)["left"])
        except psycopg.Error:
            return True

    def _fall(self) -> None:
        if not self._round:
            self._round = list(self._plan.faults)
            self._chance.shuffle(self._round)
            if self._plan.at_once:  # a minute is short: whoever needs a victim comes before nobody is left
                self._round.sort(key=lambda name: name in NEEDS_TRAFFIC)
            self._rounds += 1
        name = self._round.pop()
        chance = random.Random(self._chance.random())
        moment = Moment(chance, time.monotonic() + PATIENCE_SECONDS[self._plan.at_once])
        falling = _Falling(name, moment, FAULTS[name](self._stack, moment))
        self._falling.append(falling)
        self._advance(falling)

    def _advance(self, each: _Falling) -> None:
        while each.resume_at <= time.monotonic():
            try:
                each.resume_at = time.monotonic() + next(each.steps)
            except StopIteration:
                self._falling.remove(each)
                self._over(each)
                return

    def _over(self, each: _Falling) -> None:
        moment = each.moment
        if moment.missed:
            self.missed[each.name] += 1
            self._in_a_row += 1
            if self._in_a_row < MISSES:
                self._round.append(each.name)
                return
        else:
            struck = Struck(each.name, moment.began, moment.since or recovery.now(), moment.note)
            self.struck.append(struck)
            self._since = struck
            self._say(f"{struck.since:%H:%M:%S} {struck.fault} {struck.note}")
        self._in_a_row = 0

    def _is_quiet(self, seconds: float) -> bool:
        """Whether what the last fault hit goes on again and everything runs, or has been waited for long enough."""
        if self._since is None:
            return seconds >= self._next_at
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + LOOK_SECONDS
        waited = (recovery.now() - self._since.since).total_seconds()
        try:
            down = recovery.still_down(self._stack, self._since.since)
        except psycopg.Error:
            return False
        if waited > QUIET_SECONDS and not down and self._stack.is_up():
            return True
        return waited > WAIT_FOR_RECOVERY_LEASES * self._plan.lease_seconds


@dataclass(slots=True)
class _Falling:
    name: str
    moment: Moment
    steps: Iterator[float]
    resume_at: float = 0.0
