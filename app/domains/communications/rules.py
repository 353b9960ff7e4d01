"""Rendering a message: sandboxed, strict about variables, and safe in mail headers; who can be its recipient."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from jinja2 import Environment, StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.core.errors import Fault
from app.domains.communications.errors import BadRecipient, BadSecretLink, TemplateFault

MAIL, SMS = "mail", "sms"
CHANNELS = (MAIL, SMS)

MAX_SMS_LENGTH = 1530
"""Characters of ten joined messages, the most that gateways take for one."""

MAX_LINK_LIFE = timedelta(days=90)
MAX_LINK_VIEWS = 10

_TEXT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_HTML = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)

_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*")
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


_PHONE_FAULTS = {
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.ValidationResult.TOO_SHORT: "it is too short",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
    phonenumbers.ValidationResult.TOO_LONG: "it is too long",
    phonenumbers.ValidationResult.INVALID_LENGTH: "no number of that country has this many digits",
}
_UNREADABLE = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "it is too short",
    phonenumbers.NumberParseException.TOO_LONG: "it is too long",
}


def checked_phone(phone: str) -> str:
    """A number in E.164 form (`+4930123456`); spaces, hyphens and brackets in it are taken out.

    Raises BadRecipient that says what is wrong with it. Whether somebody has the number is the gateway's to say.
    """
    if not phone.strip().startswith("+"):
        raise BadRecipient(_phone_fault("it does not begin with + and the country code"))
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException as error:
        what = _UNREADABLE.get(error.error_type, "it does not read as a number")
        raise BadRecipient(_phone_fault(what)) from None
    if number.extension:
        raise BadRecipient(_phone_fault("an extension receives no texts"))
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise BadRecipient(_phone_fault(_PHONE_FAULTS.get(possible, "it cannot be one")))
    if not phonenumbers.is_valid_number(number):
        raise BadRecipient(_phone_fault("that country gives out no such number"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _phone_fault(what: str) -> str:
    return f"The recipient is no phone number in international form: {what}."


def check_secret_link(*, life: timedelta, views: int) -> None:
    """Raise BadSecretLink for a link that would live or be shown longer or less than a link may."""
    if not timedelta(0) < life <= MAX_LINK_LIFE:
        message = f"A secret link lives for more than no time and at most {MAX_LINK_LIFE.days} days."
        raise BadSecretLink(message)
    if not 1 <= views <= MAX_LINK_VIEWS:
        message = f"A secret link is opened between 1 and {MAX_LINK_VIEWS} times."
        raise BadSecretLink(message)
