"""What this machine must offer: the right platform and free ports."""

from __future__ import annotations

import errno
import platform
import socket

from app.embedded import processes
from app.embedded.errors import PortTaken, UnsupportedMachine

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 1.0


def require_platform() -> None:
    """Raises UnsupportedMachine unless this is Linux on x86-64, for which the embedded servers are built."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) == ("Linux", "x86_64"):
        return
    raise UnsupportedMachine(
        f"The embedded servers run on Linux x86-64 only, and this is {system} {machine}: "
        "use `docker compose up` instead, or point DATABASE_URL and REDIS_URL at servers of your own."
    )


def is_port_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closing connection is no owner
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def require_free_port(port: int, what: str, *, patience_s: float = 0) -> None:
    """Raises PortTaken unless `what` (as in "the API") could listen on 127.0.0.1:`port` within `patience_s` seconds.

    A little patience lets the processes of a run that was killed finish their own end.
    """
    if not processes.wait_until(lambda: is_port_free(port), timeout_s=patience_s):
        raise PortTaken(
            f"Port {port}, which {what} needs, is taken by another program (or reserved for root): "
            f"see which one with `ss -ltnp 'sport = :{port}'`, stop it, and start again."
        )


def choose_port(wanted: int, *, last: int, what: str) -> int:
    """`wanted` unless it is 0 (PortTaken when it is taken), else `last` unless that is taken or 0, else any free one.

    Waits a moment for a taken one: the kernel may still be clearing away a former life of the same server.
    """
    if wanted:
        require_free_port(wanted, what, patience_s=PATIENCE_SECONDS)
        return wanted
    if last and processes.wait_until(lambda: is_port_free(last), timeout_s=PATIENCE_SECONDS):
        return last
    return free_port()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment (another program may be quicker to take it)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
