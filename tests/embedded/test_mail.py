from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from app.embedded import machine, mail
from app.embedded.mail import MailServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    server = mail.start(tmp_path / "mail")
    yield server
    server.stop()


def test_every_mail_is_kept_whole_in_the_order_of_arrival_with_all_its_recipients(server: MailServer) -> None:
    with smtplib.SMTP(machine.LOOPBACK, server.port, timeout=10) as client:
        for number in range(3):
            message = EmailMessage()
            message["Subject"] = f"Your order №{number} is active"
            message["From"], message["To"] = "shop@example.com", "ann@example.com"
            message.set_content(".\nA line of one dot, and grüße.\n")
            client.send_message(message, to_addrs=["ann@example.com", "blind@example.com"])

    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in server.mails()]
    assert [mail["Subject"] for mail in mails] == [f"Your order №{number} is active" for number in range(3)]
    assert mails[0].get_content().replace("\r\n", "\n") == ".\nA line of one dot, and grüße.\n"
    assert mails[0].get_all("X-Envelope-To") == ["ann@example.com", "blind@example.com"]
    assert {path.suffix for path in server.directory.iterdir()} == {".eml", ".log"}


def test_a_mail_that_cannot_be_kept_is_refused_for_now(server: MailServer) -> None:
    server.directory.rename(server.directory.with_name("away"))
    with (
        smtplib.SMTP(machine.LOOPBACK, server.port, timeout=10) as client,
        pytest.raises(smtplib.SMTPDataError) as refusal,
    ):
        client.sendmail("shop@example.com", ["ann@example.com"], b"Subject: lost\r\n\r\nbody")
    assert refusal.value.smtp_code == 451
