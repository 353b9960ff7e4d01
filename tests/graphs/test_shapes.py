"""Every small graph through the real engine: what plain canvases get wrong, shape by shape. Runs on every upgrade of Celery.

SHAPES=more in the environment adds the next size of each kind: six steps in any shape, seven in series-parallel ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pipelines.graph import Graph
from tests.graphs.observe import order_faults
from tests.graphs.shapes import Shape, acyclic, series_parallel
from tests.graphs.stack import Stack

pytestmark = pytest.mark.xdist_group("graphs")

MORE = [(acyclic, 6, 5984), (series_parallel, 7, 602)] if os.environ.get("SHAPES") == "more" else []
AT_ONCE = 100


@pytest.mark.parametrize(
    ("kind", "size", "number"),
    [
        (acyclic, 1, 1),
        (acyclic, 2, 2),
        (acyclic, 3, 6),
        (acyclic, 4, 31),
        (acyclic, 5, 302),
        (series_parallel, 6, 167),
        *MORE,
    ],
)
def test_every_shape_runs_each_step_once_in_order_to_the_end(
    stack: Stack, kind: Callable[[int], list[Shape]], size: int, number: int
) -> None:
    shapes = kind(size)
    assert len(set(shapes)) == len(shapes) == number, "these are not all shapes, or some twice"
    faults: dict[Shape, list[str]] = {}
    for first in range(0, number, AT_ONCE):
        faults |= run(stack, shapes[first : first + AT_ONCE])
    assert not faults


def run(stack: Stack, shapes: list[Shape]) -> dict[Shape, list[str]]:
    """Run these all at once; what is wrong with any."""
    started = {stack.start(steps_of(shape)): shape for shape in shapes}
    stack.observer.until_over(started)
    faults = {}
    for execution_id, seen in stack.observer.see(started).items():
        shape = started[execution_id]
        wanted = {each["name"]: each["depends_on"] for each in steps_of(shape)}
        wrong = order_faults(Graph.make(wanted), seen)
        if seen.execution.state != "completed":
            wrong.append(f"{seen.execution.state}: {seen.states}")
        wrong += [
            f"{what}: {seen.noted(what)}"
            for what in ("attempt", "effect")
            if sorted(seen.noted(what)) != sorted(wanted)
        ]
        if wrong:
            faults[shape] = wrong
    return faults


def steps_of(shape: Shape) -> list[dict[str, object]]:
    return [
        {
            "name": f"s{step}",
            "type": "service_call",
            "service": "test_service",
            "method": "note",
            "depends_on": [f"s{other}" for other in depends_on],
        }
        for step, depends_on in enumerate(shape)
    ]
