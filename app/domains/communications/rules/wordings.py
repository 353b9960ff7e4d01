"""Rendering a message: sandboxed, strict about variables, and safe in mail headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.core.errors import Fault
from app.domains.communications.errors import TemplateFault

MAIL, SMS = "mail", "sms"
CHANNELS = (MAIL, SMS)

MAX_SMS_LENGTH = 1530
"""Characters of ten joined messages, the most that gateways take for one."""


_TEXT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)


def _day(moment: object) -> object:
    """The day of a moment as outputs and events have it (RFC 3339, UTC); what is none stays as it is."""
    try:
        return datetime.fromisoformat(str(moment)).date().isoformat()
    except ValueError:
        return moment


for _environment in (_TEXT, _HTML):
    _environment.filters["day"] = _day

_MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a template that somebody wrote may run into."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The templates of one message, Jinja2 in all three; an sms has a text only.

    `optional`: variables that may be left out, and are then none. Every other one that is missing is an error.
    """

    name: str
    subject: str
    text: str
    html: str
    optional: tuple[str, ...] = ()
    channel: str = MAIL


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be stored."""

    subject: str
    text: str
    html: str


def render(wording: Wording, variables: Mapping[str, Any]) -> Rendered:
    """Fill in the variables. Raises TemplateFault that names a missing variable, a broken template or a broken subject."""
    known = dict.fromkeys(wording.optional) | dict(variables)
    try:
        rendered = Rendered(
            subject=_TEXT.from_string(wording.subject).render(known).strip(),
            text=_TEXT.from_string(wording.text).render(known),
            html=_HTML.from_string(wording.html).render(known),
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
    if wording.channel == SMS and not 0 < len(rendered.text) <= MAX_SMS_LENGTH:
        message = f"The text of {wording.name} would have {len(rendered.text)} characters; 1 to {MAX_SMS_LENGTH} fit."
        raise TemplateFault(message)
    return rendered


def wording_faults(wording: Wording) -> list[Fault]:
    """What is wrong with a wording by itself: a template that cannot be read, a part that is lacking or of no use."""
    found = []
    for part, environment, source in _parts(wording):
        try:
            environment.parse(source)
        except TemplateSyntaxError as error:
            found.append(Fault(f"/{part}", f"Line {error.lineno} is no template: {error.message}"))
    if not wording.text.strip():
        found.append(Fault("/text", "A message has a text."))
    for part, source in (("subject", wording.subject), ("html", wording.html)):
        if wording.channel == MAIL and not source.strip():
            found.append(Fault(f"/{part}", f"A mail has {'a subject' if part == 'subject' else 'an HTML part'}."))
        if wording.channel == SMS and source:
            found.append(Fault(f"/{part}", "An sms has a text only."))
    return found


def variables_of(wording: Wording) -> list[str]:
    """The variables that a wording speaks of, in order; none where it cannot be read."""
    try:
        return sorted(
            {
                name
                for _, environment, source in _parts(wording)
                for name in meta.find_undeclared_variables(environment.parse(source))
            }
        )
    except TemplateSyntaxError:
        return []


def _parts(wording: Wording) -> Iterator[tuple[str, Environment, str]]:
    yield "subject", _TEXT, wording.subject
    yield "text", _TEXT, wording.text
    yield "html", _HTML, wording.html
