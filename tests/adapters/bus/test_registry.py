"""Which bus the settings name, and what they may not say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.bus.kafka import KafkaBus
from app.adapters.bus.redis_streams import RedisStreamsBus
from app.adapters.bus.registry import configured
from app.core.settings import Settings
from tests.adapters.bus.test_contract import event


def test_without_a_word_it_is_a_stream_on_the_redis_that_is_there(bare_settings: Settings) -> None:
    bus = configured(bare_settings)
    assert isinstance(bus, RedisStreamsBus)
    bus.publish([event(1)])


def test_it_may_be_a_redis_of_its_own(bare_settings: Settings) -> None:
    elsewhere = replace(bare_settings, event_bus_url=bare_settings.redis_url, redis_url="redis://127.0.0.1:9/0")
    configured(elsewhere).publish([event(1)])


def test_it_may_be_kafka(bare_settings: Settings) -> None:
    bus = configured(replace(bare_settings, event_bus_type="kafka", event_bus_url="kafka://127.0.0.1:9/topic"))
    assert isinstance(bus, KafkaBus)


@pytest.mark.parametrize(
    ("kind", "url", "fault"),
    [
        ("redis", "", None),
        ("redis", "rediss://a:1/0", None),
        ("kafka", "kafka://a:1,b:2/topic", None),
        ("kafka", "", "EVENT_BUS_URL must begin with kafka://"),
        ("kafka", "redis://a:1/0", "EVENT_BUS_URL must begin with kafka://"),
        ("redis", "kafka://a:1/topic", "EVENT_BUS_URL must begin with redis:// or rediss://"),
        ("rabbit", "amqp://a", "EVENT_BUS_TYPE must be redis or kafka"),
    ],
)
def test_what_the_settings_may_say(bare_settings: Settings, kind: str, url: str, fault: str | None) -> None:
    found = [said for said in replace(bare_settings, event_bus_type=kind, event_bus_url=url).faults() if "BUS" in said]
    assert [said.startswith(fault or "") for said in found] == ([True] if fault else [])
