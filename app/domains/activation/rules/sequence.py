"""A sequence: which service is activated after which, and the steps that an order's services become.

An entry is `{"service", "sequence", "depends_on", "critical"?, "max_retries"?, "timeout_seconds"?, "optional"?}`. An
order may lack an `optional` service though others depend on it; they then wait for what it would have waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipelines.errors import Fault

STEP_PREFIX = "activate_"
SERVICE = "activation_service"
DEFAULT_MAX_RETRIES = 3
MAX_RETRIES = 100
MAX_ENTRIES = 500
_KEYS = {"service", "sequence", "depends_on", "critical", "max_retries", "timeout_seconds", "optional"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A service in a sequence."""

    service: str
    sequence: int
    depends_on: tuple[str, ...] = ()
    critical: bool = True
    max_retries: int = DEFAULT_MAX_RETRIES
    timeout_seconds: float | None = None
    optional: bool = False


def method_of(code: str) -> str:
    """The operation's method for a service code: `radius-aaa` is activated by `activation_service.radius_aaa`."""
    return code.replace("-", "_")


def step_name(code: str) -> str:
    """The pipeline's step that activates a service code."""
    return f"{STEP_PREFIX}{method_of(code)}"


def entries(document: Sequence[Mapping[str, Any]]) -> tuple[Entry, ...]:
    """A stored sequence, ordered by its numbers."""
    read = (Entry(**{**entry, "depends_on": tuple(entry.get("depends_on", ()))}) for entry in document)
    return tuple(sorted(read, key=lambda entry: (entry.sequence, entry.service)))


def faults(document: Any, known: Collection[str]) -> list[Fault]:
    """Everything wrong with a sequence, by JSON pointer from `/service_sequence`. `known`: the catalogue's codes."""
    root = "/service_sequence"
    if not isinstance(document, list) or not document:
        return [Fault(root, "A sequence is an array with at least one service.")]
    if len(document) > MAX_ENTRIES:
        return [Fault(root, f"A sequence has at most {MAX_ENTRIES} services.")]
    found = [fault for place, entry in enumerate(document) for fault in _entry_faults(f"{root}/{place}", entry, known)]
    if found:
        return found
    found += _reference_faults(root, document)
    return found or _cycle_faults(root, document)


def missing(sequence: Iterable[Entry], codes: Collection[str]) -> list[str]:
    """A sentence for each ordered service that needs one which is not ordered and not optional."""
    by_code = {entry.service: entry for entry in sequence}
    return [
        f"{entry.service} needs {needed}, which is not in the order"
        for entry in by_code.values()
        if entry.service in codes
        for needed in entry.depends_on
        if needed not in codes and not by_code[needed].optional
    ]


def entry_of(sequence: Iterable[Entry], code: str) -> Entry:
    """A service's place; one that the sequence does not name comes after all others in number and waits for nobody."""
    listed = tuple(sequence)
    last = max((entry.sequence for entry in listed), default=0)
    return next((entry for entry in listed if entry.service == code), Entry(service=code, sequence=last + 1))


def awaited(sequence: Iterable[Entry], code: str, codes: Collection[str]) -> tuple[str, ...]:
    """The ordered services that this one waits for, past those that are not ordered; in the sequence's order."""
    by_code = {entry.service: entry for entry in sequence}
    found: set[str] = set()
    seen: set[str] = set()
    ahead = list(by_code[code].depends_on) if code in by_code else []
    while ahead:
        needed = ahead.pop()
        if needed in seen:
            continue
        seen.add(needed)
        if needed in codes:
            found.add(needed)
        elif needed in by_code:
            ahead += by_code[needed].depends_on
    return tuple(service for service in by_code if service in found)


def _entry_faults(place: str, entry: Any, known: Collection[str]) -> list[Fault]:
    if not isinstance(entry, Mapping):
        return [Fault(place, "An entry is an object with service, sequence and depends_on.")]
    found = [Fault(f"{place}/{key}", "This field does not exist.") for key in sorted(entry.keys() - _KEYS)]
    service = entry.get("service")
    if not isinstance(service, str):
        found.append(Fault(f"{place}/service", "The service's code is missing."))
    elif service not in known:
        found.append(Fault(f"{place}/service", f"“{service}” is not in the catalogue."))
    if not _whole(entry.get("sequence"), 1, MAX_ENTRIES):
        found.append(Fault(f"{place}/sequence", "The place in the sequence is a whole number from 1."))
    depends_on = entry.get("depends_on", [])
    if not isinstance(depends_on, list) or not all(isinstance(code, str) for code in depends_on):
        found.append(Fault(f"{place}/depends_on", "The dependencies are an array of service codes."))
    found += [
        Fault(f"{place}/{flag}", "This is true or false.")
        for flag in ("critical", "optional")
        if not isinstance(entry.get(flag, False), bool)
    ]
    if not _whole(entry.get("max_retries", 0), 0, MAX_RETRIES):
        found.append(Fault(f"{place}/max_retries", f"The retries are a whole number from 0 to {MAX_RETRIES}."))
    timeout = entry.get("timeout_seconds")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout <= 0):
        found.append(Fault(f"{place}/timeout_seconds", "The timeout is a positive number of seconds."))
    return found


def _reference_faults(root: str, document: list[Mapping[str, Any]]) -> list[Fault]:
    listed = [entry["service"] for entry in document]
    found = [
        Fault(f"{root}/{place}/service", f"“{service}” is in the sequence twice.")
        for place, service in enumerate(listed)
        if service in listed[:place]
    ]
    methods: dict[str, str] = {}
    for place, service in enumerate(listed):
        if (other := methods.setdefault(method_of(service), service)) != service:
            found.append(Fault(f"{root}/{place}/service", f"“{service}” has the same operation as “{other}”."))
    for place, entry in enumerate(document):
        for position, needed in enumerate(entry.get("depends_on", [])):
            if needed not in listed:
                found.append(Fault(f"{root}/{place}/depends_on/{position}", f"“{needed}” is not in the sequence."))
    return found


def _cycle_faults(root: str, document: list[Mapping[str, Any]]) -> list[Fault]:
    graph = {entry["service"]: entry.get("depends_on", []) for entry in document}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        # graphlib lists each before what depends on it: the second of the cycle names the first among its dependencies
        place = next(number for number, entry in enumerate(document) if entry["service"] == cycle[1])
        position = document[place]["depends_on"].index(cycle[0])
        message = f"The dependencies go in a circle: {' -> '.join(cycle)}."
        return [Fault(f"{root}/{place}/depends_on/{position}", message)]
    return []


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
