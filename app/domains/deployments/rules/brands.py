"""White label: a partner's name, logo, colours and support contact on what its customers see."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from app.core.contacts import normal_email
from pipelines.errors import Fault

MAX_NAME = 200
MAX_URL = 2000
MAX_PHONE = 50
SHORT_FORM = "branding"

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """What a tenant looks like. Colours are `#rrggbb`; None: as the installation has it.

    `custom_domain` is what was asked for: whoever keeps it checks it.
    """

    company_name: str | None = None
    logo_url: str | None = None
    primary_color: str | None = None
    secondary_color: str | None = None
    support_email: str | None = None
    support_phone: str | None = None
    custom_domain: str | None = None

    def shown(self) -> dict[str, str]:
        """What is to be seen, by name; not the domain, which is an address."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "custom_domain"}
        return {name: value for name, value in values.items() if value is not None}


FIELDS = tuple(each.name for each in fields(Brand))


def read_brand(config: Mapping[str, Any]) -> tuple[Brand, list[Fault]]:
    """The brand that a white-label configuration says, and what is wrong with it by JSON pointer.

    In its short form it is `{"branding": ...}`: the same fields, or the company's name alone.
    """
    said = dict(config)
    short = said.pop(SHORT_FORM, None)
    if isinstance(short, Mapping):
        said = {**short, **said}
    elif short is not None:
        said = {"company_name": short, **said}
    faults = [Fault(f"/{name}", "A brand has no such thing.") for name in sorted(said.keys() - set(FIELDS))]
    kept: dict[str, str] = {}
    for name in FIELDS:
        value = said.get(name)
        if value is None or value == "":
            continue
        try:
            kept[name] = _FORMS[name](_text(value))
        except ValueError as error:
            faults.append(Fault(f"/{name}", str(error)))
    return Brand(**kept), faults


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("This is a text.")  # noqa: TRY004 - caught with the others, and shown as they are
    return value.strip()


def _name(text: str) -> str:
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise ValueError(f"A name has 1 to {MAX_NAME} characters.")
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if (
        not host
        or parts.scheme not in {"https", "http"}
        or parts.username
        or len(text) > MAX_URL
        or not text.isprintable()
    ):
        raise ValueError("The address of an image begins with https:// (or http://) and holds no password.")
    return text


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text.lower()):
        raise ValueError("A colour is written like #1a2b3c.")
    return text.lower()


def _phone(text: str) -> str:
    # shown as it is: freephone numbers are often written in letters
    if len(text) > MAX_PHONE or not text.isprintable():
        raise ValueError(f"A telephone number has at most {MAX_PHONE} characters.")
    return text


_FORMS: Mapping[str, Callable[[str], str]] = {
    "company_name": _name,
    "logo_url": _url,
    "primary_color": _colour,
    "secondary_color": _colour,
    "support_email": normal_email,
    "support_phone": _phone,
    "custom_domain": str,
}
