"""The bus on a Redis stream."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis

STREAM = "turnup:events"
KEPT = 100_000
"""About how many events the stream keeps."""


class RedisStreamsBus:
    """Each event is one entry of the stream `turnup:events`, its CloudEvents document under `event`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                fields: dict[Any, Any] = {
                    "type": event["type"],
                    "subject": event["subject"],
                    "event": json.dumps(event),
                }
                pipe.xadd(STREAM, fields, maxlen=KEPT, approximate=True)
            pipe.execute()
