"""Our side: ordinary executions, two workers of one child, beat with the sweeper and the relay beside them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from app.core.waker import Waker
from app.domains.workflows import service
from app.domains.workflows.errors import InvalidDefinition
from benchmarks.sides import TIMEOUT_SECONDS
from benchmarks.stack import Stack, beat, processes, turnup_workers
from benchmarks.workload import SHAPES, Shape

INLINE = "_inline"
LOOK_SECONDS = 0.02


class ExecutionFailed(Exception):
    """An execution of the benchmark did not complete."""


class Turnup:
    """Starts executions in this process, as the API does, and waits for them at the database."""

    def __init__(self, stack: Stack, *, pids: list[int], inline: bool = False) -> None:
        self.pids = pids
        self._stack = stack
        self._suffix = INLINE if inline else ""
        self._ran: dict[int, Shape] = {}

    def start(self, workflow: str, context: Mapping[str, Any] | None = None) -> int:
        """Begin an execution; returns its id once it is committed and sent."""
        with self._stack.world.database.transaction(self._stack.owner) as session:
            return service.start(session, workflow=workflow, context=context or {}, trigger_type="manual")

    def wait(self, executions: list[int]) -> None:
        """Until all of these are completed. Raises ExecutionFailed when one fails or time runs out."""
        end = time.monotonic() + TIMEOUT_SECONDS
        query = (
            "SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state IN ('failed', 'cancelled')) "
            f"FROM workflow_executions WHERE id BETWEEN {min(executions)} AND {max(executions)}"
        )
        # one is waited for as the API does, by the word that it has ended; many by looking now and then
        channel = f"turnup:execution/{executions[0]}"
        many = len(executions) > 1
        with nullcontext() if many else Waker(self._stack.world.redis, channel) as waker:
            while True:
                done, failed = self._stack.sql(query)[0]
                if done == len(executions):
                    return
                if failed or time.monotonic() > end:
                    message = f"{done} of {len(executions)} executions completed, {failed} failed"
                    raise ExecutionFailed(message)
                if waker is None:
                    time.sleep(LOOK_SECONDS)
                else:
                    waker.wait(1.0)

    def run(self, workflow: str, number: int = 1, context: Mapping[str, Any] | None = None) -> float:
        """So many executions at once; seconds until all were completed."""
        begun = time.perf_counter()
        self.wait([self.start(workflow, context) for _ in range(number)])
        return time.perf_counter() - begun

    def one(self, shape: Shape) -> float:
        return self.burst(shape, 1)

    def burst(self, shape: Shape, number: int) -> float:
        begun = time.perf_counter()
        started = [self.start(shape.name + self._suffix) for _ in range(number)]
        self.wait(started)
        took = time.perf_counter() - begun
        self._ran |= dict.fromkeys(started, shape)
        return took

    def ran(self) -> dict[int, Shape]:
        ran, self._ran = self._ran, {}
        return ran


def define(stack: Stack, documents: list[dict[str, Any]]) -> None:
    """Save these workflows."""
    with stack.world.database.transaction(stack.owner) as session:
        for document in documents:
            service.create_workflow(session, document=document)


def define_shapes(stack: Stack) -> list[str]:
    """Save the workload's workflows; returns the columns that there are: `hop`, and `inline` where it can be said."""
    define(stack, [shape.document() for shape in SHAPES.values()])
    try:
        define(stack, [shape.document(name=shape.name + INLINE, inline=True) for shape in SHAPES.values()])
    except InvalidDefinition:
        return ["hop"]
    return ["hop", "inline"]


@contextmanager
def running(
    stack: Stack, *, events: bool, inline: bool = False, with_beat: bool = True, workers: int = 2
) -> Iterator[Turnup]:
    """Our processes, warm when the block begins."""
    settings = replace(stack.settings, task_events=events)
    with (
        processes(settings, beat() if with_beat else {}),
        processes(settings, turnup_workers(number=workers, events=events)) as started,
    ):
        yield Turnup(stack, pids=[process.pid for process in started], inline=inline)
