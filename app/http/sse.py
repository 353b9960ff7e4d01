"""Server-sent events: the state of something at once, and again at each change.

A stream holds no database connection between its looks. Redis pub/sub wakes it; a look each second is the net.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from app.core.errors import NotFound, TooManyRequests, Unavailable
from app.core.waker import Waker
from app.core.world import World
from app.http.wire import dumps

PER_ADDRESS = 8
PER_PROCESS = 24

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks, between comments that keep proxies awake, and until a stream ends."""

    look: float = 1.0
    comment: float = 15.0
    life: float = 600.0


DEFAULT_PACE = Pace()


class _Seats:
    """Streams that are open in this process; each takes one of its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, address: str) -> None:
        with self._lock:
            if self._taken[address] >= PER_ADDRESS:
                raise TooManyRequests(
                    f"At most {PER_ADDRESS} event streams at a time are open to one address.", retry_after=5
                )
            if self._taken.total() >= PER_PROCESS:
                raise Unavailable("All event streams are taken; try again.")
            self._taken[address] += 1

    def leave(self, address: str) -> None:
        with self._lock:
            self._taken[address] -= 1
            if self._taken[address] <= 0:
                del self._taken[address]


_SEATS = _Seats()


def stream(
    world: World,
    channel: str,
    read: Callable[[], State | None],
    *,
    done: Callable[[State], bool] | None = None,
    pace: Pace = DEFAULT_PACE,
) -> Response:
    """Answer with the state that `read` returns, and again whenever it has changed.

    `channel` is what `core.queue.wake` wakes (`turnup:order/42`). `read` opens a short transaction of its own and returns
    JSON, None when the thing is gone. The stream ends after `pace.life`, when it is gone, or when `done` says that
    nothing will change any more: the last event is then named `end`. Raises NotFound when there is nothing at first,
    TooManyRequests or Unavailable when too many streams are open.
    """
    first = read()
    if first is None:
        raise NotFound("There is nothing at this address.")
    address = request.remote_addr or "unknown"
    _SEATS.take(address)
    return _Events(_events(Waker(world.redis, channel), first, read, done, pace), lambda: _SEATS.leave(address))


class _Events(Response):
    """A stream that gives its seat back when it is closed, also when nothing of it was ever read."""

    def __init__(self, events: Iterator[str], leave: Callable[[], None]) -> None:
        super().__init__(events, mimetype="text/event-stream")
        self.headers["Cache-Control"] = "no-cache, no-store"
        self.headers["X-Accel-Buffering"] = "no"
        self.call_on_close(leave)


def _events(
    waker: Waker,
    state: State,
    read: Callable[[], State | None],
    done: Callable[[State], bool] | None,
    pace: Pace,
) -> Iterator[str]:
    begun = said = time.monotonic()
    sent = dumps(state)
    yield f"retry: 2000\ndata: {sent}\n\n"
    with waker:
        while not (done and done(state)) and time.monotonic() - begun < pace.life:
            waker.wait(pace.look)
            found = read()
            if found is None:
                break
            state = found
            if (text := dumps(state)) != sent:
                sent, said = text, time.monotonic()
                yield f"data: {sent}\n\n"
            elif time.monotonic() - said >= pace.comment:
                said = time.monotonic()
                yield ": still here\n\n"
        else:
            if not (done and done(state)):
                return
    yield "event: end\ndata: {}\n\n"
