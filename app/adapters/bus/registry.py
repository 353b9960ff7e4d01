"""Which bus this installation has. The client of Kafka is large: it is loaded where it is configured, and nowhere else."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.adapters.bus.port import Bus
from app.adapters.bus.redis_streams import RedisStreamsBus
from app.core.settings import Settings

TIMEOUT_SECONDS = 2.0


def configured(settings: Settings, redis: Redis | None = None) -> Bus:
    """The bus of these settings: a Kafka topic, or a stream on the Redis of EVENT_BUS_URL, else on `redis`.

    Raises ConfigurationError. Nothing is connected to yet.
    """
    if settings.event_bus_type == "kafka":
        from app.adapters.bus.kafka import KafkaBus  # noqa: PLC0415

        return KafkaBus(settings.event_bus_url)
    if redis is None or settings.event_bus_url:
        redis = Redis.from_url(
            settings.event_bus_url or settings.redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    return RedisStreamsBus(redis)
