"""The port through which work is sent, after the commit that makes it true.

Messages carry ids only. A send that fails is no loss: the ready row is the request, and the sweeper sends what was not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.db import after_commit
from app.core.ports import ports
from pipelines.plan import Segment


class Sender(Protocol):
    """Puts messages into the broker; wired by the factory (API) and by tasks (workers)."""

    def send_steps(
        self,
        owner_id: UUID,
        execution_id: int,
        segments: Sequence[Segment],
        *,
        countdown: int | None = None,
        undo: bool = False,
    ) -> None:
        """Send canvases of steps, or of their undo. `countdown`: whole seconds before they may start."""

    def send_task(self, name: str, *args: str | int) -> None:
        """Send one plain task by name, with ids as arguments."""

    def is_reachable(self) -> bool:
        """Whether the broker answers right now."""

    def wake(self, channel: str) -> None:
        """Tell whoever listens on a pub/sub channel that something changed there."""


def _sender(session: Session) -> Sender | None:
    return ports(session).find(Sender)  # type: ignore[type-abstract]


def send_steps(
    session: Session, owner_id: UUID, execution_id: int, segments: Sequence[Segment], *, undo: bool = False
) -> None:
    """Send these canvases once the session's transaction has committed. Without a sender the sweeper does it."""
    if segments and (sender := _sender(session)):
        after_commit(session, lambda: sender.send_steps(owner_id, execution_id, segments, undo=undo))


def send_task(session: Session, name: str, *args: str | int) -> None:
    """Send a plain task by name once the session's transaction has committed."""
    if sender := _sender(session):
        after_commit(session, lambda: sender.send_task(name, *args))


def wake(session: Session, channel: str) -> None:
    """Wake the listeners of a channel once the session's transaction has committed; each channel once.

    It comes after the work that is sent: listeners look by themselves, too.
    """
    woken: set[str] = session.info.setdefault("woken", set())
    if channel not in woken and (sender := _sender(session)):
        woken.add(channel)
        after_commit(session, lambda: sender.wake(channel), late=True)
