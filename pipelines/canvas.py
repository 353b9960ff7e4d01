"""Segments as Celery canvases: chain, group, chord; how they are sent, and what of them is kept on the way.

PostgreSQL decides, the canvas carries. A step's commit finds which steps it has made ready; the continuation that came in
its message is kept only if it begins with such a step (`keep_only`), and what is ready and not carried is sent as a new
canvas. So a canvas may be old, doubled or too large and does no harm. Joins are decided by the same commit, which is why
the backend here counts nothing.

It leans on internals of Celery 5.7: `request.chain` and `request.chord` (read by the tracer after the body), and the layout
of serialised signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

from celery import Celery, chain, chord, group
from celery.app.task import Context
from celery.backends.base import DisabledBackend
from celery.canvas import Signature, maybe_signature
from kombu.exceptions import OperationalError

from pipelines.broker import TaskEvents, TimeLimits, transport_for
from pipelines.lanes import FIRST, LAST, Lanes
from pipelines.operations import DEFAULT_QUEUE
from pipelines.plan import Chain, Chord, Hop, Segment
from pipelines.wire import Wire

UNDO = "undo"
STEP_NUMBER = 2
"""Where the step's number stands in a message's arguments: owner, execution, step (, "undo")."""

POOL_LIMIT = 200
"""Connections to the broker at the most, kept open; no pool at all would open one for every message."""


class CommitBackend(DisabledBackend):
    """No results and no counters: a chord's body is sent by the step whose commit completed the join's last dependency.

    By the time this is called `keep_only` has taken the chord off every request whose commit did not.
    """

    def ensure_chords_allowed(self) -> None:
        pass

    def apply_chord(self, header_result_args: Any, body: Any, **kwargs: Any) -> None:
        pass

    def on_chord_part_return(self, request: Context, state: str, result: Any, **kwargs: Any) -> None:
        body = maybe_signature(request.chord, app=self.app)
        body.apply_async(root_id=request.root_id or request.id, parent_id=request.id)

    def get_state(self, task_id: str) -> str:
        return "PENDING"

    def store_result(self, *args: Any, **kwargs: Any) -> None:
        pass


def configure(
    app: Celery,
    *,
    broker_url: str,
    visibility_timeout: float,
    connect_timeout: float | None = None,
    task_events: bool = True,
    ack_emulation: bool = True,
) -> None:
    """The settings under which canvases were measured to be right.

    `visibility_timeout`: seconds, longer than the longest step. `connect_timeout`: for a process that must not hang when
    the broker is away: seconds for each connection and answer, and a single try. `task_events`: tell Flower of every step.
    `ack_emulation`: on Redis, note every delivered message until it is done; without, what a dead worker had is left to
    the sweeper alone, and the broker connection has to carry nothing but this project's tasks.
    """
    transport: dict[str, Any] = {}
    if (own := transport_for(broker_url)) is not None:
        transport = {
            "visibility_timeout": visibility_timeout,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "priority_steps": [FIRST, LAST],
            "ack_emulation": ack_emulation,
        }
    if connect_timeout is not None:
        once = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}
        transport |= {"socket_connect_timeout": connect_timeout, "socket_timeout": connect_timeout, **once}
    app.step_wire = Wire(app) if own else None
    app.steps["consumer"].add(TimeLimits)
    app.conf.update(
        broker_url=broker_url,
        broker_transport=own,
        # a group in leading position holds a producer per level: the default of 10 hangs where many threads send
        broker_pool_limit=POOL_LIMIT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=transport,
        task_publish_retry=connect_timeout is None,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_default_queue=DEFAULT_QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_track_started=True,
        worker_send_task_events=task_events,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_soft_shutdown_timeout=10,
        enable_utc=True,
    )


def celery_app(name: str = "turnup") -> Celery:
    """A Celery object with the backend above; `configure` gives it its broker."""
    return Celery(name, backend=CommitBackend, events=TaskEvents, set_as_current=False)


def sending_app(broker_url: str, *, connect_timeout: float = 0.2) -> Celery:
    """A Celery object that only sends, and gives up within `connect_timeout` seconds when the broker does not answer."""
    app = celery_app("turnup-sender")
    configure(app, broker_url=broker_url, visibility_timeout=3600, connect_timeout=connect_timeout)
    return app


class CelerySender:
    """Sends segments and plain tasks through one Celery object. `publish`: says something on a pub/sub channel."""

    def __init__(self, app: Celery, publish: Callable[[str], object]) -> None:
        self._app = app
        self._publish = publish
        self._wire: Wire | None = app.step_wire
        self._lanes = Lanes() if self._wire else None

    def send_steps(
        self,
        owner_id: UUID,
        execution_id: int,
        segments: Sequence[Segment],
        *,
        countdown: int | None = None,
        undo: bool = False,
    ) -> None:
        """Send these segments' canvases. `countdown`: whole seconds before they may start."""
        if not segments:
            return
        lanes = [FIRST if self._lanes is None else self._lanes.lane(owner_id, width(part)) for part in segments]
        if self._wire is not None and self._wire.is_open:
            where, mode = (str(owner_id), execution_id), (UNDO,) if undo else ()
            self._wire.put_segments(segments, where, mode, priorities=lanes, countdown=countdown)
            return
        options: dict[str, Any] = {"countdown": countdown} if countdown else {}
        with self._app.producer_pool.acquire(block=True) as producer:
            for segment, lane in zip(segments, lanes, strict=True):
                signature = canvas(
                    self._app, segment, owner_id=owner_id, execution_id=execution_id, undo=undo, priority=lane
                )
                signature.apply_async(producer=producer, **options)

    def carry(self, request: Context) -> None:
        """Send what `keep_only` has left of this request's continuation. What is not sent here Celery sends itself."""
        if self._wire is None or not self._wire.is_open:
            return
        following, body = request.chain, request.chord
        request.chain = request.chord = None
        if following:
            self._wire.put(following[-1], chain=following[:-1])
        elif body:
            self._wire.put(body)

    def send_task(self, name: str, *args: str | int) -> None:
        """Send one plain task by name."""
        self._app.send_task(name, args=args)

    def send_probe(self, name: str, queue: str, *args: str | float) -> None:
        """Send one plain task to a queue, behind everything that waits there."""
        priority = FIRST if self._lanes is None else LAST
        self._app.send_task(name, args=(queue, *args), queue=queue, priority=priority)

    def is_reachable(self) -> bool:
        """Whether the broker answers right now."""
        with self._app.connection_for_write() as connection:
            try:
                connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            except OperationalError:
                return False
            return True

    def wake(self, channel: str) -> None:
        """Tell whoever listens on a channel that something changed."""
        self._publish(channel)


def canvas(
    app: Celery, segment: Segment, *, owner_id: UUID, execution_id: int, undo: bool = False, priority: int = FIRST
) -> Signature:
    """A segment as a chain, group or chord of immutable signatures that carry ids only."""
    where = (str(owner_id), execution_id)
    mode = (UNDO,) if undo else ()

    def task(hop: Hop) -> Signature:
        options: dict[str, Any] = {"queue": hop.queue} if hop.queue else {}
        if priority != FIRST:
            options["priority"] = priority
        return app.signature(hop.task, args=(*where, hop.number, *mode), immutable=True, options=options)

    def run(part: Chain) -> Signature:
        tasks = [task(hop) for hop in part.hops]
        return tasks[0] if len(tasks) == 1 else chain(*tasks, app=app)

    match segment:
        case Chain():
            return run(segment)
        case Chord(chains, body):
            return chord([run(part) for part in chains], task(body), app=app)
        case _:
            return group([run(part) for part in segment.chains], app=app)


def width(segment: Segment) -> int:
    """The messages with which a segment begins."""
    return 1 if isinstance(segment, Chain) else len(segment.chains)


def keep_only(request: Context, ready: Collection[int]) -> set[int]:
    """The filter: leave of this request's continuation only what begins with a step in `ready`.

    Returns the numbers of the steps that the continuation carries; whoever calls sends the rest of `ready`. (What follows
    in a message is always one task: the next of a chain, or at the end of the chain the body of its chord.)
    """
    if request.chain:
        carried = _number(request.chain[-1])
        if carried in ready:
            return {carried}
        request.chain = None
        request.chord = None
        return set()
    if request.chord:
        carried = _number(request.chord)
        if carried in ready:
            return {carried}
        request.chord = None
    return set()


def _number(signature: Any) -> int:
    return int(signature["args"][STEP_NUMBER])
