"""Workers' children that die at the worst moment: what a step had to do is done, and the commit that would say so is not.

A test asks for it by a folder, `deaths/<owner>` in TURNUP_VAR: every step of that owner's executions then costs a worker its
child, once. Where a step ends without a commit that can be listened to, the child dies before the message is acknowledged. A
death is kept as a file, `<execution>.<step's number>`.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, task_prerun
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from app.core.db import OWNER

_STATE = text("SELECT state FROM workflow_steps WHERE execution_id = :execution AND sequence_number = :number")
BEGUN = frozenset({"pending", "running"})
"""What a step is in until it has ended, or waits."""


@dataclass(frozen=True, slots=True)
class Work:
    """The step that this process works on."""

    owner: str
    execution: int
    number: int

    @property
    def folder(self) -> Path:
        return deaths_of(Path(os.environ["TURNUP_VAR"]), self.owner)

    def die_once(self) -> None:
        """SIGKILL, unless a child has died of this step before or nobody asked for it."""
        try:
            (self.folder / f"{self.execution}.{self.number}").touch(exist_ok=False)
        except (FileExistsError, FileNotFoundError):
            return
        os.kill(os.getpid(), signal.SIGKILL)


_at_work: list[Work] = []


def deaths_of(var_dir: Path, owner: object) -> Path:
    """The folder by which a test asks for deaths, and finds them."""
    return var_dir / "deaths" / str(owner)


def install() -> None:
    """Listen where a step begins, commits and ends: in workers only, elsewhere no task begins."""
    task_prerun.connect(_begins, weak=False)
    task_postrun.connect(_ends, weak=False)
    event.listen(Session, "before_commit", _commits)


def _begins(*, args: Any, **_: Any) -> None:
    _at_work.clear()
    if len(args or ()) == len(("owner", "execution", "number")):  # one more word, and it is undone
        _at_work.append(Work(str(args[0]), int(args[1]), int(args[2])))


def _commits(session: Session) -> None:
    for work in _at_work:
        if str(session.info.get(OWNER)) == work.owner and work.folder.exists():
            about = {"execution": work.execution, "number": work.number}
            if session.execute(_STATE, about).scalar() not in BEGUN:
                work.die_once()


def _ends(**_: Any) -> None:
    for work in _at_work:
        work.die_once()
    _at_work.clear()
