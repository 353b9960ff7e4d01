"""Canvases straight into Redis' lists: what Celery and kombu would put there, with one command for all of their messages.

Their own way from a canvas over its signatures, tasks and producers into a list costs 0.4 ms for one task and 1.7 ms for a
chord of two, which is more than the step before it; this costs a tenth. The messages are those of Celery's task protocol 2
(https://docs.celeryq.dev/en/stable/internals/protocol.html) in kombu's envelope: a chain travels in its first task's message, a chord's
body in the last tasks of its header. Other brokers, and applications that listen to Celery's publishing signals, get Celery's own
canvases (`pipelines.canvas`).
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import uuid4

from celery import Celery, signals
from celery.utils.nodenames import anon_nodename
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from pipelines.plan import Chain, Chord, Hop, Segment

PERSISTENT = 2
"""The delivery mode that Celery gives to every message."""


class Wire:
    """Puts messages into the lists of a Celery object's Redis. Any thread may use it, and a process after its fork."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._opened: tuple[int, Any] | None = None

    @property
    def _channel(self) -> Any:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), self._app.connection_for_write().channel()
        return self._opened[1]

    @cached_property
    def _origin(self) -> str:
        return str(anon_nodename())

    @property
    def is_open(self) -> bool:
        """Whether nobody wants to see each message before it is published, or to change it."""
        return not (signals.before_task_publish.receivers or signals.after_task_publish.receivers)

    def put_segments(
        self,
        segments: Sequence[Segment],
        where: Sequence[Any],
        mode: Sequence[Any],
        *,
        priorities: Sequence[int],
        countdown: int | None,
    ) -> None:
        """Put the canvases of these segments into their queues.

        Each task's arguments are `where`, its step's number and `mode`. `priorities`: each segment's. `countdown`: whole seconds.
        Raises kombu's OperationalError when the broker does not take them.
        """
        parents = self._parents()
        lists: dict[tuple[str, int], list[str]] = defaultdict(list)
        for segment, priority in zip(segments, priorities, strict=True):
            chains = [segment] if isinstance(segment, Chain) else segment.chains
            body = self._signature(segment.body, where, mode, priority) if isinstance(segment, Chord) else None
            group_id = None if isinstance(segment, Chain) else str(uuid4())
            for index, part in enumerate(chains):
                follow = [self._signature(hop, where, mode, priority) for hop in reversed(part.hops[1:])]
                if follow and body is not None:
                    follow[0]["options"] |= {"chord": body}
                head = part.hops[0]
                self._add(
                    lists,
                    head.task,
                    (*where, head.number, *mode),
                    queue=head.queue,
                    priority=priority,
                    countdown=countdown,
                    chain=follow or None,
                    chord=None if follow else body,
                    group_id=group_id,
                    group_index=None if group_id is None else index,
                    parents=parents,
                )
        self._push(lists)

    def put(self, signature: Mapping[str, Any], *, chain: Sequence[Any] = ()) -> None:
        """Put one serialised signature, with what follows it in its chain (the last one first), into its queue.

        Raises kombu's OperationalError when the broker does not take it.
        """
        options = signature["options"]
        lists: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._add(
            lists,
            signature["task"],
            signature["args"],
            queue=options.get("queue"),
            priority=options.get("priority", 0),
            chain=list(chain) or None,
            chord=options.get("chord"),
            parents=self._parents(),
        )
        self._push(lists)

    def _parents(self) -> tuple[str | None, str | None]:
        """The first task of what is going on here, and the one that is at work."""
        task = self._app.current_worker_task
        return (None, None) if task is None else (task.request.root_id or task.request.id, task.request.id)

    @staticmethod
    def _signature(hop: Hop, where: Sequence[Any], mode: Sequence[Any], priority: int) -> dict[str, Any]:
        options: dict[str, Any] = {} if hop.queue is None else {"queue": hop.queue}
        if priority:
            options["priority"] = priority
        args = [*where, hop.number, *mode]
        return {
            "task": hop.task,
            "args": args,
            "kwargs": {},
            "options": options,
            "subtask_type": None,
            "immutable": True,
        }

    def _add(
        self,
        lists: dict[tuple[str, int], list[str]],
        task: str,
        args: Sequence[Any],
        *,
        queue: str | None,
        priority: int,
        chain: Any,
        chord: Any,
        parents: tuple[str | None, str | None],
        countdown: int | None = None,
        group_id: str | None = None,
        group_index: int | None = None,
    ) -> None:
        root_id, parent_id = parents
        task_id, queue = str(uuid4()), queue or self._app.conf.task_default_queue
        content = json.dumps([args, {}, {"callbacks": None, "errbacks": None, "chain": chain, "chord": chord}])
        message = {
            "body": b64encode(content.encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {
                "lang": "py",
                "task": task,
                "id": task_id,
                "shadow": None,
                "eta": None if not countdown else (self._app.now() + timedelta(seconds=countdown)).isoformat(),
                "expires": None,
                "group": group_id,
                "group_index": group_index,
                "retries": 0,
                "timelimit": [None, None],
                "root_id": root_id or task_id,
                "parent_id": parent_id,
                "argsrepr": repr(tuple(args)),
                "kwargsrepr": "{}",
                "origin": self._origin,
                "ignore_result": True,
                "replaced_task_nesting": 0,
                "stamped_headers": None,
                "stamps": {},
            },
            "properties": {
                "correlation_id": task_id,
                "reply_to": "",
                "delivery_mode": PERSISTENT,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": priority,
                "body_encoding": "base64",
                "delivery_tag": str(uuid4()),
            },
        }
        lists[queue, priority].append(json.dumps(message))

    def _push(self, lists: Mapping[tuple[str, int], Sequence[str]]) -> None:
        try:
            channel = self._channel
            with channel.conn_or_acquire() as client:
                for (queue, priority), messages in lists.items():
                    client.lpush(channel._q_for_pri(queue, priority), *messages)  # noqa: SLF001 - a list per priority
        except (RedisError, OSError) as error:
            raise OperationalError(str(error)) from error
