"""A local SMTP server that delivers nothing and keeps every mail as a file.

Run it as `python -m app.embedded.mail --port P --directory D`; `start` does that and waits until it answers. A mail is
one `.eml` file, named so that names sort by arrival, written under another name and renamed when whole. Its first
lines are the envelope (X-Envelope-From, one X-Envelope-To per recipient): blind copies show only there.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from app.embedded import machine, processes
from app.embedded.errors import ServerNotStarted
from app.embedded.server import Server, stop_processes

START_TIMEOUT_SECONDS = 30.0
START_ATTEMPTS = 5
ANSWER_TIMEOUT_SECONDS = 2.0
LARGEST_MAIL_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer(Server):
    """A running mail server and the folder of its mails."""

    directory: Path

    @property
    def url(self) -> str:
        """Where to send mails: no encryption, no login."""
        return f"smtp://{machine.LOOPBACK}:{self.port}"

    def mails(self) -> list[Path]:
        """The mails kept so far, oldest first."""
        return sorted(self.directory.glob("*.eml"))


class Keeper:
    """What the SMTP server does with a mail: keep it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._numbers = itertools.count()

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Answer the sender only when the mail is on disk."""
        try:
            path = self.keep(envelope)
        except OSError as error:
            return f"451 4.3.0 The mail could not be kept ({error.strerror}); try again later"
        return f"250 2.0.0 Kept as {path.name}"

    def keep(self, envelope: Envelope) -> Path:
        """Write one mail; the file appears whole or not at all."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers):06d}"
        lines = [f"X-Envelope-From: {envelope.mail_from or ''}"]
        lines += [f"X-Envelope-To: {recipient}" for recipient in envelope.rcpt_tos]
        head = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")
        body = envelope.original_content or b""
        draft, path = self._directory / f"{name}.new", self._directory / f"{name}.eml"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(head + body)
            file.flush()
            os.fsync(file.fileno())
        return draft.rename(path)


def command(*, port: int, directory: Path) -> list[str]:
    """The command line that runs the server in the foreground."""
    return [
        sys.executable,
        "-m",
        "app.embedded.mail",
        "--port",
        str(port),
        "--directory",
        str(directory),
    ]


def start(directory: Path, *, port: int = 0, log: Path | None = None) -> MailServer:
    """Start a server whose mails go to `directory`; return when it answers. It ends with the calling process.

    `port` 0: any free one. `log`: by default `mail.log` in the directory.
    Raises EmbeddedError with a sentence that says what to do.
    """
    directory = directory.absolute()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = log or directory / "mail.log"
    if port:
        machine.require_free_port(port, "the local mail server")
    for _ in range(START_ATTEMPTS):
        chosen = port or machine.free_port()
        process = processes.spawn(
            command(port=chosen, directory=directory),
            log=log,
            death_signal=signal.SIGTERM,
        )
        if _becomes_ready(process, chosen):
            return MailServer(
                name="the mail server",
                port=chosen,
                pid=process.pid,
                stop_signal=signal.SIGTERM,
                process=process,
                directory=directory,
            )
        if process.poll() is None:
            stop_processes([process.pid], how=signal.SIGTERM)
            process.wait()
            break
        if machine.is_port_free(chosen):
            break  # it ended for another reason than somebody who was quicker to take the port
    raise ServerNotStarted(
        f"The local mail server did not start: read {log}, put right what it says, and start again. "
        f"Its last words:\n{processes.last_lines(log)}"
    )


def _becomes_ready(process: subprocess.Popen[bytes], port: int) -> bool:
    def decided() -> bool:
        return process.poll() is not None or _greets(port)

    return processes.wait_until(decided, timeout_s=START_TIMEOUT_SECONDS) and process.poll() is None


def _greets(port: int) -> bool:
    try:
        with socket.create_connection((machine.LOOPBACK, port), timeout=ANSWER_TIMEOUT_SECONDS) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


async def serve(*, port: int, directory: Path) -> None:
    """Listen until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    keeper = Keeper(directory)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    server = await loop.create_server(
        lambda: SMTP(
            keeper,
            hostname="localhost",
            data_size_limit=LARGEST_MAIL_BYTES,
            enable_SMTPUTF8=True,
            loop=loop,
        ),
        machine.LOOPBACK,
        port,
    )
    print(f"Keeping mails from {machine.LOOPBACK}:{port} in {directory}", flush=True)  # noqa: T201
    await stop.wait()
    server.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="A local SMTP server that keeps every mail as a file.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        asyncio.run(serve(port=options.port, directory=options.directory))
    except OSError as error:
        sys.exit(f"The mail server cannot run on port {options.port} with {options.directory}: {error.strerror}.")


if __name__ == "__main__":
    main()
