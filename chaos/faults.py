"""What is broken, one function each: a generator that breaks something, yields for how many seconds, and mends it.

`moment.hit()` says that work is held up from now on by what will not be mended for it (a kill, a stopped process): recovery
counts from there. Without it, recovery counts from the end, when the outage is over.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import redis

from chaos.recovery import now
from chaos.stack import Stack, children, send

POLL_SECONDS = 0.02
PAUSED_BEYOND_LEASE_SECONDS = 3.0
QUEUES = ("turnup", "turnup\x06\x169")
"""The lists of the broker that hold messages, by priority as kombu names them: the first lane and the last."""
UNACKNOWLEDGED = "unacked"
WORKER_BOUNDARIES = (
    "before_claim",
    "in_operation",
    "after_call",
    "before_commit",
    "after_commit",
    "before_send",
    "before_acknowledge",
)


@dataclass(slots=True)
class Moment:
    """One time that a fault falls. `until`: how long it may wait for a victim. `missed`: there was nothing to break."""

    chance: random.Random
    until: float
    began: datetime = field(default_factory=now)
    since: datetime | None = None
    note: str = ""
    missed: bool = False

    def hit(self) -> None:
        self.since = now()


Fault = Callable[[Stack, Moment], Iterator[float]]
FAULTS: dict[str, Fault] = {}
NEEDS_TRAFFIC: set[str] = set()
"""Faults that fall on whoever comes by."""


def fault(name: str) -> Callable[[Fault], Fault]:
    """Register a fault under the name by which the table shows it."""

    def register(function: Fault) -> Fault:
        FAULTS[name] = function
        return function

    return register


def _on_traffic(name: str, function: Fault) -> None:
    FAULTS[name] = function
    NEEDS_TRAFFIC.add(name)


@fault("worker's child killed")
def kill_child(stack: Stack, moment: Moment) -> Iterator[float]:
    """As an out-of-memory killer would."""
    pids = [pid for name in stack.names("worker") for pid in children(stack.kept[name].pid)]
    if not pids:
        moment.missed = True
        return
    send(signal.SIGKILL, moment.chance.choice(pids))
    moment.hit()
    yield 0


@fault("worker killed")
def kill_worker(stack: Stack, moment: Moment) -> Iterator[float]:
    """The main process alone; its children notice by themselves."""
    send(signal.SIGKILL, stack.kept[moment.chance.choice(stack.names("worker"))].pid)
    moment.hit()
    yield 0


@fault("worker killed with its children")
def kill_worker_whole(stack: Stack, moment: Moment) -> Iterator[float]:
    send(signal.SIGKILL, *stack.kept[moment.chance.choice(stack.names("worker"))].tree)
    moment.hit()
    yield 0


@fault("all workers killed")
def kill_all_workers(stack: Stack, moment: Moment) -> Iterator[float]:
    send(signal.SIGKILL, *(pid for name in stack.names("worker") for pid in stack.kept[name].tree))
    moment.hit()
    yield 0


@fault("beat killed")
def kill_beat(stack: Stack, moment: Moment) -> Iterator[float]:
    """One of the two: sweeper and relay with it."""
    send(signal.SIGKILL, stack.kept[moment.chance.choice(stack.names("beat"))].pid)
    moment.hit()
    yield 0


@fault("every sweeper and relay killed")
def kill_loops(stack: Stack, moment: Moment) -> Iterator[float]:
    send(signal.SIGKILL, *(stack.kept[name].pid for name in (*stack.names("beat"), *stack.names("loops"))))
    moment.hit()
    yield 0


@fault("API killed")
def kill_api(stack: Stack, moment: Moment) -> Iterator[float]:
    """All its processes, in the middle of whatever they answer."""
    send(signal.SIGKILL, *stack.kept["api"].tree)
    moment.hit()
    yield 0


@fault("everything killed but the servers")
def kill_everything(stack: Stack, moment: Moment) -> Iterator[float]:
    send(signal.SIGKILL, *(pid for kept in stack.kept.values() for pid in kept.tree))
    moment.hit()
    yield 0


def _armed(stack: Stack, moment: Moment, order: str) -> Iterator[float]:
    """Put the order there; returns when somebody obeyed it, or nobody came by."""
    path = stack.orders / order
    before = len(stack.crossed())
    path.touch()
    while path.exists() and time.monotonic() < moment.until:
        yield POLL_SECONDS
    how, role, boundary = order.split(".")
    try:
        path.unlink()
    except FileNotFoundError:
        found = [
            line
            for line in stack.crossed()[before:]
            if (line["how"], line["role"], line["boundary"]) == (how, role, boundary)
        ]
        moment.note = json.dumps(found[-1]) if found else ""
        moment.missed = not found
        moment.hit()
    else:
        moment.missed = True


def _killed_at(role: str, boundary: str) -> Fault:
    def kill(stack: Stack, moment: Moment) -> Iterator[float]:
        yield from _armed(stack, moment, f"kill.{role}.{boundary}")

    return kill


def _stopped_at(boundary: str) -> Fault:
    def stop(stack: Stack, moment: Moment) -> Iterator[float]:
        yield from _armed(stack, moment, f"stop.worker.{boundary}")
        if not moment.missed:
            yield from _paused(stack, int(json.loads(moment.note)["pid"]))

    return stop


def _paused(stack: Stack, *pids: int) -> Iterator[float]:
    yield stack.settings.lease_seconds + PAUSED_BEYOND_LEASE_SECONDS
    send(signal.SIGCONT, *pids)


for _boundary in WORKER_BOUNDARIES:
    _on_traffic(f"worker's child killed: {_boundary}", _killed_at("worker", _boundary))
for _boundary in ("before_commit", "after_commit"):
    _on_traffic(f"API killed: {_boundary}", _killed_at("api", _boundary))
    _on_traffic(f"sweeper or relay killed: {_boundary}", _killed_at("loops", _boundary))
for _boundary in ("in_operation", "after_call", "before_commit", "after_commit"):
    _on_traffic(f"worker's child stopped past its lease: {_boundary}", _stopped_at(_boundary))


@fault("worker stopped past its lease")
def stop_worker(stack: Stack, moment: Moment) -> Iterator[float]:
    """With its children, wherever they are."""
    pids = stack.kept[moment.chance.choice(stack.names("worker"))].tree
    send(signal.SIGSTOP, *pids)
    moment.hit()
    yield from _paused(stack, *pids)


@fault("sweeper and relay stopped past the lease")
def stop_loops(stack: Stack, moment: Moment) -> Iterator[float]:
    """Of one of the processes, wherever they are: what they hold must fall with the lease."""
    pid = stack.kept[moment.chance.choice([*stack.names("beat"), *stack.names("loops")])].pid
    send(signal.SIGSTOP, pid)
    moment.hit()
    yield from _paused(stack, pid)


@fault("API stopped past the lease")
def stop_api(stack: Stack, moment: Moment) -> Iterator[float]:
    pids = stack.kept["api"].tree
    send(signal.SIGSTOP, *pids)
    moment.hit()
    yield from _paused(stack, *pids)


@fault("Redis emptied")
def flush_redis(stack: Stack, moment: Moment) -> Iterator[float]:
    with stack.broker as broker:
        broker.flushall()
    moment.hit()
    yield 0


@fault("Redis killed, its files deleted")
def restart_redis(stack: Stack, moment: Moment) -> Iterator[float]:  # noqa: ARG001 - as all faults
    stack.restart_redis()
    yield 0


@fault("PostgreSQL stopped and started: fast")
def restart_postgres(stack: Stack, moment: Moment) -> Iterator[float]:
    stack.stop_postgres(signal.SIGINT)
    time.sleep(moment.chance.uniform(0, 2))
    stack.start_postgres()
    yield 0


@fault("PostgreSQL stopped and started: immediate")
def crash_postgres(stack: Stack, moment: Moment) -> Iterator[float]:
    """It has to recover from its log."""
    stack.stop_postgres(signal.SIGQUIT)
    time.sleep(moment.chance.uniform(0, 2))
    stack.start_postgres()
    yield 0


def _network(link: str, *words: str, seconds: float) -> Fault:
    def disturb(stack: Stack, moment: Moment) -> Iterator[float]:  # noqa: ARG001 - as all faults
        stack.network(link, *words)
        yield seconds
        stack.network(link, "pass")

    return disturb


for _link, _name in (("postgres", "PostgreSQL"), ("redis", "Redis")):
    FAULTS[f"connections to {_name} cut"] = _network(_link, "cut", seconds=0)
    FAULTS[f"connections to {_name} refused"] = _network(_link, "refuse", seconds=2)
    FAULTS[f"connections to {_name} slow"] = _network(_link, "slow", "0.05", seconds=4)
    FAULTS[f"connections to {_name} dead"] = _network(_link, "hold", seconds=4)


@fault("messages delivered twice")
def double(stack: Stack, moment: Moment) -> Iterator[float]:
    """For two seconds, what waits in the queue and what is at work is sent again; some as if a worker had died on it."""
    until = time.monotonic() + 2
    seen: set[Any] = set()
    with stack.broker as broker:
        while time.monotonic() < until:
            try:
                waiting = [json.loads(raw) for queue in QUEUES for raw in broker.lrange(queue, 0, 100)]
                at_work = [json.loads(raw)[0] for raw in broker.hgetall(UNACKNOWLEDGED).values()]
                for message in (*waiting, *at_work):
                    if message["properties"]["delivery_tag"] not in seen:
                        copy = _copy(message, redelivered=moment.chance.random() < 0.5)  # noqa: PLR2004 - every other one
                        seen |= {message["properties"]["delivery_tag"], copy["properties"]["delivery_tag"]}
                        broker.lpush(QUEUES[0], json.dumps(copy))
            except redis.RedisError:
                pass
            yield POLL_SECONDS
    moment.note = f"{len(seen) // 2} messages"
    moment.missed = not seen


def _copy(message: dict[str, Any], *, redelivered: bool) -> dict[str, Any]:
    properties = {**message["properties"], "delivery_tag": str(uuid4())}
    if redelivered:
        properties["delivery_info"] = {**properties.get("delivery_info", {}), "redelivered": True}
    return {**message, "properties": properties, "headers": {**message["headers"], "redelivered": redelivered}}


@fault("messages delivered out of order")
def shuffle(stack: Stack, moment: Moment) -> Iterator[float]:
    """For two seconds, messages are taken away and come back late and in another order."""
    until = time.monotonic() + 2
    taken: list[bytes] = []
    number = 0
    with stack.broker as broker:
        while time.monotonic() < until:
            try:
                while (raw := broker.lpop(QUEUES[0]) or broker.lpop(QUEUES[1])) is not None:
                    taken.append(raw)
                    number += 1
                if len(taken) >= moment.chance.randint(2, 12):
                    moment.chance.shuffle(taken)
                    broker.rpush(moment.chance.choice(QUEUES), *taken)
                    taken = []
            except redis.RedisError:
                pass
            yield POLL_SECONDS * 5
        if taken:
            moment.chance.shuffle(taken)
            try:
                broker.rpush(moment.chance.choice(QUEUES), *taken)
            except redis.RedisError:
                moment.note = "lost with Redis; "
    moment.note += f"{number} messages"
    moment.missed = not number


NEEDS_TRAFFIC |= {"messages delivered twice", "messages delivered out of order"}
