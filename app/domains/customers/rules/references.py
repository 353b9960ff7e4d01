"""What a customer is called by: the id, the serial number that scripts count in, or the number that people read out."""

from __future__ import annotations

import re
from uuid import UUID

NUMBER_PREFIX = "CUS"

_LARGEST_SERIAL = 2**63 - 1
_SERIAL = re.compile(r"[0-9]{1,19}")
_NUMBER = re.compile(rf"{NUMBER_PREFIX}-[0-9]{{8}}-[0-9A-HJKMNP-TV-Z]{{8}}")


def read_reference(reference: str | int) -> UUID | int | str | None:
    """The id, the serial number or the customer number that a caller gives; None for what is none of these."""
    text = str(reference).strip()
    if _SERIAL.fullmatch(text):
        serial = int(text)
        return serial if serial <= _LARGEST_SERIAL else None
    if _NUMBER.fullmatch(text.upper()):
        return text.upper()
    try:
        return UUID(text)
    except ValueError:
        return None
