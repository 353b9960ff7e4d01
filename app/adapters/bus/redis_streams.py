"""The bus on a Redis stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from app.adapters.bus.errors import BusError

STREAM = "turnup:events"
KEPT = 100_000
"""About how many events the stream keeps."""


class RedisStreamsBus:
    """Each event is one entry of the stream `turnup:events`, its CloudEvents document under `event`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for event in events:
                    fields: dict[Any, Any] = {
                        "type": event["type"],
                        "subject": event["subject"],
                        "event": json.dumps(event),
                    }
                    pipe.xadd(STREAM, fields, maxlen=KEPT, approximate=True)
                pipe.execute()
        except RedisError as error:
            message = f"Redis did not take the events: {error}"
            raise BusError(message) from error

    def check(self) -> str:
        try:
            # this client's types allow for an asynchronous one
            kept: Any = self._redis.xlen(STREAM)
        except RedisError as error:
            message = f"Redis does not answer: {error}"
            raise BusError(message) from error
        return f"the stream {STREAM} has {kept} events"
