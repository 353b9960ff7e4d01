"""What goes straight into Redis' lists is what Celery's own canvases would put there."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from celery import signals
from celery.app.task import Context
from kombu.exceptions import OperationalError
from redis import Redis

from app.core.settings import Settings
from app.embedded.machine import free_port
from pipelines.canvas import CelerySender, keep_only, sending_app
from pipelines.plan import Chain, Chord, Group, Hop, Segment

OWNER = UUID(int=7)
NAMED_BY_CHANCE = {"id", "correlation_id", "delivery_tag", "origin", "task_id", "reply_to", "root_id", "eta"}
# a signature on its way needs no name of its own yet, and no results are kept
LEFT_OUT = {"group", "group_id", "group_index", "ignore_result"}


class Broker:
    """A sender to two queues of its own, and what it has put there."""

    def __init__(self, url: str) -> None:
        self.sender = CelerySender(sending_app(url), lambda _: None)
        self.queues = [f"wire-{uuid4().hex[:8]}-{n}" for n in range(2)]
        self._redis = Redis.from_url(url)

    def hop(self, number: int, queue: int = 0) -> Hop:
        return Hop(number, f"a.task{number}", self.queues[queue])

    def send(self, segments: Sequence[Segment], **more: Any) -> None:
        self.sender.send_steps(OWNER, 42, segments, **more)

    def messages(self) -> list[dict[str, Any]]:
        """Everything in the queues, the oldest first, taken out; bodies decoded."""
        taken = []
        for queue in self.queues:
            for raw in self._redis.lrange(queue, 0, -1)[::-1]:
                message = json.loads(raw)
                message["body"] = json.loads(b64decode(message["body"]))
                taken.append(message)
            self._redis.delete(queue)
        return taken


@pytest.fixture
def broker(settings: Settings) -> Broker:
    return Broker(settings.celery_broker_url)


@pytest.fixture
def listened() -> Iterator[None]:
    """Somebody listens to what Celery publishes, so that everything goes Celery's way."""

    def listen(**_: object) -> None:
        pass

    signals.before_task_publish.connect(listen)
    yield
    signals.before_task_publish.disconnect(listen)


def segments(broker: Broker) -> list[Segment]:
    h = broker.hop
    return [
        Chord((Chain((h(1), h(2, 1))), Chain((h(3),))), h(4)),
        Group((Chain((h(5, 1),)), Chain((h(6), h(7), h(8, 1))))),
        Chain((h(9),)),
        Chain((h(10, 1), h(11))),
    ]


def alike(value: Any) -> Any:
    """Without what differs from one sending to the next."""
    if isinstance(value, dict):
        return {k: k if k in NAMED_BY_CHANCE else alike(v) for k, v in value.items() if k not in LEFT_OUT}
    return [alike(each) for each in value] if isinstance(value, list) else value


def without_names(value: Any) -> Any:
    """Signatures without the names that Celery gives them before they are sent."""
    if isinstance(value, dict):
        named = {"task_id", "reply_to"} if "subtask_type" not in value and "lang" not in value else set()
        return {k: without_names(v) for k, v in value.items() if k not in named}
    return [without_names(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("more", [{}, {"undo": True}, {"countdown": 30}])
def test_the_messages_are_those_of_celery(broker: Broker, listened: None, more: dict[str, Any]) -> None:
    broker.send(segments(broker), **more)
    celerys = broker.messages()
    signals.before_task_publish.receivers.clear()
    signals.before_task_publish.sender_receivers_cache.clear()
    broker.send(segments(broker), **more)
    ours = broker.messages()
    assert len(ours) == 6
    assert without_names(alike(ours)) == without_names(alike(celerys))
    if "countdown" in more:
        assert all(re.fullmatch(r"\d{4}-.*\+00:00", message["headers"]["eta"]) for message in ours)


def test_messages_of_one_canvas_share_a_group_and_are_told_apart(broker: Broker) -> None:
    broker.send(segments(broker)[:1])
    headers = [message["headers"] for message in broker.messages()]
    assert len({header["group"] for header in headers}) == 1
    assert len({header["id"] for header in headers}) == len(headers) == 2
    assert sorted(header["group_index"] for header in headers) == [0, 1]


def test_who_listens_to_publishing_hears_of_every_message(broker: Broker) -> None:
    heard: list[str] = []

    def listen(sender: str, **_: object) -> None:
        heard.append(sender)

    signals.before_task_publish.connect(listen)
    try:
        broker.send(segments(broker))
    finally:
        signals.before_task_publish.disconnect(listen)
    assert sorted(heard) == [f"a.task{n}" for n in (1, 10, 3, 5, 6, 9)]


def test_a_chain_is_carried_on_to_its_join(broker: Broker) -> None:
    h = broker.hop
    broker.send([Chord((Chain((h(1), h(2), h(3, 1))), Chain((h(5),))), h(4))])
    first = next(message for message in broker.messages() if message["headers"]["task"] == "a.task1")
    seen = []
    while True:
        args, _, embedded = first["body"]
        seen.append(args[2])
        request = Context(chain=embedded["chain"], chord=embedded["chord"], id="x", delivery_info={})
        if not keep_only(request, {2, 3, 4}):
            break
        broker.sender.carry(request)
        assert (request.chain, request.chord) == (None, None)
        (first,) = broker.messages()
    assert seen == [1, 2, 3, 4]


def test_a_broker_that_is_away_is_said_to_be() -> None:
    away = Broker(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(OperationalError):
        away.send([Chain((away.hop(1),))])


def test_the_first_of_a_canvas_is_taken_first(broker: Broker) -> None:
    broker.send([Group(tuple(Chain((broker.hop(n),)) for n in range(100)))])
    assert [message["body"][0][2] for message in broker.messages()] == list(range(100))
