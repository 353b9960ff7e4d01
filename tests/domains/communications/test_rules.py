"""Rendering: strict, sandboxed, safe in headers."""

from __future__ import annotations

import pytest

from app.domains.communications.errors import BadRecipient, TemplateFault
from app.domains.communications.rules.recipients import checked_phone, checked_recipient
from app.domains.communications.rules.secret_links import without_tokens
from app.domains.communications.rules.wordings import Wording, render


def wording(**parts: str) -> Wording:
    return Wording(
        **({"name": "hello", "subject": "Hi {{ name }}", "text": "{{ name }}", "html": "<p>{{ name }}</p>"} | parts)
    )


def test_html_is_escaped_and_text_is_not() -> None:
    rendered = render(wording(), {"name": "<b>&co"})
    assert (rendered.subject, rendered.text) == ("Hi <b>&co", "<b>&co")
    assert rendered.html == "<p>&lt;b&gt;&amp;co</p>"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(TemplateFault, match="hello cannot be filled in: 'name' is undefined"):
        render(wording(), {})


@pytest.mark.parametrize(
    "text",
    ["{{ ''.__class__.__mro__ }}", "{{ name.append(1) }}", "{% for x in range(10**9) %}x{% endfor %}", "{{ open"],
)
def test_templates_cannot_reach_out(text: str) -> None:
    with pytest.raises(TemplateFault):
        render(wording(text=text), {"name": ["a"]})


@pytest.mark.parametrize("name", ["Ann\r\nBcc: everyone@example.com", "Ann\nX", "a\x00b"])
def test_a_subject_holds_no_line_break(name: str) -> None:
    with pytest.raises(TemplateFault, match="subject"):
        render(wording(), {"name": name})


@pytest.mark.parametrize("address", ["ann@example.com", "operations@turnup.local", "jörg@müller.de"])
def test_a_recipient_is_one_bare_address(address: str) -> None:
    assert checked_recipient(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "Ann <ann@example.com>",
        "ann@example.com, bob@example.com",
        "ann@example.com\r\nBcc: x@y.z",
        "@example.com",
    ],
)
def test_anything_else_is_refused(address: str) -> None:
    with pytest.raises(BadRecipient):
        checked_recipient(address)


@pytest.mark.parametrize("phone", ["+4930123456", "+49 30 123456", "+49 (30) 12-34-56"])
def test_a_phone_number_is_kept_in_international_form(phone: str) -> None:
    assert checked_phone(phone) == "+4930123456"


@pytest.mark.parametrize(
    ("phone", "what"),
    [
        ("", "does not begin with [+]"),
        ("030 123456", "does not begin with [+]"),
        ("+", "does not read as a number"),
        ("+Ann", "does not read as a number"),
        ("+999123456789", "no such country code"),
        ("+4930", "area code is missing"),
        ("+493", "too short"),
        ("+493012345678901234", "too long"),
        ("+12001230101", "gives out no such number"),
        ("+4930123456 ext. 7", "an extension"),
    ],
)
def test_what_is_wrong_with_a_phone_number_is_said(phone: str, what: str) -> None:
    with pytest.raises(BadRecipient, match=what):
        checked_phone(phone)


def test_a_text_is_shown_to_others_with_links_that_open_nothing() -> None:
    said = 'At <a href="https://x.example/api/public/secrets/aB-_9">here</a>: /api/public/secrets/other.'
    shown = 'At <a href="https://x.example/api/public/secrets/...">here</a>: /api/public/secrets/....'
    assert without_tokens(said) == shown
    assert without_tokens("Nothing to hide.") == "Nothing to hide."
