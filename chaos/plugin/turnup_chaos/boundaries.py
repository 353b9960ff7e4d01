"""Boundaries of a step's life at which a process kills or stops itself when it was told to.

The fault programme puts an order into a folder: a file named `<how>.<role>.<boundary>`. The first process of that role to
cross the boundary takes the order (removing a file succeeds once) and obeys it, in the middle of whatever it does. What
happened is a line in `crossed.jsonl`. Without the folder in the environment nothing here does anything.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from sqlalchemy import event
from sqlalchemy.orm import Session

BEFORE_CLAIM = "before_claim"
IN_OPERATION = "in_operation"
AFTER_CALL = "after_call"
BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"
BEFORE_SEND = "before_send"
BEFORE_ACKNOWLEDGE = "before_acknowledge"

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

_folder = os.environ.get("CHAOS_FOLDER")
_role = os.environ.get("CHAOS_ROLE", "")
_task: dict[str, Any] = {}


def cross(boundary: str) -> None:
    """Die or stop here, if an order says so."""
    if _folder is None:
        return
    for how, number in SIGNALS.items():
        try:
            os.unlink(f"{_folder}/{how}.{_role}.{boundary}")  # noqa: PTH108 - at every commit: the cheapest way to ask
        except FileNotFoundError:
            continue
        line = {"at": time.time(), "pid": os.getpid(), "how": how, "role": _role, "boundary": boundary, **_task}
        with (Path(_folder) / "crossed.jsonl").open("a") as crossed:
            crossed.write(json.dumps(line) + "\n")
        os.kill(os.getpid(), number)


def install() -> None:
    """Listen where the boundaries are: Celery's signals and the sessions' events."""
    if _folder is None:
        return
    task_prerun.connect(_begins, weak=False)
    before_task_publish.connect(lambda **_: cross(BEFORE_SEND), weak=False)
    task_postrun.connect(_ends, weak=False)
    event.listen(Session, "before_commit", lambda _session: cross(BEFORE_COMMIT))
    event.listen(Session, "after_commit", lambda _session: cross(AFTER_COMMIT))


def _begins(*, task: Any, args: Any, **_: Any) -> None:
    _task.update(task=task.name, args=[str(each) for each in args or ()])
    cross(BEFORE_CLAIM)


def _ends(**_: Any) -> None:
    cross(BEFORE_ACKNOWLEDGE)
    _task.clear()
