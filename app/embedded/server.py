"""What the embedded servers have in common: a folder that one run at a time prepares, a process, and its end."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.embedded import processes

STOP_TIMEOUT_SECONDS = 30.0
KILL_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that accepts connections.

    `process` is None when the server was found running and belongs to another process.
    """

    name: str
    port: int
    pid: int
    stop_signal: signal.Signals
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def is_running(self) -> bool:
        """Whether its process is alive."""
        if self.process is not None:
            return self.process.poll() is None
        return Path(f"/proc/{self.pid}/exe").exists()

    def stop(self) -> None:
        """End it cleanly, data on disk; kill it when it does not within 30 s. May be called again."""
        if self.process is not None and self.process.poll() is not None:
            return
        stop_processes([self.pid], how=self.stop_signal)
        if self.process is not None:
            self.process.wait(timeout=KILL_TIMEOUT_SECONDS)


def stop_processes(pids: list[int], *, how: signal.Signals) -> None:
    """End processes cleanly by `how`, or kill them when that takes more than 30 s."""
    if not processes.end(pids, how=how, timeout_s=STOP_TIMEOUT_SECONDS):
        processes.end(pids, how=signal.SIGKILL, timeout_s=KILL_TIMEOUT_SECONDS)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make `folder` (mode 0700) and hold it: whoever else starts or stops the same server waits for his turn."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
