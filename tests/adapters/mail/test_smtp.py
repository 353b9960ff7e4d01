"""Mail by SMTP, against real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from app.adapters.mail.errors import MailRefused, MailUnavailable
from app.adapters.mail.smtp import SmtpMailer
from app.embedded import machine
from app.embedded.mail import MailServer

Serve = Callable[..., str]


class Moody:
    """Answers a recipient or a mail as it was told to."""

    def __init__(self, *, recipient: str = "250 OK", data: str = "250 OK") -> None:
        self._recipient, self._data = recipient, data

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._recipient

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return self._data


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that answers like that; its address without the scheme."""
    running: list[Controller] = []

    def start(handler: Any, **options: Any) -> str:
        port = machine.free_port()
        controller = Controller(handler, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return f"127.0.0.1:{port}"

    yield start
    for controller in running:
        controller.stop()


def mail(to: str = "ann@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", to, "Grüße №1"
    message.set_content("Text\n")
    message.add_alternative("<p>Text</p>", subtype="html")
    return message


def test_a_mail_arrives_whole(mail_server: MailServer) -> None:
    sent = mail()
    sent["Message-ID"] = "<one@example.com>"
    SmtpMailer(mail_server.url).send(sent)
    kept = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in mail_server.mails()]
    found = next(each for each in kept if each["Message-ID"] == "<one@example.com>")
    assert found["Subject"] == "Grüße №1"
    assert {part.get_content_type() for part in found.iter_parts()} == {"text/plain", "text/html"}
    assert found["X-Envelope-To"] == "ann@example.com"


@pytest.mark.parametrize("answer", [{"recipient": "550 no such user"}, {"data": "554 no"}])
def test_a_final_no_is_final(serve: Serve, answer: dict[str, str]) -> None:
    with pytest.raises(MailRefused, match=r"55\d no"):
        SmtpMailer(f"smtp://{serve(Moody(**answer))}").send(mail())


@pytest.mark.parametrize("answer", [{"recipient": "450 later"}, {"data": "451 later"}])
def test_not_now_is_no_refusal(serve: Serve, answer: dict[str, str]) -> None:
    with pytest.raises(MailUnavailable, match=r"45\d later"):
        SmtpMailer(f"smtp://{serve(Moody(**answer))}").send(mail())


def test_an_absent_server_is_unavailable() -> None:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{machine.free_port()}", timeout_seconds=1)
    with pytest.raises(MailUnavailable):
        mailer.send(mail())
    with pytest.raises(MailUnavailable):
        mailer.check()


def test_the_login_is_used_and_never_told(serve: Serve) -> None:
    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        is_known = (data.login, data.password) == (b"us@er", b"s3cret")
        return AuthResult(success=is_known, handled=is_known)

    place = serve(Moody(), authenticator=known, auth_require_tls=False)
    SmtpMailer(f"smtp://us%40er:s3cret@{place}").check()
    with pytest.raises(MailUnavailable, match="refused the login") as caught:
        SmtpMailer(f"smtp://us%40er:wr0ng@{place}").check()
    assert "wr0ng" not in str(caught.value)
