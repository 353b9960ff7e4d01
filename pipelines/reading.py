"""What each step of a definition may refer to: outputs of the steps before it, inputs, the event, an element."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from pipelines.errors import ExpressionError
from pipelines.expressions import cel_paths
from pipelines.faults import Place
from pipelines.graph import Graph
from pipelines.inputs import properties_of
from pipelines.kinds import strings
from pipelines.references import RESERVED_ROOTS, Path, parse_template, path_text

EXPRESSIONS = frozenset({"when", "condition", "match"})
_READING = EXPRESSIONS | {"params", "output", "compensate", "for_each", "seconds", "until", "prompt", "context"}
_PER_ELEMENT = frozenset({"params", "compensate"})


def check_references(
    place: Place,
    steps: Sequence[Mapping[str, Any]],
    sound: Sequence[AbstractSet[str]],
    graph: Graph,
    inputs: Inputs,
    *,
    has_event: bool,
) -> None:
    """Record each reference of a step that cannot be resolved. `sound`: the keys of each step that are right."""
    bits = graph.ancestor_bits()
    for index, step in enumerate(steps):
        before = _Before(step["name"], bits[graph.numbers[step["name"]]], graph)
        for key in sorted(_READING & sound[index]):
            sight = _Sight(
                before,
                inputs,
                own=key == "compensate",
                element="for_each" in step and key in _PER_ELEMENT,
                of_element="for_each" in step,
                event=has_event or key == "match",
            )
            for at, path in located(place / index / key, key, step[key]):
                if message := sight.fault(path):
                    at.fault(f"{path_text(path)}: {message}")
                elif not before.ancestors and inputs.is_doubtful(path):
                    at.warn(f"{path_text(path)}: {path[0]} is not declared in input")


def located(place: Place, key: str, value: Any) -> Iterator[tuple[Place, Path]]:
    """Every path of a field with its place; what cannot be read has been reported already."""
    if key in EXPRESSIONS:
        yield from ((place, path) for path in sorted(cel_paths(value), key=str))
        return
    if key == "compensate":
        place, value = place / "params", value.get("params") if isinstance(value, Mapping) else None
    for at, text_of in strings(place, value):
        try:
            yield from ((at, piece) for piece in parse_template(text_of) if isinstance(piece, tuple))
        except ExpressionError:
            continue


class Inputs:
    """What the context is known to hold. `schema` is None when it cannot be used."""

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self.schema = schema
        self.declared = frozenset(properties_of(schema)) if schema else frozenset()
        self.is_closed = bool(schema and schema.get("additionalProperties") is False)

    def fault(self, path: Path, *, bare: bool) -> str | None:
        """A context that takes nothing undeclared decides: for a path into it, and for `bare` names with no step before."""
        if path[0] == "context":
            name = path[1] if len(path) > 1 else None
        else:
            name = path[0] if bare and path[0] not in RESERVED_ROOTS else None
        if name is None or not self.is_closed or name in self.declared:
            return None
        return "unknown path: the input does not declare it"

    def is_doubtful(self, path: Path) -> bool:
        """Whether a bare name is not declared, though others are."""
        return bool(self.declared) and path[0] not in RESERVED_ROOTS and path[0] not in self.declared


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one field of a step sees.

    `own`: the step's own output is there; `element`: item and index are; `of_element`: the step has them in other fields.
    """

    before: _Before
    inputs: Inputs
    own: bool
    element: bool
    of_element: bool
    event: bool

    def fault(self, path: Path) -> str | None:
        match path[0]:
            case "item" | "index" if not self.element:
                return (
                    "exists only in params and compensate" if self.of_element else "exists only in a step with for_each"
                )
            case "event" if not self.event:
                return "exists only in match, and in a definition with an event trigger"
            case "steps" if len(path) > 1:
                return self.before.fault(path, own=self.own)
        return self.inputs.fault(path, bare=not self.before.ancestors)


@dataclass(frozen=True, slots=True)
class _Before:
    """A step with its ancestors (as a bit set)."""

    name: str
    ancestors: int
    graph: Graph

    def fault(self, path: Path, *, own: bool) -> str | None:
        """What is wrong with a reference to a step, or to what only some have; `own`: its own output is there."""
        target = str(path[1])
        if target in self.graph.numbers and path[2:3] not in ((), ("output",)):
            return f"of a step there is only its output: steps.{target}.output"
        if target not in self.graph.numbers:
            return f"there is no step {target}"
        if target == self.name:
            return None if own else "a step cannot refer to its own output"
        precedes = self.ancestors >> self.graph.numbers[target] & 1
        return None if precedes else f"{target} does not precede this step"
