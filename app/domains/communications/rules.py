"""Rendering a message: sandboxed, strict about variables, and safe in mail headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from email_validator import EmailNotValidError, validate_email
from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.domains.communications.errors import BadRecipient, TemplateFault

_TEXT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)

_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*")
_MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a template that somebody wrote may run into."""


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
    except (TemplateError, *_MISTAKES) as error:
        message = f"The template {wording.name} is broken: {error}."
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
    local, _, domain = address.rpartition("@")
    try:
        # the library refuses names that only a local network knows, where a team's mailbox may well be
        validate_email(f"{local}@example.com", check_deliverability=False)
    except EmailNotValidError:
        return False
    return _DOMAIN.fullmatch(domain) is not None
