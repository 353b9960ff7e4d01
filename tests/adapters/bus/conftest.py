"""Each bus in turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from app.core.settings import Settings
from tests.adapters.bus.benches import Bench, kafka_bench, kafka_brokers, redis_bench


@pytest.fixture(scope="session")
def brokers() -> Iterator[str]:
    """Three Kafka brokers, by their addresses."""
    with kafka_brokers() as addresses:
        yield addresses


@pytest.fixture(params=["redis", "kafka"])
def bench(request: pytest.FixtureRequest, bare_settings: Settings, brokers: str) -> Iterator[Bench]:
    if request.param == "kafka":
        yield kafka_bench(brokers)
        return
    with Redis.from_url(bare_settings.redis_url) as redis:
        yield redis_bench(redis)
