"""The bus on a Kafka topic, by librdkafka.

A subject is a message's key, so its events are in one partition, in order. Each event is a CloudEvents document in
structured mode; its type stands in a header, too, for consumers that choose by it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.adapters.bus.errors import BusError
from app.core.settings import ConfigurationError

log = logging.getLogger(__name__)

TOPIC = "turnup.events"
"""Where EVENT_BUS_URL names none."""

DELIVERY_SECONDS = 8.0
"""How long a message may take with all retries: the relay holds a transaction meanwhile, which ends with the lease."""

CHECK_SECONDS = 3.0
CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"

GUARANTEES: Mapping[str, Any] = {
    # every replica in sync has a message before it counts, none is there twice or overtaken because of a retry
    "acks": "all",
    "enable.idempotence": True,
    "reconnect.backoff.max.ms": 1000,
}
FIXED = frozenset({*GUARANTEES, "bootstrap.servers", "message.timeout.ms"})
"""What the address's options cannot change."""

_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where the brokers are, and which topic; `options` are librdkafka's, by its names."""

    servers: str
    topic: str
    options: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """Read `kafka://[user:password@]host:port[,host:port]/topic[?option=value]`. Raises ConfigurationError.

        With a user the connection is SASL_SSL with PLAIN, unless the options say otherwise.
        """
        parts = urlsplit(url)
        login, _, servers = parts.netloc.rpartition("@")
        topic = unquote(parts.path.strip("/")) or TOPIC
        options: dict[str, str] = {}
        if login:
            user, _, password = login.partition(":")
            options = {"security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN"}
            options |= {"sasl.username": unquote(user), "sasl.password": unquote(password)}
        options |= dict(parse_qsl(parts.query))
        if parts.scheme != "kafka" or not servers or not _TOPIC_NAME.fullmatch(topic):
            raise ConfigurationError("EVENT_BUS_URL must be kafka://[user:password@]host:port[,host:port]/topic.")
        if fixed := sorted(FIXED & options.keys()):
            raise ConfigurationError(f"EVENT_BUS_URL cannot change {', '.join(fixed)}.")
        return cls(servers, topic, options)


class KafkaBus:
    """Nothing is connected to before the first event, so that a process may be forked after it was wired.

    `within`: seconds that it tries to get a message delivered.
    """

    def __init__(self, url: str, *, within: float = DELIVERY_SECONDS) -> None:
        self._address = Address.of(url)
        self._within = within
        self._producer: Producer | None = None

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        failures: list[str] = []

        def told(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error.str())

        producer = self._open()
        try:
            for event in events:
                producer.produce(
                    self._address.topic,
                    key=event["subject"].encode(),
                    value=json.dumps(event).encode(),
                    headers=[("content-type", CONTENT_TYPE), ("ce_type", event["type"].encode())],
                    on_delivery=told,
                )
            left = producer.flush(self._within + 1)
        except (KafkaException, BufferError) as error:
            self._let_go(producer)
            message = f"Kafka did not take the events: {error}"
            raise BusError(message) from error
        if left or failures:
            self._let_go(producer)
            reason = failures[0] if failures else "no answer"
            message = f"Kafka did not take {len(failures) + left} of {len(events)} events: {reason}"
            raise BusError(message)

    def check(self) -> str:
        try:
            found = self._open().list_topics(self._address.topic, timeout=CHECK_SECONDS)
        except KafkaException as error:
            message = f"Kafka does not answer: {error}"
            raise BusError(message) from error
        topic = found.topics[self._address.topic]
        if topic.error is not None:
            message = f"Kafka has no topic {self._address.topic} for us: {topic.error}"
            raise BusError(message)
        return f"{len(found.brokers)} brokers, topic {self._address.topic} with {len(topic.partitions)} partitions"

    def _open(self) -> Producer:
        if self._producer is None:
            wanted: dict[str, Any] = {
                **self._address.options,
                **GUARANTEES,
                "bootstrap.servers": self._address.servers,
                "message.timeout.ms": int(self._within * 1000),
                "error_cb": _note,
            }
            try:
                self._producer = Producer(wanted, logger=log)
            except KafkaException as error:
                message = f"EVENT_BUS_URL: {error}"
                raise ConfigurationError(message) from error
        return self._producer

    def _let_go(self, producer: Producer) -> None:
        """Drop what is on its way: all of it is given again, and what lingers here must not come out behind that."""
        producer.purge()
        producer.flush(0)
        self._producer = None


def _note(error: KafkaError) -> None:
    log.warning("Kafka: %s", error.str())
