"""Starting, finding and ending processes: the part that servers and the supervisor share."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
POLL_SECONDS = 0.01


def launcher(*, user: str | None = None, death_signal: signal.Signals | None = None) -> list[str]:
    """What to put before a command so that it runs as `user` and gets `death_signal` when this process dies."""
    return [
        *(sys.executable, "-I", "-S", str(LAUNCHER)),
        *(str(int(death_signal or 0)), str(os.getpid()), user or "-"),
    ]


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    death_signal: signal.Signals | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a process group of its own, output appended to `log`.

    `death_signal`: what it gets from the kernel when the calling thread's process dies in any way; None lets it outlive
    its parent. The calling thread has to stay alive as long as the child is wanted: the kernel watches the thread.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [*launcher(user=user, death_signal=death_signal), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env) if env is not None else None,
            process_group=0,  # a Ctrl-C in the terminal is for the supervisor alone
        )


def find(program: str, *, folder: Path) -> list[int]:
    """Processes named `program` that work in `folder`: what a former run left behind, oldest first."""
    here = folder.resolve()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "comm").read_text().strip() == program and (entry / "cwd").readlink() == here:
                found.append(int(entry.name))
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
    return sorted(found)


def end(pids: Iterable[int], *, how: signal.Signals, timeout_s: float) -> bool:
    """Send `how` and wait; whether all of them ended in time. A process that is gone already counts as ended."""
    waiting = [fd for pid in pids if (fd := _ask_to_end(pid, how)) is not None]
    deadline = time.monotonic() + timeout_s
    try:
        while waiting:
            ended, _, _ = select.select(waiting, [], [], max(deadline - time.monotonic(), 0))
            if not ended:
                return False
            for fd in ended:
                waiting.remove(fd)
                os.close(fd)
        return True
    finally:
        for fd in waiting:
            os.close(fd)


def _ask_to_end(pid: int, how: signal.Signals) -> int | None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        signal.pidfd_send_signal(fd, how)
    except ProcessLookupError:
        os.close(fd)
        return None
    return fd


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Ask again and again until `condition` holds; whether it did in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def last_lines(log: Path, *, count: int = 5) -> str:
    """The end of a log file, to be shown in an error."""
    try:
        with log.open("rb") as lines:
            lines.seek(max(log.stat().st_size - 8192, 0))
            return "\n".join(lines.read().decode(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""
