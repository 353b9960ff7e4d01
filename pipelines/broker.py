"""Celery's and kombu's plumbing where it cost more than the steps: the Redis transport, and the task events.

Measured per message on Redis: kombu makes a client object, with all of its tables, for every command; acknowledges in two
transactions; the worker publishes every task event by itself, and keeps every time limit until it would have run out. None of what is
changed here decides anything: recovery is the database's, events are for people.

It leans on internals of kombu 5.7 (`Channel._create_client`, `QoS.append`, `ack`, `pipe_or_acquire`, `_brpop_start`, `Timer._queue`) and Celery 5.7
(`EventDispatcher`).
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, bootsteps
from celery.app.events import Events
from celery.app.task import Context
from celery.events.dispatcher import EventDispatcher
from kombu.asynchronous import get_event_loop
from kombu.asynchronous.timer import Timer
from kombu.transport import redis, virtual
from kombu.utils.json import dumps

UNWRITTEN_SECONDS = 0.25
"""How long a delivered message may be at work before it is written down as not acknowledged."""

LAST_LANE_EVERY = 10
"""One message of so many is of the last lane, when both have some."""

EVENT_SECONDS = 0.1
"""How long task events wait for company."""

EVENT_LIMIT = 500
"""Task events that are published together at the most."""

FORGET_SECONDS = 5.0
"""How often a worker looks for time limits of tasks that have ended."""


class Acknowledgements(redis.QoS):
    """What is delivered and not yet acknowledged, kept in Redis as kombu keeps it, but only of what takes longer than a moment.

    Most messages are done before they would be written, and cost nothing then. A message whose worker's child dies is put
    back from here. What dies with the whole worker within that moment is sent again by the sweeper, as is all else that such
    a worker had: kombu's own restore comes much later.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._unwritten: dict[str, Any] = {}
        self._is_due = False

    def append(self, message: Any, delivery_tag: str) -> None:
        hub = get_event_loop()
        if hub is None:
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]
            return
        virtual.QoS.append(self, message, delivery_tag)  # type: ignore[no-untyped-call]
        self._unwritten[delivery_tag] = message
        if not self._is_due:
            self._is_due = True
            hub.call_later(UNWRITTEN_SECONDS, self._write)  # type: ignore[no-untyped-call]

    def ack(self, delivery_tag: str) -> None:
        if self._unwritten.pop(delivery_tag, None) is None:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]
        else:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        self._write()
        super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]

    def restore_unacked(self, client: Any = None) -> None:
        self._write()
        super().restore_unacked(client)  # type: ignore[no-untyped-call]

    def _write(self) -> None:
        """Write what is still at work."""
        self._is_due = False
        unwritten, self._unwritten = self._unwritten, {}
        if not unwritten:
            return
        with self.pipe_or_acquire() as pipe:
            for tag, message in unwritten.items():
                about = message.delivery_info
                pipe.zadd(self.unacked_index_key, {tag: time.time()})
                pipe.hset(self.unacked_key, tag, dumps([message._raw, about["exchange"], about["routing_key"]]))  # type: ignore[no-untyped-call]  # noqa: SLF001
            pipe.execute()

    @contextmanager
    def pipe_or_acquire(self, pipe: Any = None, client: Any = None) -> Iterator[Any]:
        if pipe:
            yield pipe
        else:
            with self.channel.conn_or_acquire(client) as connected:
                yield connected.pipeline(transaction=False)


class _LastFirst(list[int]):
    """Steps in ascending order, as kombu looks them up, that are gone through from the end."""

    def __iter__(self) -> Iterator[int]:
        return reversed(self)


class Channel(redis.Channel):
    """A channel with one client for all of its commands, over the same pool of connections, whose last lane never stands still."""

    QoS = Acknowledgements
    _commands: Any = None
    _asked = 0

    def _create_client(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 - kombu's signature
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        # after a fork, or when it was closed, the channel has another pool
        if self._commands is None or self._commands.connection_pool is not self.pool:
            self._commands = super()._create_client()  # type: ignore[no-untyped-call]
        return self._commands

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Ask for the next message: of the first lane that has one, but now and then of the last one.

        Else a first lane that is never empty would hold up all that is behind it: work, and the probes that tell how far
        the queues have been worked off.
        """
        self._asked += 1
        if self._asked % LAST_LANE_EVERY:
            super()._brpop_start(timeout)  # type: ignore[no-untyped-call]
            return
        in_order = self.priority_steps
        self.priority_steps = _LastFirst(in_order)
        try:
            super()._brpop_start(timeout)  # type: ignore[no-untyped-call]
        finally:
            self.priority_steps = in_order


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


class TimeLimits(bootsteps.StartStopStep):
    """Forgets the time limits of tasks that have ended.

    A worker holds a timer for each task's limit. Cancelled, it stays in the heap until it would have been due: with a limit of an
    hour, the timers of every task of the last hour. https://github.com/celery/celery/issues/5200
    """

    def start(self, parent: Any) -> None:
        """`parent`: the consumer. It starts its steps again, and clears the loop's timers, with each connection."""
        if parent.hub is not None:
            parent.hub.call_repeatedly(FORGET_SECONDS, forget_cancelled, parent.hub.timer)


def forget_cancelled(timer: Timer) -> None:
    """Drop what was cancelled from the timer's heap, in place: the loop holds the list."""
    queue = timer._queue  # noqa: SLF001 - there is no other way to what is not due
    queue[:] = [scheduled for scheduled in queue if not scheduled.entry.canceled]
    heapq.heapify(queue)


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
