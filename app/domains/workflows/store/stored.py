"""Data as it is stored: JSON that PostgreSQL takes, and not too much of it."""

from __future__ import annotations

import json
import re
from typing import Any

from pipelines.errors import StepFailed

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL in JSON text; a backslash that is itself escaped begins none."""


def as_json(value: Any, what: str, *, limit: int) -> str:
    """JSON text of a step's data. Raises StepFailed (permanent) when it is not JSON or larger than `limit` bytes."""
    try:
        document = json.dumps(value, allow_nan=False, ensure_ascii=False)
        size = len(document.encode())
    except (TypeError, ValueError) as error:
        # an encoding error would quote the value
        why = "it holds half of a surrogate pair" if isinstance(error, UnicodeError) else str(error)
        message = f"the {what} is not JSON: {why}"
        raise StepFailed(message, permanent=True) from None
    if size > limit:
        message = f"the {what} is {size} bytes of JSON; the limit is {limit}"
        raise StepFailed(message, permanent=True)
    if _NUL.search(document):
        message = f"the {what} holds a NUL character, which PostgreSQL does not store"
        raise StepFailed(message, permanent=True)
    return document
