"""Which message goes first: a tenant that has just sent many lets others go before the rest of its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

SHARE = 100
"""Messages that a tenant may send from one process within the window before the rest has to wait for others."""

WINDOW_SECONDS = 10.0

OWNERS_KEPT = 1000

FIRST, LAST = 0, 9
"""The broker's priorities of the two lanes (on Redis the lower one is served first)."""


class Lanes:
    """Counts what each owner sent of late, in this process. Nothing is lost with it, and nothing is shared."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[UUID, deque[tuple[float, int]]] = {}
        self._counts: dict[UUID, int] = {}

    def lane(self, owner_id: UUID, messages: int) -> int:
        """The priority of the next messages of an owner, which are counted."""
        now = self._clock()
        sent = self._sent.setdefault(owner_id, deque())
        count = self._counts.get(owner_id, 0)
        while sent and sent[0][0] < now - WINDOW_SECONDS:
            count -= sent.popleft()[1]
        sent.append((now, messages))
        self._counts[owner_id] = count + messages
        if len(self._sent) > OWNERS_KEPT:
            self._forget(now)
        return FIRST if count < SHARE else LAST

    def _forget(self, now: float) -> None:
        for owner_id in [owner for owner, sent in self._sent.items() if sent[-1][0] < now - WINDOW_SECONDS]:
            del self._sent[owner_id], self._counts[owner_id]
