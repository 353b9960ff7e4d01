"""Document -> definition. A definition that cannot run cannot be saved: every fault is found at once, with its place.

`validate` reports, `load` raises; `normalise` writes out what the document leaves unsaid (each step's dependencies, the
full schema of the input, the version). Normalised documents are what is stored and pinned by executions:
`step_from_document` rebuilds their steps without checking anything again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, SchemaError

from pipelines.definition import (
    Compensate,
    Concurrency,
    OnFalse,
    OnTimeout,
    Step,
    StepType,
    Trigger,
    Workflow,
)
from pipelines.documents import parse
from pipelines.errors import DefinitionError, ExpressionError, Fault
from pipelines.expressions import cel_paths
from pipelines.faults import (
    Findings,
    Place,
    an_object,
    anything,
    boolean,
    check_keys,
    number,
    text,
    texts,
)
from pipelines.graph import Graph, find_cycles
from pipelines.kinds import MAX_SECONDS, Known, check_kind, check_value, strings
from pipelines.operations import Catalogue
from pipelines.references import RESERVED_ROOTS, Path, parse_template, path_text
from pipelines.retry import policy_from_document

__all__ = [
    "DEFAULT_VERSION",
    "MAX_STEPS",
    "Report",
    "check_input",
    "load",
    "normalise",
    "parse",
    "step_from_document",
    "validate",
    "with_defaults",
    "workflow_from_document",
]

MAX_STEPS = 1000
DEFAULT_VERSION = "1.0.0"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def _name(value: Any) -> str | None:
    fine = isinstance(value, str) and _NAME.fullmatch(value)
    return None if fine else "has to be a name of a-z, 0-9 and _, beginning with a letter, of at most 100 characters"


def _version(value: Any) -> str | None:
    fine = isinstance(value, str) and len(value) <= 100 and _VERSION.fullmatch(value)  # noqa: PLR2004 - fits its column
    return None if fine else "has to be a semantic version such as 1.2.0, as text"


def _steps(value: Any) -> str | None:
    return None if isinstance(value, list) and value else "has to be a list with at least one step"


_KEYS = {
    "name": _name,
    "version": _version,
    "description": text,
    "input": an_object,
    "max_duration_seconds": number(above=0, most=MAX_SECONDS),
    "deadline_seconds": number(above=0, most=MAX_SECONDS),
    "rollback_on_failure": boolean,
    "tags": texts,
    "steps": _steps,
}
_LATER = {"triggers": "triggers", "concurrency": "concurrency", "suppresses": "suppresses"}


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say of a document. `workflow` is None when there are faults."""

    workflow: Workflow | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def validate(document: Any, operations: Catalogue, *, max_steps: int = MAX_STEPS) -> Report:
    """Check a document against the language and the operations that exist. Never raises for what it finds."""
    findings = Findings()
    place = Place(findings)
    try:
        if place.check(document, an_object):
            _check(place, document, Known(operations), max_steps)
    except RecursionError:
        place.fault("nested too deeply")
    if findings.faults:
        return Report(None, tuple(findings.faults), tuple(findings.warnings))
    return Report(workflow_from_document(normalise(document)), (), tuple(findings.warnings))


def load(document: Any, operations: Catalogue, *, max_steps: int = MAX_STEPS) -> Workflow:
    """The workflow in a document. Raises DefinitionError with all faults."""
    report = validate(document, operations, max_steps=max_steps)
    if report.workflow is None:
        raise DefinitionError(report.faults)
    return report.workflow


def normalise(document: Mapping[str, Any]) -> dict[str, Any]:
    """A checked document with what it leaves unsaid written out. Normalising twice changes nothing."""
    steps: list[dict[str, Any]] = []
    for step in document["steps"]:
        before = [steps[-1]["name"]] if steps else []
        steps.append({**step, "depends_on": list(step.get("depends_on", before))})
    written = {"version": DEFAULT_VERSION, **document, "steps": steps}
    return {**written, "input": _schema(document.get("input", {}))}


def workflow_from_document(document: Mapping[str, Any]) -> Workflow:
    """A normalised document as a workflow; nothing is checked."""
    plain = ("description", "input", "max_duration_seconds", "deadline_seconds", "rollback_on_failure", "inline")
    concurrency = document.get("concurrency")
    return Workflow(
        name=document["name"],
        version=document["version"],
        steps=tuple(step_from_document(step) for step in document["steps"]),
        tags=tuple(document.get("tags", ())),
        triggers=tuple(Trigger(**trigger) for trigger in document.get("triggers", ())),
        concurrency=Concurrency(**concurrency) if concurrency else None,
        suppresses=tuple(document.get("suppresses", ())),
        **{key: document[key] for key in plain if key in document},
    )


def step_from_document(document: Mapping[str, Any]) -> Step:
    """A step of a normalised document; nothing is checked."""
    values: dict[str, Any] = {**document, "type": StepType(document["type"])}
    values["depends_on"] = tuple(document.get("depends_on", ()))
    if "retry" in values:
        values["retry"] = policy_from_document(values["retry"])
    if "on_false" in values:
        values["on_false"] = OnFalse(values["on_false"])
    if "on_timeout" in values:
        values["on_timeout"] = OnTimeout(values["on_timeout"])
    if values.get("compensate", "none") != "none":
        compensate = values["compensate"]
        values["compensate"] = Compensate(compensate) if isinstance(compensate, str) else Compensate(**compensate)
    return Step(**values)


def check_input(document: Mapping[str, Any], context: Mapping[str, Any]) -> list[Fault]:
    """Faults of a context against a normalised definition's input. Null for an input that may be left out is as left out."""
    findings = Findings()
    place = Place(findings)
    for name in sorted(RESERVED_ROOTS & context.keys()):
        (place / name).fault(f"{name} is a reserved name")
    schema = _schema(document.get("input", {}))
    required = set(schema.get("required", ()))
    try:
        check_value(place, {k: v for k, v in context.items() if v is not None or k in required}, schema)
    except RecursionError:
        place.fault("nested too deeply")
    return findings.faults


def with_defaults(document: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """The context with every declared input: one that was not given has its schema's default, else it is null."""
    properties = _schema(document.get("input", {})).get("properties", {})
    defaults = {name: schema.get("default") for name, schema in properties.items() if isinstance(schema, Mapping)}
    given = {name: value for name, value in context.items() if value is not None or name not in defaults}
    return {**defaults, **given}


def _schema(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an `input`: itself, or made of the shorthand of properties."""
    if declared.get("type") == "object":
        return dict(declared)
    properties = {name: {k: v for k, v in p.items() if k != "required"} for name, p in declared.items()}
    required = [name for name, p in declared.items() if p.get("required")]
    schema: dict[str, Any] = {"type": "object"}
    if properties:
        schema["properties"] = properties
    if required:
        schema["required"] = required
    return schema


def _check(place: Place, document: Mapping[str, Any], known: Known, max_steps: int) -> None:
    right = check_keys(place, document, _KEYS, required=("name", "steps"), later=_LATER)
    schema = _check_schema(place / "input", document["input"]) if "input" in right else {"type": "object"}
    if "steps" not in right:
        return
    at = place / "steps"
    steps: Sequence[Any] = document["steps"]
    if len(steps) > max_steps:
        at.fault(f"has {len(steps)} steps; at most {max_steps} are allowed")
        return
    sound = [_check_step(at / index, step, known) for index, step in enumerate(steps)]
    depends_on = _check_dependencies(at, steps, sound)
    if depends_on is not None:
        _check_references(at, steps, sound, Graph.make(depends_on), schema)


def _check_schema(place: Place, declared: Mapping[str, Any]) -> dict[str, Any] | None:
    """The input's schema, or None when it cannot be used."""
    before = len(place.findings.faults)
    if declared.get("type") != "object":
        for name, schema in declared.items():
            if (place / name).check(schema, an_object):
                check_keys(place / name, schema, {**dict.fromkeys(schema, anything), "required": boolean})
        if len(place.findings.faults) > before:
            return None
    schema = _schema(declared)
    properties = schema.get("properties")
    for name in sorted(RESERVED_ROOTS & (properties.keys() if isinstance(properties, Mapping) else set())):
        where = place / "properties" / name if declared.get("type") == "object" else place / name
        where.fault(f"{name} is a reserved name")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place.fault(f"not a JSON Schema: {error.message}")
        return None
    if foreign := _foreign_reference(schema):
        place.fault(f"a schema may refer only to itself (#/...), not to {foreign}")
    return schema


def _foreign_reference(schema: Any) -> str | None:
    stack = [schema]
    while stack:
        current = stack.pop()
        if isinstance(current, Mapping):
            reference = current.get("$ref", current.get("$dynamicRef", "#"))
            if isinstance(reference, str) and not reference.startswith("#"):
                return reference
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)
    return None


def _check_step(place: Place, step: Any, known: Known) -> set[str]:
    """Check a step by itself; returns its keys that are right."""
    if not place.check(step, an_object):
        return set()
    right = check_kind(place, step, known)
    if "name" in right and not (place / "name").check(step["name"], _name):
        right.discard("name")
    return right


def _check_dependencies(place: Place, steps: Sequence[Any], sound: Sequence[set[str]]) -> dict[str, list[str]] | None:
    """Names and dependencies of all steps; the graph, or None when there is none to speak of."""
    before = len(place.findings.faults)
    index_of: dict[str, int] = {}
    for index, (step, right) in enumerate(zip(steps, sound, strict=True)):
        if "name" not in right:
            continue
        if step["name"] in index_of:
            (place / index / "name").fault(f"there is a step {step['name']} already")
        index_of.setdefault(step["name"], index)
    depends_on: dict[str, list[str]] = {}
    for name, index in index_of.items():
        step = steps[index]
        if "depends_on" in step:
            listed = step["depends_on"] if "depends_on" in sound[index] else []
            depends_on[name] = _check_depends_on(place / index / "depends_on", name, listed, index_of)
        else:
            previous = steps[index - 1].get("name") if index and isinstance(steps[index - 1], Mapping) else None
            depends_on[name] = [previous] if previous in index_of and previous != name else []
    for cycle in find_cycles(depends_on):
        first = min(cycle, key=lambda name: index_of[name])
        at = cycle.index(first)
        way = " -> ".join((*cycle[at:], *cycle[:at], first))
        (place / index_of[first] / "depends_on").fault(f"the steps depend on each other: {way}")
    named = len(index_of) == len(steps)
    return depends_on if named and len(place.findings.faults) == before else None


def _check_depends_on(place: Place, name: str, listed: list[str], index_of: Mapping[str, int]) -> list[str]:
    usable: list[str] = []
    for index, dependency in enumerate(listed):
        if dependency == name:
            (place / index).fault("a step cannot depend on itself")
        elif dependency in usable:
            (place / index).fault(f"{dependency} is named twice")
        elif dependency not in index_of:
            (place / index).fault(f"there is no step {dependency}")
        else:
            usable.append(dependency)
    return usable


def _check_references(
    place: Place,
    steps: Sequence[Mapping[str, Any]],
    sound: Sequence[set[str]],
    graph: Graph,
    schema: Mapping[str, Any] | None,
) -> None:
    inputs = _Inputs(schema)
    bits = graph.ancestor_bits()
    for index, step in enumerate(steps):
        before = _Before(step["name"], bits[graph.numbers[step["name"]]], graph)
        for key in sorted(_READING & sound[index]):
            for at, path in _located(place / index / key, key, step[key]):
                message = before.fault(path, own=key == "compensate") or inputs.fault(path, bare=not before.ancestors)
                if message:
                    at.fault(f"{path_text(path)}: {message}")
                elif not before.ancestors and inputs.is_doubtful(path):
                    at.warn(f"{path_text(path)}: {path[0]} is not declared in input")


_READING = {"params", "output", "when", "condition", "compensate"}


def _located(place: Place, key: str, value: Any) -> Iterator[tuple[Place, Path]]:
    """Every path of a step's field with its place; what cannot be read has been reported already."""
    if key in ("when", "condition"):
        yield from ((place, path) for path in sorted(cel_paths(value), key=str))
        return
    if key == "compensate":
        place, value = place / "params", value.get("params") if isinstance(value, Mapping) else None
    for at, text_of in strings(place, value):
        try:
            yield from ((at, piece) for piece in parse_template(text_of) if isinstance(piece, tuple))
        except ExpressionError:
            continue


@dataclass(frozen=True, slots=True)
class _Before:
    """A step with its ancestors (as a bit set)."""

    name: str
    ancestors: int
    graph: Graph

    def fault(self, path: Path, *, own: bool) -> str | None:
        """What is wrong with a reference to a step, or to what only some have; `own`: its own output is there."""
        if path[0] in ("item", "index"):
            return "exists only in a step with for_each"
        if path[0] != "steps" or len(path) == 1:
            return None
        target = str(path[1])
        if target in self.graph.numbers and path[2:3] not in ((), ("output",)):
            return f"of a step there is only its output: steps.{target}.output"
        return self._order_fault(target, own=own)

    def _order_fault(self, target: str, *, own: bool) -> str | None:
        if target not in self.graph.numbers:
            return f"there is no step {target}"
        if target == self.name:
            return None if own else "a step cannot refer to its own output"
        precedes = self.ancestors >> self.graph.numbers[target] & 1
        return None if precedes else f"{target} does not precede this step"


class _Inputs:
    """What the context is known to hold."""

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        self.declared = frozenset(schema.get("properties", {})) if schema else frozenset()
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
        return bool(self.declared) and path[0] not in RESERVED_ROOTS and path[0] not in self.declared
