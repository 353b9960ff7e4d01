"""Event streams: the state at once, each change once, an end, and a seat for each."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from werkzeug.test import TestResponse

from app.core.world import World
from app.http.sse import PER_ADDRESS, Pace
from tests.http.toy import toy_app

EVENTS = "/api/v1/events"
QUICK = Pace(look=0.02, comment=5, life=20)
SLOW = Pace(look=20, comment=60, life=60)


def _open(world: World, state: dict[str, Any], pace: Pace) -> tuple[TestResponse, Iterator[str]]:
    response = toy_app(world, state=state, pace=pace).test_client().get(EVENTS)
    return response, (chunk.decode() if isinstance(chunk, bytes) else chunk for chunk in response.response)


def _state(event: str) -> dict[str, Any]:
    line = next(line for line in event.splitlines() if line.startswith("data: "))
    found: dict[str, Any] = json.loads(line.removeprefix("data: "))
    return found


def test_the_state_comes_at_once_and_at_each_change_until_done(world: World) -> None:
    state = {"status": "draft"}
    response, events = _open(world, state, QUICK)
    assert response.mimetype == "text/event-stream"
    assert _state(next(events)) == {"status": "draft"}
    state["status"] = "activating"
    assert _state(next(events)) == {"status": "activating"}
    state["status"] = "active"
    assert _state(next(events)) == {"status": "active"}
    assert list(events) == ["event: end\ndata: {}\n\n"]


def test_what_is_done_already_is_told_once(world: World) -> None:
    _, events = _open(world, {"status": "active"}, QUICK)
    first, last = events
    assert _state(first) == {"status": "active"}
    assert last.startswith("event: end")


def test_a_word_on_the_channel_wakes_the_stream(world: World) -> None:
    state = {"status": "draft"}
    response, events = _open(world, state, SLOW)
    next(events)
    state["status"] = "active"
    # the next look would be in 20 s: only the word can bring the change within the test's patience
    waker = _keep_saying(world)
    try:
        assert _state(next(events)) == {"status": "active"}
    finally:
        waker()
        response.close()


def test_without_redis_the_stream_polls(world: World) -> None:
    nowhere = Redis(
        host="127.0.0.1", port=1, socket_timeout=0.2, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)
    )
    state = {"status": "draft"}
    _, events = _open(dataclasses.replace(world, redis=nowhere), state, QUICK)
    next(events)
    state["status"] = "active"
    assert _state(next(events)) == {"status": "active"}


def test_silence_is_filled_with_comments(world: World) -> None:
    response, events = _open(world, {"status": "draft"}, Pace(look=0.01, comment=0.02, life=20))
    next(events)
    assert next(events).startswith(":")
    response.close()


def test_a_stream_ends_after_its_time(world: World) -> None:
    _, events = _open(world, {"status": "draft"}, Pace(look=0.01, comment=5, life=0.05))
    assert [_state(event) for event in events] == [{"status": "draft"}]


def test_a_stream_ends_when_the_thing_is_gone(world: World) -> None:
    state = {"status": "draft"}
    _, events = _open(world, state, QUICK)
    next(events)
    state.clear()
    assert list(events) == ["event: end\ndata: {}\n\n"]


def test_nothing_is_404(world: World) -> None:
    response, _ = _open(world, {}, QUICK)
    assert (response.status_code, response.content_type) == (404, "application/problem+json")


def test_streams_are_capped_per_address_and_seats_come_back(world: World) -> None:
    client = toy_app(world, state={"status": "draft"}, pace=QUICK).test_client()
    here, there = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "192.0.2.8"}
    opened = [client.get(EVENTS, environ_base=here) for _ in range(PER_ADDRESS)]
    assert client.get(EVENTS, environ_base=here).status_code == 429
    elsewhere = client.get(EVENTS, environ_base=there)
    assert elsewhere.status_code == 200
    opened.pop().close()
    again = client.get(EVENTS, environ_base=here)
    assert again.status_code == 200
    for response in [*opened, elsewhere, again]:
        response.close()


def test_a_stream_holds_no_connection_between_looks(world: World) -> None:
    response, events = _open(world, {"status": "draft"}, QUICK)
    next(events)
    assert world.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    response.close()


def _keep_saying(world: World) -> Callable[[], None]:
    """Publish until told to stop: the stream subscribes at a moment of its own."""
    stop = threading.Event()

    def say() -> None:
        while not stop.wait(0.05):
            world.redis.publish("turnup:toy", "")

    thread = threading.Thread(target=say)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join()

    return end
