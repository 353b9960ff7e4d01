"""Mail by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from app.adapters.mail.errors import MailRefused, MailUnavailable

TIMEOUT_SECONDS = 10.0
PORTS = {"smtp": 25, "smtps": 465}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
PERMANENT = range(500, 600)


class SmtpMailer:
    """A server at `smtp[s]://[user:password@]host[:port]`; one connection a message.

    STARTTLS is used before logging in. A password is never sent in the clear, save to this very machine.
    """

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._timeout = timeout_seconds

    def send(self, message: EmailMessage) -> None:
        """Hand a message over by SMTP."""
        with _translated(), self._connection() as server:
            server.send_message(message)

    def check(self) -> None:
        """Connect, log in, say nothing."""
        with _translated(), self._connection() as server:
            server.noop()

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        with self._connect() as server:
            if self._user:
                self._login(server)
            yield server

    def _connect(self) -> smtplib.SMTP:
        if self._tls:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout, context=context)
        return smtplib.SMTP(self._host, self._port, timeout=self._timeout)

    def _login(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if not self._tls and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
        elif not self._tls and self._host not in LOOPBACK:
            message = "the mail server offers no encryption, so the password was not sent"
            raise MailUnavailable(message)
        server.login(self._user, self._password)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()), (550, b"refused"))
        raise _answer(code, reason) from None
    except smtplib.SMTPAuthenticationError:
        # somebody has to mend the configuration; the mail itself is good
        message = "the mail server refused the login"
        raise MailUnavailable(message) from None
    except smtplib.SMTPConnectError as error:
        message = f"the mail server is not ready: {error.smtp_code}"
        raise MailUnavailable(message) from None
    except smtplib.SMTPResponseException as error:
        raise _answer(error.smtp_code, error.smtp_error) from None
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(str(error)) from None
    except (OSError, smtplib.SMTPException) as error:
        message = f"the mail server cannot be reached: {type(error).__name__}"
        raise MailUnavailable(message) from None


def _answer(code: int, reason: bytes | str) -> MailRefused | MailUnavailable:
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    kind = MailRefused if code in PERMANENT else MailUnavailable
    return kind(f"{code} {words}")
