"""Collecting every fault of a document, each with the JSON pointer of its place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.errors import Fault

Check = Callable[[Any], str | None]
"""Says in words what is wrong with a value, or None."""


@dataclass(slots=True)
class Findings:
    """What was found: faults, which refuse a definition, and warnings, which do not."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document."""

    findings: Findings
    pointer: str = ""

    def __truediv__(self, key: str | int) -> Place:
        """The place of a key or index below this one."""
        return Place(self.findings, f"{self.pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")

    def fault(self, message: str) -> None:
        self.findings.faults.append(Fault(self.pointer, message))

    def warn(self, message: str) -> None:
        self.findings.warnings.append(Fault(self.pointer, message))

    def check(self, value: Any, check: Check) -> bool:
        """Record what is wrong with a value; whether it is right."""
        message = check(value)
        if message:
            self.fault(message)
        return not message


def check_keys(
    place: Place,
    document: Mapping[str, Any],
    checks: Mapping[str, Check],
    *,
    required: tuple[str, ...] = (),
) -> set[str]:
    """Check an object by a table of its keys; returns the keys that are present and right."""
    for key in required:
        if key not in document:
            place.fault(f"{key} is missing")
    right: set[str] = set()
    for key, value in document.items():
        if key in checks:
            if (place / key).check(value, checks[key]):
                right.add(key)
        else:
            (place / key).fault(f"unknown key {key}")
    return right


def check_one_of(place: Place, document: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Exactly one of these keys has to be there; returns it."""
    given = [key for key in keys if key in document]
    if len(given) == 1:
        return given[0]
    choice = f"{', '.join(keys[:-1])} or {keys[-1]}"
    place.fault(f"needs one of {choice}" if not given else f"takes only one of {choice}, not {' and '.join(given)}")
    return None


def check_only_with(place: Place, document: Mapping[str, Any], key: str, other: str) -> None:
    """A key that means nothing without another one."""
    if key in document and other not in document:
        (place / key).fault(f"goes only with {other}")


def anything(_value: Any) -> str | None:
    return None


def text(value: Any) -> str | None:
    return None if isinstance(value, str) else "has to be text"


def filled_text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "has to be text, and not empty"


def boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "has to be true or false"


def an_object(value: Any) -> str | None:
    return None if isinstance(value, Mapping) else "has to be an object"


def texts(value: Any) -> str | None:
    fine = isinstance(value, list) and all(isinstance(item, str) and item for item in value)
    return None if fine else "has to be a list of names"


def number(*, above: float | None = None, least: float | None = None, most: float | None = None) -> Check:
    """A finite number: greater than `above`, or at least `least`, and at most `most`."""

    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return "has to be a number"
        if above is not None and value <= above:
            return f"has to be greater than {above:g}"
        if least is not None and value < least:
            return f"has to be at least {least:g}"
        return f"has to be at most {most:g}" if most is not None and value > most else None

    return check


def whole(*, least: int, most: int) -> Check:
    """A whole number in a range."""
    in_range = number(least=least, most=most)

    def check(value: Any) -> str | None:
        return "has to be a whole number" if isinstance(value, float) else in_range(value)

    return check


_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


def a_name(value: Any) -> str | None:
    """A name of a workflow or a step."""
    fine = isinstance(value, str) and _NAME.fullmatch(value)
    return None if fine else "has to be a name of a-z, 0-9 and _, beginning with a letter, of at most 100 characters"


def one_of(*words: str) -> Check:
    def check(value: Any) -> str | None:
        return None if value in words else f"has to be one of {', '.join(words)}"

    return check
