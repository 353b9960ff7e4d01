"""One Celery task per operation and per other type of step, so that Flower, queues and limits work per operation.

In an execution that is `inline`, the worker whose commit made steps ready goes on with one of them itself. Each still has its
row, its claim and its commit, and its own task events; what is lost with the worker is the attempt in flight.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from celery import Celery, Task
from celery.exceptions import Retry
from kombu.exceptions import OperationalError

from app.domains.workflows import service
from app.domains.workflows.service import Delivery, Outcome
from pipelines.broker import Narrator
from pipelines.canvas import UNDO, keep_only
from pipelines.definition import FOR_EACH_TASK, StepType
from pipelines.operations import Catalogue
from pipelines.plan import Chain, Hop, Route, Segment, segments
from pipelines.retry import whole_seconds
from tasks.process import Process

log = logging.getLogger(__name__)

RUN_ON_STEPS = 100
"""Steps with which a worker goes on by itself before the next one travels as a message again."""

RUN_ON_SECONDS = 5.0
"""The same in time: others wait for this worker, too."""


class StepFailure(Exception):
    """An attempt of a step failed; what happened is in the step's row. Raised so that Flower shows FAILURE."""


def register(app: Celery, process: Process, operations: Catalogue) -> None:
    """A task under each operation's name, and under `engine.<type>` for the steps that call none, or call one per element."""
    names = [operation.name for operation in operations]
    names += [f"engine.{kind.value}" for kind in StepType if kind is not StepType.SERVICE_CALL]
    names.append(FOR_EACH_TASK)
    for name in names:
        app.task(name=name, bind=True)(_task(process))


def _task(process: Process) -> Any:
    def step(task: Task, owner_id: str, execution_id: int, number: int, mode: str | None = None) -> None:
        request = task.request
        delivery = Delivery(
            owner_id=UUID(owner_id),
            execution_id=execution_id,
            number=number,
            undo=mode == UNDO,
            redelivered=bool((request.delivery_info or {}).get("redelivered")),
            worker=request.hostname,
            task_id=request.id,
        )
        outcome = service.run(process.world, delivery)
        # a failed step ends as such, and what goes on without it travels
        if outcome.inline and outcome.error is None:
            _run_on(process, task, delivery, outcome)
        else:
            carry_on(process, task, delivery, outcome)

    return step


def carry_on(process: Process, task: Task, delivery: Delivery, outcome: Outcome) -> None:
    """Keep of the message's continuation what is ready, send the rest, and end as Flower is to show it.

    Raises StepFailure, or Retry, after a failed attempt.
    """
    if outcome.retry_in is not None:
        keep_only(task.request, ())
        queue = (task.request.delivery_info or {}).get("routing_key")
        raise Retry(outcome.error, when=_send_retry(process, delivery, outcome, task.name, queue))
    # a failed step's message carries nothing on: Celery would take its continuation for failed as well
    carried = keep_only(task.request, () if outcome.error else outcome.ready)
    if carried:
        _sent(delivery, lambda: process.sender.carry(task.request))
    _send(process, delivery, _apart(outcome.ready, carried))
    if outcome.error is not None:
        raise StepFailure(outcome.error)


def _run_on(process: Process, task: Task, delivery: Delivery, outcome: Outcome) -> None:
    """Go on with one ready step after the other, in this process; the others are sent first, so that they run beside it."""
    keep_only(task.request, ())
    end = time.monotonic() + RUN_ON_SECONDS
    narrator = process.narrator
    try:
        for _ in range(RUN_ON_STEPS):
            if not outcome.inline or time.monotonic() > end:
                break
            number = min(outcome.inline)
            _send(process, delivery, _apart(outcome.ready, {number}))
            hop, delivery = outcome.ready[number].hops[0], replace(delivery, number=number, redelivered=False)
            delivery = replace(delivery, task_id=str(uuid4()))
            outcome = _one_more(process, narrator, task, hop, delivery)
        _send(process, delivery, _apart(outcome.ready, ()))
    finally:
        narrator.flush()


def _one_more(process: Process, narrator: Narrator, task: Task, hop: Hop, delivery: Delivery) -> Outcome:
    """One step without a message. Whatever becomes of it, the message's own step is done; so nothing is raised."""
    told, request, begun = delivery.task_id or "", task.request, time.monotonic()
    args = repr((str(delivery.owner_id), delivery.execution_id, delivery.number))
    root = request.root_id or request.id
    narrator.tell(
        "received", request, told, name=hop.task, args=args, kwargs="{}", root_id=root, parent_id=request.id, retries=0
    )
    narrator.tell("started", request, told)
    try:
        outcome = service.run(process.world, delivery)
    except Exception as error:
        log.exception(
            "step %s of execution %s, run on with, waits for the sweeper", delivery.number, delivery.execution_id
        )
        narrator.tell("failed", request, told, exception=repr(type(error)), traceback="")
        return Outcome()
    if outcome.retry_in is not None:
        narrator.tell("retried", request, told, exception=outcome.error, traceback="")
        _send_retry(process, delivery, outcome, hop.task, hop.queue)
        return Outcome()
    if outcome.error is not None:
        narrator.tell("failed", request, told, exception=f"StepFailure({outcome.error!r})", traceback="")
    else:
        narrator.tell("succeeded", request, told, result="None", runtime=time.monotonic() - begun)
    return outcome


def _apart(ready: Mapping[int, Route], besides: set[int] | tuple[()]) -> Sequence[Segment]:
    rest = [route for number, route in ready.items() if number not in besides]
    return segments(rest) if rest else ()


def _send_retry(process: Process, delivery: Delivery, outcome: Outcome, task: str, queue: str | None) -> int:
    """Send the next attempt with a countdown; returns it, in seconds."""
    countdown = whole_seconds(outcome.retry_in or 0)
    again = [Chain((Hop(number, task, queue),)) for number in outcome.ready]
    _send(process, delivery, again, countdown=countdown)
    return countdown


def _send(process: Process, delivery: Delivery, parts: Sequence[Segment], *, countdown: int | None = None) -> None:
    if parts:
        _sent(
            delivery,
            lambda: process.sender.send_steps(
                delivery.owner_id, delivery.execution_id, parts, countdown=countdown, undo=delivery.undo
            ),
        )


def _sent(delivery: Delivery, send: Callable[[], None]) -> None:
    """What is committed is not undone by a broker that is away: the sweeper sends it then."""
    try:
        send()
    except OperationalError:
        log.warning("the broker is away; what is ready of execution %s waits for the sweeper", delivery.execution_id)
