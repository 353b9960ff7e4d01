"""The work that every side does: graphs of steps that each insert one row into the ledger.

`seven` is W: s1 -> (s2 || s3) -> s4 -> (s5 || s6) -> s7. `wide` is O: 200 parallel steps and a join. `long` is C: a chain
of 100.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, LENGTH = 200, 100
OPERATION = ("benchmark_service", "insert")


@dataclass(frozen=True, slots=True)
class Shape:
    """A graph: each step's name with the names of those that it depends on, in topological order."""

    name: str
    steps: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.steps]

    def __len__(self) -> int:
        return len(self.steps)

    def document(self, *, name: str | None = None, inline: bool = False) -> dict[str, Any]:
        """The graph as a workflow definition. `inline`: straight chains run on in the worker."""
        document = {
            "name": name or self.name,
            "version": "1.0.0",
            "steps": [step(each, depends_on) for each, depends_on in self.steps],
        }
        return document | ({"inline": True} if inline else {})


def step(name: str, depends_on: Sequence[str], **more: Any) -> dict[str, Any]:
    """An ordinary step whose operation inserts one row."""
    service, method = OPERATION
    return {
        "name": name,
        "type": "service_call",
        "service": service,
        "method": method,
        "depends_on": list(depends_on),
        **more,
    }


def _shape(name: str, steps: Mapping[str, Sequence[str]]) -> Shape:
    return Shape(name, tuple((each, tuple(before)) for each, before in steps.items()))


def chain(length: int) -> Shape:
    """One step after the other."""
    return _shape(f"chain_{length}", {f"c{n}": [f"c{n - 1}"] if n else [] for n in range(length)})


def fan_out(width: int) -> Shape:
    """Parallel steps and a join."""
    wide: dict[str, Sequence[str]] = {f"w{n}": [] for n in range(width)}
    return _shape(f"fan_{width}", wide | {"join": list(wide)})


def blocks(number: int, *, width: int = 8) -> Shape:
    """`number` times a fork, `width` parallel steps and a join, one block after the other."""
    steps: dict[str, Sequence[str]] = {}
    last: list[str] = []
    for n in range(number):
        steps[f"fork{n}"] = last
        inner = [f"b{n}w{w}" for w in range(width)]
        steps |= {name: [f"fork{n}"] for name in inner}
        steps[f"join{n}"] = inner
        last = [f"join{n}"]
    return _shape(f"blocks_{len(steps)}", steps)


SEVEN = _shape(
    "seven",
    {"s1": [], "s2": ["s1"], "s3": ["s1"], "s4": ["s2", "s3"], "s5": ["s4"], "s6": ["s4"], "s7": ["s5", "s6"]},
)
WIDE = Shape("wide", fan_out(WIDTH).steps)
LONG = Shape("long", chain(LENGTH).steps)
SHAPES = {shape.name: shape for shape in (SEVEN, WIDE, LONG)}
