"""Whether an event is of its type: what anybody may raise, and what Turnup itself must say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from app.core.errors import Fault
from app.core.event_types.catalogue import closest, families, find
from pipelines.faults import Findings, Place
from pipelines.inputs import check_value


class EventBreaksItsType(AssertionError):
    """The code raises an event that its own catalogue does not describe: a fault of the program."""


def faults(event_type: str, data: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with an event that is raised from outside, by pointers into its document.

    A type that begins with a word of its own is nobody's business here; one that only looks like Turnup's is refused.
    """
    known = find(event_type)
    if known is not None:
        return _faults(data, known.schema)
    message = mistaken(event_type)
    return [Fault("/type", message)] if message else []


def mistaken(event_type: str) -> str | None:
    """What to say of a type that looks like Turnup's own and is none, as a sentence; None of any other."""
    if find(event_type) is not None or event_type.partition(".")[0] not in families():
        return None
    meant = closest(event_type)
    return f"There is no event {event_type}." + (f" Did you mean {meant}?" if meant else "")


def check(event_type: str, subject: str, data: Mapping[str, Any]) -> None:
    """Raise EventBreaksItsType unless the catalogue describes this event of Turnup's own, to the last property.

    Operations of others may raise types that begin with a word of their own.
    """
    if mistaken(event_type):
        message = f"{event_type} is not in the catalogue of event types (app/core/event_types)"
        raise EventBreaksItsType(message)
    known = find(event_type)
    if known is None:
        return
    found = [f"{fault.pointer}: {fault.message}" for fault in _faults(data, _exact(event_type))]
    if known.subject_of(data) != subject:
        found.append(f"the subject is {subject}, and should be {known.subject}")
    if found:
        message = f"{event_type} is not as app/core/event_types says: {'; '.join(found)}"
        raise EventBreaksItsType(message)


def _faults(data: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Fault]:
    findings = Findings()
    check_value(Place(findings) / "data", data, schema)
    return findings.faults


@cache
def _exact(event_type: str) -> Mapping[str, Any]:
    """The type's schema with every property that is not optional, and no other."""
    known = find(event_type)
    assert known is not None
    exact: dict[str, Any] = _closed(known.schema)
    return {**exact, "required": sorted(exact["properties"].keys() - known.optional)}


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if "properties" in schema:
        closed |= {"required": sorted(schema["properties"]), "additionalProperties": False}
    return closed
