"""What a workflow takes: its input's schema, and whether a context fits it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from referencing import Registry

from pipelines.errors import Fault
from pipelines.faults import Findings, Place, an_object, anything, boolean, check_keys
from pipelines.references import RESERVED_ROOTS


def check_input(document: Mapping[str, Any], context: Mapping[str, Any]) -> list[Fault]:
    """Faults of a context against a normalised definition's input.

    Null for an input that may be left out is as left out; so may be a required one that has a default.
    """
    findings = Findings()
    check_context(Place(findings), context, schema_of(document.get("input", {})))
    return findings.faults


def check_context(place: Place, context: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Record each way in which a context does not fit an input's schema."""
    check_reserved(place, context)
    defaults = defaults_of(schema)
    required = set(schema.get("required", ())) - defaults.keys()
    try:
        given = {name: value for name, value in context.items() if value is not None or name in required}
        check_value(place, {**defaults, **given}, schema)
    except RecursionError:
        place.fault("nested too deeply")


def check_reserved(place: Place, context: Mapping[str, Any]) -> None:
    """Record each key that cannot be one of a context."""
    for name in sorted(RESERVED_ROOTS & context.keys()):
        (place / name).fault(f"{name} is a reserved name")


def with_defaults(document: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """The context with every declared input: one that was not given has its schema's default, else it is null."""
    schema = schema_of(document.get("input", {}))
    defaults = {**dict.fromkeys(properties_of(schema)), **defaults_of(schema)}
    given = {name: value for name, value in context.items() if value is not None or name not in defaults}
    return {**defaults, **given}


def schema_of(declared: Mapping[str, Any]) -> dict[str, Any]:
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


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schemas of the inputs that are declared, by name; such as are only true or false are left out."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {name: of_one for name, of_one in properties.items() if isinstance(of_one, Mapping)}


def defaults_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that have a value when they are not given."""
    return {name: of_one["default"] for name, of_one in properties_of(schema).items() if "default" in of_one}


def check_schema(place: Place, declared: Mapping[str, Any]) -> dict[str, Any] | None:
    """Check an `input`; returns its schema, or None when it cannot be used."""
    is_schema = declared.get("type") == "object"
    before = len(place.findings.faults)
    if not is_schema:
        for name, of_one in declared.items():
            if (place / name).check(of_one, an_object):
                check_keys(place / name, of_one, {**dict.fromkeys(of_one, anything), "required": boolean})
        if len(place.findings.faults) > before:
            return None
    schema = schema_of(declared)
    at = place / "properties" if is_schema else place
    check_reserved(at, properties_of(schema))
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place.fault(f"not a JSON Schema: {error.message}")
        return None
    if foreign := _foreign_reference(schema):
        place.fault(f"a schema may refer only to itself (#/...), not to {foreign}")
        return None
    for name, default in defaults_of(schema).items():
        if default is not None:
            check_value(at / name / "default", default, _of_one(schema, name))
    return schema


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


def check_template_values(place: Place, values: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check those values against their properties' schemas that hold no reference: others are known only when it runs."""
    for name, value in values.items():
        if name in properties_of(schema) and "${" not in _texts(value):
            check_value(place / name, value, _of_one(schema, name))


def _of_one(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One property's schema, with the definitions that it may refer to."""
    shared = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    return {**shared, **schema["properties"][name]}


def _texts(value: Any) -> str:
    """All strings of a value, one after the other."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n".join(_texts(part) for part in value.values())
    return "\n".join(_texts(part) for part in value) if isinstance(value, list) else ""


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
