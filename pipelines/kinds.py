"""The kinds of steps: for each type its own keys and what has to hold of them. A new type is a new row of `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry

from pipelines.definition import OnFalse, StepType
from pipelines.errors import ExpressionError
from pipelines.expressions import check_cel
from pipelines.faults import (
    Check,
    Place,
    an_object,
    anything,
    boolean,
    check_keys,
    filled_text,
    number,
    one_of,
    text,
    texts,
    whole,
)
from pipelines.operations import Catalogue, Operation
from pipelines.references import parse_template

MAX_SECONDS = 10 * 366 * 24 * 3600
"""Ten years: no timeout is longer."""


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
    """The operations of a catalogue, each with its parameters' schema made once."""

    def __init__(self, operations: Catalogue) -> None:
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
    later: Mapping[str, str] = field(default_factory=dict)


def check_kind(place: Place, step: Mapping[str, Any], known: Known) -> set[str]:
    """Check a step by itself; returns the keys that are right."""
    kind = KINDS.get(step["type"]) if isinstance(step.get("type"), str) else None
    if kind is None:
        # Of an unknown kind one can judge only what all kinds have.
        _unknown_type(place, step)
        return check_keys(
            place, {key: value for key, value in step.items() if key in COMMON}, COMMON, required=("name",)
        )
    keys = {key: check for key, check in {**COMMON, **kind.keys}.items() if key not in kind.later}
    right = check_keys(place, step, keys, required=("name", "type", *kind.required), later=kind.later)
    if "retry" in right:
        _check_retry(place / "retry", step["retry"])
    if kind.check:
        kind.check(place, step, right, known)
    return right


def _unknown_type(place: Place, step: Mapping[str, Any]) -> None:
    if "type" not in step:
        place.fault("type is missing")
    elif step["type"] in LATER:
        (place / "type").fault(f"Step type {step['type']} is not supported yet")
    elif isinstance(step["type"], str):
        (place / "type").fault(f"Unknown step type: {step['type']}")


def _check_retry(place: Place, retry: Mapping[str, Any]) -> None:
    right = check_keys(place, retry, RETRY)
    if {"initial_interval", "maximum_interval"} <= right and retry["maximum_interval"] < retry["initial_interval"]:
        (place / "maximum_interval").fault("has to be at least initial_interval")


def _check_call(place: Place, step: Mapping[str, Any], right: set[str], known: Known) -> None:
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
    for name, value in params.items():
        if name not in properties:
            (place / name).fault(f"{operation.name} takes no parameter {name}")
        elif not any("${" in text_of for _, text_of in strings(place, value)):
            check_value(place / name, value, {**properties[name], "$defs": schema.get("$defs", {})})


def check_value(place: Place, value: Any, schema: Mapping[str, Any]) -> None:
    """Record each way in which a value does not fit a JSON Schema. Nothing is ever fetched for a schema."""
    validator = Draft202012Validator(schema, registry=Registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)
    for error in sorted(validator.iter_errors(value), key=lambda found: list(map(str, found.absolute_path))):
        at = place
        for key in error.absolute_path:
            at /= key
        if error.validator == "required":
            # one error per missing property, whose name stands only in the message
            at /= next(name for name in error.validator_value if error.message.startswith(f"{name!r} is"))
        at.fault(error.message)


def _check_transform(place: Place, step: Mapping[str, Any], _right: set[str], _known: Known) -> None:
    check_templates(place / "output", step.get("output"))


KINDS: Mapping[str, Kind] = {
    StepType.SERVICE_CALL: Kind(
        keys={"service": filled_text, "method": filled_text, "params": an_object, "compensate": _compensate},
        required=("service", "method"),
        check=_check_call,
        later={"for_each": "for_each", "max_parallel": "max_parallel"},
    ),
    StepType.CONDITION: Kind(
        keys={"condition": expression, "on_false": one_of(*OnFalse)},
        required=("condition",),
        later={"timeout_seconds": "a condition that waits (timeout_seconds)"},
    ),
    StepType.TRANSFORM: Kind(keys={"output": anything}, required=("output",), check=_check_transform),
}

LATER = frozenset({"wait", "approval", "sub_workflow"})
"""Types of the definition language that cannot run yet."""
