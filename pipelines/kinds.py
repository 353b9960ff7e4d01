"""The kinds of steps: for each type its own keys and what has to hold of them. A new type is a new row of `KINDS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.definition import MAX_SECONDS, Limits, OnFalse, OnTimeout, StepType
from pipelines.errors import ExpressionError, StepFailed
from pipelines.expressions import check_cel
from pipelines.faults import (
    Check,
    Place,
    a_name,
    an_object,
    anything,
    boolean,
    check_keys,
    check_one_of,
    check_only_with,
    filled_text,
    number,
    one_of,
    text,
    texts,
    whole,
)
from pipelines.inputs import check_reserved, check_template_values
from pipelines.operations import Catalogue, Operation
from pipelines.references import parse_template
from pipelines.waits import timestamp

_PERMISSION = re.compile(r"[a-z][a-z0-9_]*[.:][a-z][a-z0-9_]*")
_EVENT = re.compile(r"(crm\.|billing\.)?[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,2}")


def expression(value: Any) -> str | None:
    """A CEL expression."""
    if not isinstance(value, str) or not value.strip():
        return "has to be an expression"
    try:
        check_cel(value)
    except ExpressionError as error:
        return str(error)
    return None


def check_templates(place: Place, template: Any) -> None:
    """Record each reference that cannot be read, at its own place."""
    for at, text_of in strings(place, template):
        try:
            parse_template(text_of)
        except ExpressionError as error:
            at.fault(str(error))


def strings(place: Place, template: Any) -> Iterator[tuple[Place, str]]:
    """Every string of a template with its place."""
    if isinstance(template, str):
        yield place, template
    elif isinstance(template, Mapping):
        for key, value in template.items():
            yield from strings(place / key, value)
    elif isinstance(template, list):
        for index, value in enumerate(template):
            yield from strings(place / index, value)


def is_reference(value: Any) -> bool:
    """Whether a value is exactly one `${...}`. Raises ExpressionError for text that cannot be read."""
    return isinstance(value, str) and len(pieces := parse_template(value)) == 1 and isinstance(pieces[0], tuple)


def _or_reference(fine: Callable[[Any], str | None], otherwise: str) -> Check:
    """A value that is right as it stands, or exactly one reference to one."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return fine(value)
        try:
            return None if is_reference(value) else otherwise
        except ExpressionError as error:
            return str(error)

    return check


_NO_LIST = "has to be a list, or exactly one ${...}"


def _a_list(value: Any) -> str | None:
    return None if isinstance(value, list) else _NO_LIST


def _until(value: Any) -> str | None:
    """What holds a reference is known only when it runs."""
    if not isinstance(value, str) or "${" not in value:
        try:
            timestamp(value)
        except StepFailed:
            return "has to be a timestamp such as 2030-01-31T12:00:00Z, or a ${...}"
    return None


def _event(value: Any) -> str | None:
    """An event's type or a signal's name."""
    fine = isinstance(value, str) and _EVENT.fullmatch(value)
    return None if fine else "has to be the name of an event or signal, such as quote.accepted"


def _permission(value: Any) -> str | None:
    fine = isinstance(value, str) and _PERMISSION.fullmatch(value)
    return None if fine else "has to be a permission such as quote.approve or quote:approve"


def _compensate(value: Any) -> str | None:
    return (
        None
        if isinstance(value, str | Mapping)
        else "has to be none, service.method, or an object with operation and params"
    )


COMMON: Mapping[str, Check] = {
    "name": filled_text,
    "type": filled_text,
    "depends_on": texts,
    "critical": boolean,
    "when": expression,
    "retry": an_object,
    "timeout_seconds": number(above=0, most=MAX_SECONDS),
    "description": text,
}
"""Keys that every step may have."""

RETRY: Mapping[str, Check] = {
    "maximum_attempts": whole(least=1, most=1000),
    "initial_interval": number(least=0, most=86_400),
    "backoff_coefficient": number(least=1, most=100),
    "maximum_interval": number(least=0, most=30 * 86_400),
    "jitter": boolean,
    "retryable_errors": texts,
    "non_retryable_errors": texts,
}


class Known:
    """What a step is judged by: operations, each with its parameters' schema made once, limits, its workflow's name."""

    def __init__(self, operations: Catalogue, limits: Limits, workflow: Any) -> None:
        self.limits = limits
        self.workflow = workflow
        self._operations = operations
        self._services = operations.services()
        self._schemas: dict[str, dict[str, Any]] = {}

    def operation(self, service: str, method: str) -> Operation | str:
        """The operation, or what to say when there is none."""
        found = self._operations.get(f"{service}.{method}")
        if found is not None:
            return found
        return f"Service not found: {service}" if service not in self._services else f"{service} has no method {method}"

    def schema(self, operation: Operation) -> dict[str, Any]:
        if operation.name not in self._schemas:
            self._schemas[operation.name] = operation.schema
        return self._schemas[operation.name]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of step. `check` looks at what the table of keys cannot say; it is given the keys that are right."""

    keys: Mapping[str, Check]
    required: tuple[str, ...]
    check: Callable[[Place, Mapping[str, Any], set[str], Known], None] | None = None


def check_kind(place: Place, step: Mapping[str, Any], known: Known) -> set[str]:
    """Check a step by itself; returns the keys that are right."""
    kind = KINDS.get(step["type"]) if isinstance(step.get("type"), str) else None
    if kind is None:
        # Of an unknown kind one can judge only what all kinds have.
        _unknown_type(place, step)
        return check_keys(
            place, {key: value for key, value in step.items() if key in COMMON}, COMMON, required=("name",)
        )
    right = check_keys(place, step, {**COMMON, **kind.keys}, required=("name", "type", *kind.required))
    if "retry" in right:
        _check_retry(place / "retry", step["retry"])
    if kind.check:
        kind.check(place, step, right, known)
    return right


def _unknown_type(place: Place, step: Mapping[str, Any]) -> None:
    if "type" not in step:
        place.fault("type is missing")
    elif isinstance(step["type"], str):
        (place / "type").fault(f"Unknown step type: {step['type']}")


def _check_retry(place: Place, retry: Mapping[str, Any]) -> None:
    right = check_keys(place, retry, RETRY)
    if {"initial_interval", "maximum_interval"} <= right and retry["maximum_interval"] < retry["initial_interval"]:
        (place / "maximum_interval").fault("has to be at least initial_interval")


def _check_call(place: Place, step: Mapping[str, Any], right: set[str], known: Known) -> None:
    check_only_with(place, step, "max_parallel", "for_each")
    if "for_each" in right:
        check_templates(place / "for_each", step["for_each"])
        if isinstance(step["for_each"], list) and len(step["for_each"]) > known.limits.elements:
            count = len(step["for_each"])
            (place / "for_each").fault(f"has {count} elements; at most {known.limits.elements} are allowed")
    if not {"service", "method"} <= right:
        return
    found = known.operation(step["service"], step["method"])
    if isinstance(found, str):
        (place / ("method" if found.startswith(f"{step['service']} has") else "service")).fault(found)
    else:
        if "params" in right or "params" not in step:
            _check_parameters(place / "params", step.get("params", {}), found, known)
        if found.effects and found.undone_by is None and "compensate" not in step:
            place.warn(f"{found.name} has effects that nothing undoes")
    if "compensate" in right and step["compensate"] != "none":
        _check_compensate(place / "compensate", step["compensate"], known)


def _check_compensate(place: Place, compensate: Any, known: Known) -> None:
    document: Mapping[str, Any] = {"operation": compensate} if isinstance(compensate, str) else compensate
    right = check_keys(place, document, {"operation": filled_text, "params": an_object}, required=("operation",))
    if "operation" not in right:
        return
    service, _, method = document["operation"].partition(".")
    found = known.operation(service, method)
    at = place if isinstance(compensate, str) else place / "operation"
    if isinstance(found, str):
        at.fault(found)
    elif "params" in right or "params" not in document:
        _check_parameters(place / "params", document.get("params", {}), found, known)


def _check_parameters(place: Place, params: Mapping[str, Any], operation: Operation, known: Known) -> None:
    """Missing and unknown ones, and literal values against their schema; references are known only when it runs."""
    check_templates(place, params)
    schema = known.schema(operation)
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in params:
            place.fault(f"{operation.name} needs the parameter {name}")
    for name in params:
        if name not in properties:
            (place / name).fault(f"{operation.name} takes no parameter {name}")
    check_template_values(place, params, schema)


def _check_condition(place: Place, step: Mapping[str, Any], _right: set[str], _known: Known) -> None:
    if "timeout_seconds" in step and "on_false" in step:
        (place / "on_false").fault("goes only with a condition that does not wait (timeout_seconds)")


def _check_transform(place: Place, step: Mapping[str, Any], _right: set[str], _known: Known) -> None:
    check_templates(place / "output", step.get("output"))


def _check_wait(place: Place, step: Mapping[str, Any], right: set[str], _known: Known) -> None:
    # an event may be waited for until a moment
    is_bounded = "event" in step and "until" in step
    kinds = {key: value for key, value in step.items() if key != "until"} if is_bounded else step
    check_one_of(place, kinds, ("seconds", "until", "event"))
    check_only_with(place, step, "match", "event")
    if not is_bounded:
        check_only_with(place, step, "on_timeout", "timeout_seconds")
    if "until" in right:
        check_templates(place / "until", step["until"])


def _check_approval(place: Place, step: Mapping[str, Any], _right: set[str], _known: Known) -> None:
    check_only_with(place, step, "on_timeout", "timeout_seconds")
    check_templates(place / "prompt", step.get("prompt"))


def _check_sub_workflow(place: Place, step: Mapping[str, Any], right: set[str], known: Known) -> None:
    if "workflow" in right and step["workflow"] == known.workflow:
        (place / "workflow").fault("a workflow cannot be a step of itself")
    if "context" in right:
        check_reserved(place / "context", step["context"])
        check_templates(place / "context", step["context"])


KINDS: Mapping[str, Kind] = {
    StepType.SERVICE_CALL: Kind(
        keys={
            "service": filled_text,
            "method": filled_text,
            "params": an_object,
            "compensate": _compensate,
            "for_each": _or_reference(_a_list, _NO_LIST),
            "max_parallel": whole(least=1, most=10_000),
        },
        required=("service", "method"),
        check=_check_call,
    ),
    StepType.CONDITION: Kind(
        keys={"condition": expression, "on_false": one_of(*OnFalse)}, required=("condition",), check=_check_condition
    ),
    StepType.TRANSFORM: Kind(keys={"output": anything}, required=("output",), check=_check_transform),
    StepType.WAIT: Kind(
        keys={
            "seconds": _or_reference(number(above=0, most=MAX_SECONDS), "has to be a number, or exactly one ${...}"),
            "until": _until,
            "event": _event,
            "match": expression,
            "on_timeout": one_of(OnTimeout.FAIL, OnTimeout.CONTINUE),
        },
        required=(),
        check=_check_wait,
    ),
    StepType.APPROVAL: Kind(
        keys={
            "permission": _permission,
            "prompt": text,
            "on_timeout": one_of(OnTimeout.FAIL, OnTimeout.APPROVE, OnTimeout.REJECT),
        },
        required=("permission",),
        check=_check_approval,
    ),
    StepType.SUB_WORKFLOW: Kind(
        keys={"workflow": a_name, "context": an_object}, required=("workflow",), check=_check_sub_workflow
    ),
}
