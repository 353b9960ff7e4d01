"""The worker processes under a test, found as the children of the one that runs it."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that this one has started and that still run."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def kill_child_of(worker: str) -> list[int]:
    """SIGKILL the prefork child of the worker of this name (`w1@...`), as an out-of-memory killer would."""
    for pid in children(os.getpid()):
        if worker in Path(f"/proc/{pid}/cmdline").read_text():
            killed = children(pid)
            for child in killed:
                os.kill(child, signal.SIGKILL)
            return killed
    message = f"there is no worker {worker}"
    raise LookupError(message)
