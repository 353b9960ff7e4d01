"""One Celery task per operation and per other type of step, so that Flower, queues and limits work per operation."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from celery import Celery, Task
from celery.exceptions import Retry
from kombu.exceptions import OperationalError

from app.domains.workflows import service
from app.domains.workflows.service import Delivery, Outcome
from pipelines.canvas import UNDO, keep_only
from pipelines.definition import FOR_EACH_TASK, StepType
from pipelines.operations import Catalogue
from pipelines.plan import Chain, Hop, Segment, segments
from pipelines.retry import whole_seconds
from tasks.process import Process

log = logging.getLogger(__name__)


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
        carry_on(process, task, delivery, outcome)

    return step


def carry_on(process: Process, task: Task, delivery: Delivery, outcome: Outcome) -> None:
    """Keep of the message's continuation what is ready, send the rest, and end as Flower is to show it.

    Raises StepFailure, or Retry, after a failed attempt.
    """
    if outcome.retry_in is not None:
        keep_only(task.request, ())
        countdown = whole_seconds(outcome.retry_in)
        queue = (task.request.delivery_info or {}).get("routing_key")
        again = [Chain((Hop(number, task.name, queue),)) for number in outcome.ready]
        _send(process, delivery, again, countdown=countdown)
        raise Retry(outcome.error, when=countdown)
    # a failed step's message carries nothing on: Celery would take its continuation for failed as well
    carried = keep_only(task.request, () if outcome.error else outcome.ready)
    rest = [route for number, route in outcome.ready.items() if number not in carried]
    _send(process, delivery, segments(rest) if rest else ())
    if outcome.error is not None:
        raise StepFailure(outcome.error)


def _send(process: Process, delivery: Delivery, parts: Sequence[Segment], *, countdown: int | None = None) -> None:
    """What is committed is not undone by a broker that is away: the sweeper sends it then."""
    try:
        process.sender.send_steps(
            delivery.owner_id, delivery.execution_id, parts, countdown=countdown, undo=delivery.undo
        )
    except OperationalError:
        log.warning("the broker is away; what is ready of execution %s waits for the sweeper", delivery.execution_id)
