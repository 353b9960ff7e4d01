"""Waiting for a word that something has changed, instead of asking the database again and again."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def hear(subscription: PubSub, seconds: float) -> None:
    """Return at the first word, or after that many seconds. Raises RedisError."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if subscription.get_message(timeout=left) is not None:
            return


class Waker:
    """Waits for a word on a channel that `core.queue.wake` wakes (`turnup:order/42`); without Redis for the time to pass.

    A word may be missed: whoever waits looks by himself, too. Listens inside its `with` block.
    """

    def __init__(self, redis: Redis, channel: str) -> None:
        self._redis, self._channel = redis, channel
        self._subscription: PubSub | None = None

    def __enter__(self) -> Self:
        try:
            self._subscription = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            self._subscription.subscribe(self._channel)
        except RedisError:
            self._give_up()
        return self

    def wait(self, seconds: float) -> None:
        """Return at a word on the channel, or after that many seconds."""
        until = time.monotonic() + seconds
        if self._subscription is not None:
            try:
                hear(self._subscription, seconds)
            except RedisError:
                self._give_up()
            else:
                return
        threading.Event().wait(max(0.0, until - time.monotonic()))

    def _give_up(self) -> None:
        log.warning("waiting for %s by looking: Redis is unreachable", self._channel)
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._subscription is not None:
            self._subscription.close()
