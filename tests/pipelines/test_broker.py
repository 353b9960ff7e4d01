"""Celery's plumbing where it was changed."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.asynchronous import Hub

from pipelines import broker


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
