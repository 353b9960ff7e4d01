"""JSON in and out: Decimal leaves as the number it is (348.00), times with `Z`; what comes in is checked for what cannot be kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, NoReturn
from uuid import UUID

import simplejson

from app.core.errors import Fault, Invalid
from app.http.errors import BadRequest

MAX_DEPTH = 64


def dumps(value: Any) -> str:
    """As JSON text. Decimal keeps its digits, datetime is UTC ISO 8601 with `Z`."""
    return simplejson.dumps(value, use_decimal=True, default=_other, ensure_ascii=False, allow_nan=False)


def loads(raw: bytes) -> Any:
    """Parse a request's body. Raises BadRequest when it is no JSON, Invalid when it holds text that nothing can store."""
    try:
        document = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequest("The body is no well-formed JSON.") from None
    _check(document, "", 0)
    return document


def canonical(value: Any) -> bytes:
    """The same bytes for documents that mean the same."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()


def _other(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check(value: Any, pointer: str, depth: int) -> None:
    """PostgreSQL's text and jsonb take neither NUL nor half a surrogate pair."""
    if depth > MAX_DEPTH:
        raise BadRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_text(key, pointer)
            _check(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{pointer}/{index}", depth + 1)


def _check_text(text: str, pointer: str) -> None:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(
            "The input is not valid.", faults=[Fault(pointer, "Text may hold neither NUL nor lone surrogates.")]
        )
