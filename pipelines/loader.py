"""Document -> definition. A definition that cannot run cannot be saved: every fault is found at once, with its place.

`validate` reports, `load` raises; `normalise` writes out what the document leaves unsaid (each step's dependencies, the
full schema of the input, the version). Normalised documents are what is stored and pinned by executions:
`step_from_document` rebuilds their steps without checking anything again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.definition import (
    LIMITS,
    MAX_SECONDS,
    Compensate,
    Concurrency,
    Limits,
    OnFalse,
    OnTimeout,
    Step,
    StepType,
    Trigger,
    Workflow,
)
from pipelines.documents import parse
from pipelines.errors import DefinitionError, Fault
from pipelines.faults import Findings, Place, a_name, an_object, boolean, check_keys, number, text, texts
from pipelines.graph import Graph, find_cycles
from pipelines.inputs import check_input, check_schema, schema_of, with_defaults
from pipelines.kinds import Known, check_kind
from pipelines.operations import Catalogue
from pipelines.reach import check_reach
from pipelines.reading import Inputs, check_references
from pipelines.retry import policy_from_document
from pipelines.triggers import check_concurrency, check_triggers, has_event_trigger

__all__ = [
    "DEFAULT_VERSION",
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

DEFAULT_VERSION = "1.0.0"

_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def _version(value: Any) -> str | None:
    fine = isinstance(value, str) and len(value) <= 100 and _VERSION.fullmatch(value)  # noqa: PLR2004 - fits its column
    return None if fine else "has to be a semantic version such as 1.2.0, as text"


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) else "has to be a list"


def _steps(value: Any) -> str | None:
    return None if isinstance(value, list) and value else "has to be a list with at least one step"


_KEYS = {
    "name": a_name,
    "version": _version,
    "description": text,
    "input": an_object,
    "max_duration_seconds": number(above=0, most=MAX_SECONDS),
    "deadline_seconds": number(above=0, most=MAX_SECONDS),
    "rollback_on_failure": boolean,
    "tags": texts,
    "inline": boolean,
    "triggers": _list,
    "concurrency": an_object,
    "suppresses": _list,
    "steps": _steps,
}


@dataclass(frozen=True, slots=True)
class Report:
    """What there is to say of a document. `workflow` is None when there are faults."""

    workflow: Workflow | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def validate(document: Any, operations: Catalogue, *, limits: Limits = LIMITS) -> Report:
    """Check a document against the language and the operations that exist. Never raises for what it finds."""
    findings = Findings()
    place = Place(findings)
    try:
        if place.check(document, an_object):
            _check(place, document, Known(operations, limits, document.get("name")))
    except RecursionError:
        place.fault("nested too deeply")
    if findings.faults:
        return Report(None, tuple(findings.faults), tuple(findings.warnings))
    return Report(workflow_from_document(normalise(document)), (), tuple(findings.warnings))


def load(document: Any, operations: Catalogue, *, limits: Limits = LIMITS) -> Workflow:
    """The workflow in a document. Raises DefinitionError with all faults."""
    report = validate(document, operations, limits=limits)
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
    return {**written, "input": schema_of(document.get("input", {}))}


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


def _check(place: Place, document: Mapping[str, Any], known: Known) -> None:
    right = check_keys(place, document, _KEYS, required=("name", "steps"))
    if "input" in right:
        schema = check_schema(place / "input", document["input"])
    else:
        schema = None if "input" in document else {"type": "object"}
    inputs = Inputs(schema)
    if "triggers" in right:
        check_triggers(place / "triggers", document["triggers"], inputs)
    if "concurrency" in right:
        check_concurrency(place / "concurrency", document["concurrency"], inputs)
    if "suppresses" in right:
        _check_suppresses(place / "suppresses", document["suppresses"])
    if "steps" in right:
        has_event = has_event_trigger(document.get("triggers"))
        _check_steps(place / "steps", document["steps"], known, inputs, has_event=has_event)


def _check_suppresses(place: Place, names: Sequence[Any]) -> None:
    for index, name in enumerate(names):
        if (place / index).check(name, a_name) and name in names[:index]:
            (place / index).fault(f"{name} is named twice")


def _check_steps(place: Place, steps: Sequence[Any], known: Known, inputs: Inputs, *, has_event: bool) -> None:
    if len(steps) > known.limits.steps:
        place.fault(f"has {len(steps)} steps; at most {known.limits.steps} are allowed")
        return
    sound = [_check_step(place / index, step, known) for index, step in enumerate(steps)]
    depends_on = _check_dependencies(place, steps, sound)
    if depends_on is not None:
        graph = Graph.make(depends_on)
        check_references(place, steps, sound, graph, inputs, has_event=has_event)
        check_reach(place, steps, sound, graph)


def _check_step(place: Place, step: Any, known: Known) -> set[str]:
    """Check a step by itself; returns its keys that are right."""
    if not place.check(step, an_object):
        return set()
    right = check_kind(place, step, known)
    if "name" in right and not (place / "name").check(step["name"], a_name):
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
