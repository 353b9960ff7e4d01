"""Celery's plumbing where it was changed."""

from __future__ import annotations

import time
from contextlib import closing
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from kombu import Connection, Consumer, Producer, Queue
from kombu.asynchronous import Hub

from app.core.settings import Settings
from pipelines import broker
from pipelines.lanes import FIRST, LAST


def test_a_workers_loop_forgets_cancelled_timers_and_fires_the_others_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker, "FORGET_SECONDS", 0.01)
    hub: Any = Hub()  # type: ignore[no-untyped-call]
    fired: list[int] = []
    entries = [hub.call_later(3600 + number, fired.append, number) for number in range(90)]
    entries += [hub.call_later(0.1 - number / 1000, fired.append, number) for number in range(100)]
    for number, entry in enumerate(entries):
        if number < 90 or number % 3:
            entry.cancel()
    broker.TimeLimits(SimpleNamespace()).start(SimpleNamespace(hub=hub))
    end = time.monotonic() + 5
    while (len(fired) < 33 or len(hub.timer) > 1) and time.monotonic() < end:
        hub.fire_timers()
    assert fired == [number for number in reversed(range(100)) if number % 3 == 0]
    assert len(hub.timer) == 1


def test_a_first_lane_that_is_never_empty_does_not_hold_up_the_last_one(settings: Settings) -> None:
    queue, received = Queue(f"lanes-{uuid4().hex[:8]}"), []
    options = {"priority_steps": [FIRST, LAST]}
    url, transport = settings.celery_broker_url, broker.transport_for(settings.celery_broker_url)
    with closing(Connection(url, transport=transport, transport_options=options)) as connection:
        producer = Producer(connection)

        def publish(name: str, priority: int) -> None:
            producer.publish(name, routing_key=queue.name, priority=priority, declare=[queue])

        def take(name: str, message: Any) -> None:
            received.append(name)
            message.ack()
            publish("first", FIRST)

        for _ in range(3):
            publish("last", LAST)
            publish("first", FIRST)
        with Consumer(connection, [queue], callbacks=[take], prefetch_count=1):
            while len(received) < 4 * broker.LAST_LANE_EVERY:
                connection.drain_events(timeout=5)
        queue(connection).delete()
    assert received.count("last") == 3
    assert received[: broker.LAST_LANE_EVERY // 2] == ["first"] * (broker.LAST_LANE_EVERY // 2)
