"""The workflows that the programme makes for itself, and how each of them has to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]


def _call(name: str, method: str, *depends_on: str, **more: Any) -> Step:
    return {
        "name": name,
        "type": "service_call",
        "service": "chaos_service",
        "method": method,
        "depends_on": list(depends_on),
        **more,
    }


@dataclass(frozen=True, slots=True)
class Made:
    """A workflow of the programme. `ends`: state and rollback that are right; `cancelled`: it is cancelled under way.

    `answers`: steps that a person has to approve, or signals to send, under way. `weight`: how often, beside the others.
    """

    name: str
    steps: Sequence[Step]
    ends: tuple[str, str] = ("completed", "none")
    cancelled: bool = False
    approvals: tuple[str, ...] = ()
    weight: int = 2
    context: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        return {"name": self.name, "version": "1.0.0", "steps": list(self.steps), **self.more}


_GRAPH = (
    _call("a", "note"),
    _call("b", "deliver", "a"),
    _call("c", "note", "a"),
    _call("d", "deliver", "b", "c"),
    _call("e", "note", "d"),
    _call("f", "deliver", "d"),
    # no series-parallel graph: g waits for one of each pair
    _call("g", "note", "e", "c"),
    _call("h", "deliver", "e", "f", "g"),
)

WORKFLOWS: tuple[Made, ...] = (
    Made("chaos_graph", _GRAPH, weight=5),
    Made("chaos_rollback", (*_GRAPH, _call("z", "refuse", "h")), ends=("failed", "done"), weight=3),
    Made(
        "chaos_rough",
        (
            _call("a", "deliver", params={"refused": 1}),
            _call("b", "deliver", "a", params={"unanswered": 1}),
            _call("c", "deliver", "a", params={"refused": 1, "unanswered": 1}),
            _call("d", "note", "b", "c"),
            # not critical: its failure stops nothing, and what it began is undone
            _call("x", "refuse", "d", critical=False),
            _call("e", "deliver", "d", "x"),
        ),
    ),
    Made(
        "chaos_long",
        (
            _call("a", "deliver", params={"seconds": 1.5}),
            _call("b", "note", params={"seconds": 0.5}),
            _call("c", "note", "a", "b"),
        ),
    ),
    Made(
        "chaos_cancel",
        (_call("a", "note"), _call("b", "deliver", "a"), _call("c", "deliver", "b", params={"seconds": 1.5})),
        ends=("cancelled", "done"),
        cancelled=True,
    ),
    Made(
        "chaos_each",
        (
            _call("a", "note"),
            _call("b", "deliver", "a", for_each="${context.items}", params={"item": "${item}"}, max_parallel=3),
            _call("c", "note", "b", for_each="${context.items}", params={"item": "${item}"}),
            _call("d", "note", "c"),
        ),
        context={"items": [f"item{number}" for number in range(6)]},
    ),
    Made(
        "chaos_each_back",
        (
            _call("a", "deliver", for_each="${context.items}", params={"item": "${item}"}),
            _call("z", "refuse", "a"),
        ),
        ends=("failed", "done"),
        context={"items": ["one", "two", "three"]},
    ),
    Made(
        "chaos_wait",
        (
            _call("a", "deliver"),
            {"name": "pause", "type": "wait", "seconds": 2},
            _call("b", "note", "pause"),
            {"name": "ask", "type": "approval", "permission": "workflow:execute", "prompt": "Go on?"},
            _call("c", "deliver", "ask"),
        ),
        approvals=("ask",),
    ),
    Made(
        "chaos_parent",
        (
            _call("a", "note"),
            {"name": "child", "type": "sub_workflow", "workflow": "chaos_long"},
            _call("b", "note", "child"),
        ),
    ),
    Made(
        "chaos_parent_back",
        (
            _call("a", "deliver"),
            {"name": "child", "type": "sub_workflow", "workflow": "chaos_graph"},
            _call("z", "refuse", "child"),
        ),
        ends=("failed", "done"),
    ),
)
