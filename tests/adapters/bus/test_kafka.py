"""What the Kafka bus does by itself, and the relay through it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace

import pytest

from app.adapters.bus.errors import BusError
from app.adapters.bus.kafka import CONTENT_TYPE, TOPIC, Address, KafkaBus
from app.core.events import emit
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import ConfigurationError, Settings
from app.embedded.machine import LOOPBACK, free_port
from app.factory import build_world
from app.jobs import JOBS
from tests.adapters.bus.benches import consumed, forwarded
from tests.adapters.bus.test_contract import event


@pytest.fixture
def topic() -> str:
    return f"events-{new_id().hex}"


def test_a_subject_is_the_key_and_has_one_partition(brokers: str, topic: str) -> None:
    KafkaBus(f"kafka://{brokers}/{topic}").publish([event(n, subject=f"order/{n % 50}") for n in range(200)])
    partitions = defaultdict(set)
    for message in consumed(brokers, topic):
        assert json.loads(message.value() or b"")["subject"] == (message.key() or b"").decode()
        partitions[message.key()].add(message.partition())
    assert len(partitions) == 50
    assert {len(numbers) for numbers in partitions.values()} == {1}
    assert len(set.union(*partitions.values())) > 1


def test_a_message_says_what_it_is(brokers: str, topic: str) -> None:
    KafkaBus(f"kafka://{brokers}/{topic}").publish([event(1)])
    (message,) = consumed(brokers, topic)
    assert message.headers() == [("content-type", CONTENT_TYPE), ("ce_type", b"order.submitted")]


def test_what_was_refused_does_not_come_out_behind_what_is_given_again(brokers: str, topic: str) -> None:
    port = free_port()
    bus = KafkaBus(f"kafka://{LOOPBACK}:{port}/{topic}", within=1.0)
    events = [event(number) for number in range(3)]
    with pytest.raises(BusError, match="3 of 3"):
        bus.publish(events)
    with forwarded(port, brokers.partition(",")[0]):
        bus.publish(events)
        bus.publish([event(3)])
    assert [json.loads(message.value() or b"")["data"]["order_id"] for message in consumed(brokers, topic)] == [
        0,
        1,
        2,
        3,
    ]


def test_what_is_too_large_for_the_topic_is_refused_and_the_bus_goes_on(brokers: str, topic: str) -> None:
    bus = KafkaBus(f"kafka://{brokers}/{topic}")
    with pytest.raises(BusError, match="too large"):
        bus.publish([event(1), event(2) | {"data": "x" * 2_000_000}])
    bus.publish([event(3)])
    assert json.loads(consumed(brokers, topic)[-1].value() or b"")["data"]["order_id"] == 3


def test_the_relay_publishes_to_it(settings: Settings, brokers: str, topic: str) -> None:
    world = build_world(replace(settings, event_bus_type="kafka", event_bus_url=f"kafka://{brokers}/{topic}"))
    try:
        with world.database.transaction(OPERATOR_ID) as session:
            for number in range(3):
                emit(session, "parcel.moved", "parcel/7", {"number": number})
        JOBS["publish_outbox"].run(world)
    finally:
        world.close()
    told = [json.loads(message.value() or b"") for message in consumed(brokers, topic)]
    moved = [document for document in told if document["type"] == "parcel.moved"]
    assert [document["data"]["number"] for document in moved] == [0, 1, 2]


def test_nothing_is_connected_to_before_the_first_event() -> None:
    assert KafkaBus(f"kafka://{LOOPBACK}:{free_port()}/topic")._producer is None


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("kafka://a:9092,b:9092/orders", Address("a:9092,b:9092", "orders", {})),
        ("kafka://a:9092", Address("a:9092", TOPIC, {})),
        (
            "kafka://me:p%40ss@a:9092/t",
            Address(
                "a:9092",
                "t",
                {
                    "security.protocol": "SASL_SSL",
                    "sasl.mechanisms": "PLAIN",
                    "sasl.username": "me",
                    "sasl.password": "p@ss",
                },
            ),
        ),
        ("kafka://a:1/t?client.id=one&linger.ms=5", Address("a:1", "t", {"client.id": "one", "linger.ms": "5"})),
    ],
)
def test_an_address_names_brokers_topic_and_options(url: str, found: Address) -> None:
    assert Address.of(url) == found


@pytest.mark.parametrize("url", ["kafka:///topic", "kafka://a:1/no%20topic", "redis://a:1/t", "kafka://a:1/a/b"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="EVENT_BUS_URL"):
        Address.of(url)


@pytest.mark.parametrize("option", ["acks=1", "enable.idempotence=false", "message.timeout.ms=0"])
def test_the_guarantees_cannot_be_given_away(option: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot change"):
        Address.of(f"kafka://a:1/t?{option}")


def test_an_unknown_option_is_said_with_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"no\.such\.thing"):
        KafkaBus("kafka://a:1/t?no.such.thing=1").publish([event(1)])


def test_a_password_is_in_no_text() -> None:
    assert "p@ss" not in repr(Address.of("kafka://me:p%40ss@a:9092/t"))
