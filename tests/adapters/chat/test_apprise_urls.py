"""Channels by Apprise URLs, against a real server."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from app.adapters.chat.apprise_urls import AppriseChat
from app.adapters.chat.errors import BadAddress, ChatUnavailable
from app.adapters.chat.port import Notice
from app.embedded.machine import free_port
from tests.listening import Listening, listening

NOTICE = Notice(title="Look", text="Something *happened*\n\nhttps://example.com/1", severity="critical")


@pytest.fixture
def server() -> Iterator[Listening]:
    with listening() as server:
        yield server


def address(server: Listening) -> str:
    return server.url.replace("http://", "json://ann:s3cret@")


def test_a_channel_is_told_in_plain_text(server: Listening) -> None:
    AppriseChat().tell(address(server), NOTICE)
    (told,) = server.documents()
    assert (told["title"], told["message"], told["type"]) == (NOTICE.title, NOTICE.text, "failure")


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("mailto://user:pass@example.com", "mailto"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "slack"),
        ("JSONS://example.com/x", "jsons"),
    ],
)
def test_a_channel_is_shown_by_its_service(url: str, service: str) -> None:
    assert AppriseChat().service_of(url) == service


@pytest.mark.parametrize(
    "url", ["", "slack", "://x", "nonsense://s3cret", "slack://s3cret", "syslog://", "dbus://", "file:///etc/s3cret"]
)
def test_what_is_no_channel_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        AppriseChat().service_of(url)
    assert "s3cret" not in str(caught.value)


def test_a_channel_that_does_not_take_it_may_do_so_later(server: Listening, caplog: pytest.LogCaptureFixture) -> None:
    server.status = 500
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ChatUnavailable) as caught:
        AppriseChat().tell(address(server), NOTICE)
    assert "s3cret" not in f"{caught.value} {caplog.text}"


def test_an_absent_service_is_unavailable() -> None:
    with pytest.raises(ChatUnavailable):
        AppriseChat().tell(f"json://127.0.0.1:{free_port()}", NOTICE)


def test_a_service_that_says_nothing_is_not_waited_for(server: Listening) -> None:
    server.held = threading.Event()
    try:
        with pytest.raises(ChatUnavailable):
            AppriseChat(timeout_seconds=0.2).tell(address(server), NOTICE)
    finally:
        server.held.set()
