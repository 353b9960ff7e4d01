"""Rendering a message: sandboxed, strict about variables, and safe in mail headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Any

from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.domains.communications.errors import BadRecipient, TemplateFault

MAX_ADDRESS_LENGTH = 254

_TEXT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates of one message: Jinja2 in all three."""

    name: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be stored."""

    subject: str
    text: str
    html: str


def render(wording: Wording, variables: Mapping[str, Any]) -> Rendered:
    """Fill in the variables. Raises TemplateFault that names a missing variable, a broken template or a broken subject."""
    try:
        rendered = Rendered(
            subject=_TEXT.from_string(wording.subject).render(variables).strip(),
            text=_TEXT.from_string(wording.text).render(variables),
            html=_HTML.from_string(wording.html).render(variables),
        )
    except UndefinedError as error:
        message = f"The template {wording.name} cannot be filled in: {error.message}."
        raise TemplateFault(message) from None
    except TemplateError as error:
        message = f"The template {wording.name} is broken: {error.message}."
        raise TemplateFault(message) from None
    if not rendered.subject.isprintable():
        message = f"The subject of {wording.name} would hold a line break or another control character."
        raise TemplateFault(message)
    return rendered


def checked_recipient(address: str) -> str:
    """A bare address of a recipient. Raises BadRecipient: several addresses, names, line breaks are none."""
    if not _is_bare_address(address):
        message = "The recipient is no e-mail address."
        raise BadRecipient(message)
    return address


def _is_bare_address(address: str) -> bool:
    if not address.isprintable() or len(address) > MAX_ADDRESS_LENGTH or "," in address:
        return False
    try:
        parsed = Address(addr_spec=address)
    except (ValueError, IndexError):
        return False
    return bool(parsed.username and parsed.domain)
