"""The two buses on what is really there: a stream on the tests' Valkey, and a topic on librdkafka's own mock brokers."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition
from redis import Redis

from app.adapters.bus.kafka import KafkaBus
from app.adapters.bus.port import Bus
from app.adapters.bus.redis_streams import STREAM, RedisStreamsBus
from app.core.ids import new_id
from app.embedded.machine import LOOPBACK, free_port

ANSWER_SECONDS = 10.0
CHUNK = 65536


@dataclass(frozen=True)
class Bench:
    """A bus, what has arrived on it, and the same bus where nothing answers."""

    bus: Bus
    arrived: Callable[[], list[dict[str, Any]]]
    away: Bus


def redis_bench(redis: Redis) -> Bench:
    """From now on; what was on the stream before is not told."""
    newest: Any = redis.xrevrange(STREAM, count=1)
    since = f"({newest[0][0].decode()}" if newest else "-"

    def arrived() -> list[dict[str, Any]]:
        entries: Any = redis.xrange(STREAM, min=since)
        return [json.loads(fields[b"event"]) for _, fields in entries]

    nowhere = Redis(host=LOOPBACK, port=free_port(), socket_connect_timeout=1, socket_timeout=1)
    return Bench(RedisStreamsBus(redis), arrived, RedisStreamsBus(nowhere))


@contextmanager
def kafka_brokers(number: int = 3) -> Iterator[str]:
    """Addresses of brokers that speak Kafka's protocol; they live as long as the client that made them."""
    cluster = Producer({"test.mock.num.brokers": number, "bootstrap.servers": "none"})
    brokers = cluster.list_topics(timeout=ANSWER_SECONDS).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del cluster


def kafka_bench(brokers: str) -> Bench:
    """On a topic of its own."""
    topic = f"events-{new_id().hex}"
    away = KafkaBus(f"kafka://{LOOPBACK}:{free_port()}/{topic}", within=0.5)
    return Bench(
        KafkaBus(f"kafka://{brokers}/{topic}"),
        lambda: [json.loads(message.value() or b"") for message in consumed(brokers, topic)],
        away,
    )


def consumed(brokers: str, topic: str) -> list[Message]:
    """All messages of a topic, partition after partition, in each of them in order."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": new_id().hex, "enable.auto.commit": False})
    found: list[Message] = []
    try:
        for number in consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=ANSWER_SECONDS)
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
            for _ in range(high - low):
                message = consumer.poll(ANSWER_SECONDS)
                assert message is not None
                assert message.error() is None
                found.append(message)
    finally:
        consumer.close()
    return found


class _Forwarding(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    target: tuple[str, int]


class _Forward(socketserver.BaseRequestHandler):
    server: _Forwarding

    def handle(self) -> None:
        with socket.create_connection(self.server.target) as other:
            back = threading.Thread(target=_pump, args=(other, self.request), daemon=True)
            back.start()
            _pump(self.request, other)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def forwarded(port: int, address: str) -> Iterator[None]:
    """Whoever connects to that port of this machine reaches the address."""
    host, _, number = address.partition(":")
    with _Forwarding((LOOPBACK, port), _Forward) as server:
        server.target = (host, int(number))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
