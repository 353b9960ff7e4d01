"""Celery's and kombu's plumbing where it cost more than the steps: the Redis transport, and the task events.

Measured per message on Redis: kombu makes a client object, with all of its tables, for every command; acknowledges in two
transactions; and the worker publishes every task event by itself. None of what is changed here decides anything: recovery is the
database's, events are for people.

It leans on internals of kombu 5.7 (`Channel._create_client`, `QoS.pipe_or_acquire`) and Celery 5.7 (`EventDispatcher`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from celery.app.events import Events
from celery.app.task import Context
from celery.events.dispatcher import EventDispatcher
from kombu.asynchronous import get_event_loop
from kombu.transport import redis

EVENT_SECONDS = 0.1
"""How long task events wait for company."""

EVENT_LIMIT = 500
"""Task events that are published together at the most."""


class Acknowledgements(redis.QoS):
    """What is delivered and not yet acknowledged, as kombu keeps it; the two writes of each in one go, without a transaction.

    Whatever a connection that breaks between the two leaves behind is found by kombu's own restore, or by the sweeper.
    """

    @contextmanager
    def pipe_or_acquire(self, pipe: Any = None, client: Any = None) -> Iterator[Any]:
        if pipe:
            yield pipe
        else:
            with self.channel.conn_or_acquire(client) as connected:
                yield connected.pipeline(transaction=False)


class Channel(redis.Channel):
    """A channel with one client for all of its commands, over the same pool of connections."""

    QoS = Acknowledgements
    _commands: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        # after a fork, or when it was closed, the channel has another pool
        if self._commands is None or self._commands.connection_pool is not self.pool:
            self._commands = super()._create_client()  # type: ignore[no-untyped-call]
        return self._commands


class RedisTransport(redis.Transport):
    """kombu's Redis transport with these channels."""

    Channel = Channel


class Dispatcher(EventDispatcher):
    """Publishes a worker's task events by the tenth of a second rather than one by one."""

    _is_awaited = False

    def __init__(self, *args: Any, on_send_buffered: Any = None, **options: Any) -> None:
        # only where an event loop runs does the worker ask for buffering
        waits = self._wait if on_send_buffered else None
        super().__init__(*args, on_send_buffered=waits, **{"buffer_limit": EVENT_LIMIT, **options})

    def _wait(self) -> None:
        if not self._is_awaited:
            self._is_awaited = True
            loop: Any = get_event_loop()
            loop.call_later(EVENT_SECONDS, self._flush_now)

    def _flush_now(self) -> None:
        self._is_awaited = False
        self.flush()


class TaskEvents(Events):
    """The events of a Celery object, sent by the dispatcher above."""

    dispatcher_cls = Dispatcher


class Narrator:
    """Task events of steps that run on in a worker without a message of their own, told in the words of Celery's.

    They are published together when the worker turns to the next message. `app`: the worker's Celery object.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._dispatcher: Any = None

    def tell(self, event: str, request: Context, task_id: str, **fields: Any) -> None:
        """An event (`started`) of the task `task_id`, which ran on in the place of `request`."""
        if not self._app.conf.worker_send_task_events:
            return
        if self._dispatcher is None:
            connection = self._app.connection_for_write()
            self._dispatcher = self._app.events.Dispatcher(
                connection, hostname=request.hostname, buffer_group=["task"], buffer_limit=EVENT_LIMIT
            )
        self._dispatcher.send(f"task-{event}", uuid=task_id, **fields)

    def flush(self) -> None:
        """Publish what was told. What a broker that is away does not take is lost, and the next event connects anew."""
        if self._dispatcher is None:
            return
        self._dispatcher.flush()
        if self._dispatcher._outbound_buffer:  # noqa: SLF001 - what could not be published; it is asked nowhere else
            self._dispatcher.close()
            self._dispatcher = None


def transport_for(broker_url: str) -> str | None:
    """The transport class of a broker's URL where it is ours; None: kombu's own."""
    scheme = broker_url.partition("://")[0]
    return f"{__name__}:{RedisTransport.__name__}" if scheme in {"redis", "rediss"} else None
