"""How a partner is called and reached, and what its brand is made of. What is wrong is said all at once, by its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from app.core.contacts import normal_email
from app.core.errors import Fault

MAX_NAME = 200
MAX_URL = 2000

_CODE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class Status(StrEnum):
    """Whether a partner does business: only who is active gets customers and licenses."""

    ACTIVE = "active"
    INACTIVE = "inactive"


def checked(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """These fields of a partner in the form in which they are kept, and what is wrong with them."""
    return _formed(fields, _FORMS, place="", of="A partner has")


def checked_branding(branding: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """A brand in the form in which it is kept, empty entries left out, and what is wrong with it."""
    kept, faults = _formed(branding, _BRAND, place="/branding", of="A brand has")
    return {name: value for name, value in kept.items() if value}, faults


def _formed(
    wanted: Mapping[str, Any], forms: Mapping[str, Callable[[Any], Any]], *, place: str, of: str
) -> tuple[dict[str, Any], list[Fault]]:
    kept: dict[str, Any] = {}
    faults = [Fault(f"{place}/{name}", f"{of} no {name}.") for name in sorted(wanted.keys() - forms.keys())]
    for name in sorted(wanted.keys() & forms.keys()):
        try:
            kept[name] = forms[name](wanted[name])
        except ValueError as error:
            faults.append(Fault(f"{place}/{name}", str(error)))
    return kept, faults


def _code(value: Any) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise ValueError("A code is made of lower-case letters, digits and hyphens (at most 63).")
    return value


def _name(value: Any) -> str:
    name = _text(value)
    if not name:
        raise ValueError("A partner has a name.")
    return name


def _email(value: Any) -> str:
    return normal_email(_text(value))


def _text(value: Any) -> str:
    if not isinstance(value, str | None):
        raise ValueError("This is a text.")  # noqa: TRY004 - caught with the others, and shown as they are
    text = (value or "").strip()
    if len(text) > MAX_NAME:
        raise ValueError(f"This has at most {MAX_NAME} characters.")
    return text


def _optional_email(value: Any) -> str:
    return _email(value) if _text(value) else ""


def _color(value: Any) -> str:
    color = _text(value)
    if color and not _COLOR.fullmatch(color):
        raise ValueError("A color is # and six hexadecimal digits.")
    return color.lower()


def _web_address(value: Any) -> str:
    if not value:
        return ""
    if not isinstance(value, str) or len(value) > MAX_URL or re.search(r"\s", value):
        raise ValueError(f"A web address has at most {MAX_URL} characters, none of them blank.")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("A web address begins with https:// (or http://) and names a host.")
    return value


_FORMS: Mapping[str, Callable[[Any], Any]] = {"code": _code, "name": _name, "email": _email}
_BRAND: Mapping[str, Callable[[Any], Any]] = {
    "company_name": _text,
    "logo_url": _web_address,
    "primary_color": _color,
    "secondary_color": _color,
    "support_email": _optional_email,
    "support_phone": _text,
}
