"""What every bus holds to."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from app.adapters.bus.errors import BusError
from app.core.ids import new_id
from tests.adapters.bus.benches import Bench


def event(number: int, *, subject: str = "order/1") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(new_id()),
        "source": "/turnup",
        "type": "order.submitted",
        "subject": subject,
        "time": "2026-03-01T12:00:00Z",
        "tenantid": str(new_id()),
        "datacontenttype": "application/json",
        "data": {"order_id": number, "name": "Grüße №1"},
    }


def test_what_is_published_arrives_whole(bench: Bench) -> None:
    told = event(1)
    bench.bus.publish([told])
    assert bench.arrived() == [told]


def test_nothing_is_nothing(bench: Bench) -> None:
    bench.bus.publish([])
    assert bench.arrived() == []


def test_events_of_a_subject_keep_their_order(bench: Bench) -> None:
    events = [event(number, subject=f"order/{number % 7}") for number in range(700)]
    for begin in range(0, 700, 100):
        bench.bus.publish(events[begin : begin + 100])
    by_subject = defaultdict(list)
    for told in bench.arrived():
        by_subject[told["subject"]].append(told["data"]["order_id"])
    assert by_subject == {f"order/{n}": list(range(n, 700, 7)) for n in range(7)}


def test_one_that_is_published_again_comes_again(bench: Bench) -> None:
    told = event(1)
    bench.bus.publish([told])
    bench.bus.publish([told])
    assert bench.arrived() == [told, told]


def test_the_largest_event_fits(bench: Bench) -> None:
    told = event(1) | {"data": {"text": "x" * 262_100}}
    bench.bus.publish([told])
    assert bench.arrived() == [told]


def test_a_bus_that_is_away_says_so(bench: Bench) -> None:
    with pytest.raises(BusError):
        bench.away.publish([event(1)])
    with pytest.raises(BusError):
        bench.away.check()


def test_one_that_is_there_says_what_it_is(bench: Bench) -> None:
    bench.bus.publish([event(1)])
    assert "events" in bench.bus.check()
