"""A backlog is not a loss: messages that say how far the queues have been worked off.

Behind everything that waits in a queue goes one small message. Once it has been received, so has all that was sent before
it: what was, and yet did not begin, is lost. Until then a step that waits in a long queue is not sent again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from pipelines.canvas import CelerySender

log = logging.getLogger(__name__)

PROBE_TASK = "engine.probe"
KEPT_SECONDS = 600
LONGEST_PAUSE_SECONDS = 300.0
"""Between two probes of a queue to which nobody listens, since nobody takes them away."""


class Probes:
    """The probes of one process, for all queues that are used."""

    def __init__(self, sender: CelerySender, redis: Redis, queues: Sequence[str]) -> None:
        self._sender = sender
        self._redis = redis
        self._queues = queues
        self._sent = dict.fromkeys(queues, 0.0)
        self._pause = dict.fromkeys(queues, 1.0)
        self._next = dict.fromkeys(queues, 0.0)

    def seen(self, at: datetime) -> Mapping[str, float]:
        """By queue, up to when all that was sent has been received (seconds of the epoch); a queue of which that is not known is left out.

        `at`: now, by the database's clock, which dates what is sent. Sends the next probes.
        """
        try:
            answers: Any = self._redis.mget([_key(queue) for queue in self._queues])
        except RedisError:
            return {}
        found = {queue: float(answer) for queue, answer in zip(self._queues, answers, strict=True) if answer}
        for queue in self._queues:
            self._probe(queue, at.timestamp(), found.get(queue, 0.0))
        return found

    def _probe(self, queue: str, at: float, seen: float) -> None:
        answered = seen >= self._sent[queue]
        if answered:
            self._pause[queue] = 1.0
        elif time.monotonic() < self._next[queue]:
            return
        try:
            self._sender.send_probe(PROBE_TASK, queue, at)
        except OperationalError:
            return
        self._sent[queue] = at
        self._next[queue] = time.monotonic() + self._pause[queue]
        self._pause[queue] = min(2 * self._pause[queue], LONGEST_PAUSE_SECONDS)


def received(redis: Redis, queue: str, at: float) -> None:
    """A worker has received the probe that was sent to this queue at that time."""
    try:
        redis.set(_key(queue), at, ex=KEPT_SECONDS)
    except RedisError:
        log.info("a probe's answer is not kept: Redis is away")


def _key(queue: str) -> str:
    return f"turnup:seen:{queue}"
