"""What beat does for the engine, across owners."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.core.world import World
from app.domains.workflows.service.triggers import fire_schedules
from app.domains.workflows.store import timers
from app.domains.workflows.store.integrations.admission import admit
from app.domains.workflows.store.sweep import Swept, sweep

log = logging.getLogger(__name__)


def send_lost_work(session: Session, *, seen: Mapping[str, float] | None = None) -> Swept:
    """One pass of the sweeper. `seen`: by queue, up to when (seconds of the epoch) all that was sent has been received."""
    settings = port(session, Settings)
    return sweep(session, resend_after=settings.resend_after, seen=seen or {}, enabled=settings.workflow_engine_enabled)


def tick(world: World) -> int:
    """What time alone brings: parked and held steps, deadlines, schedules; returns how many of them were due.

    None of these keeps the others from being done: the first error is raised when all have had their turn.
    """
    due, failed = 0, None
    for what in (_let_go, _wake, _end_overdue, fire_schedules):
        try:
            due += what(world)
        except Exception as error:
            log.exception("a part of the timer's tick failed")
            failed = failed or error
    if failed is not None:
        raise failed
    return due


def _let_go(world: World) -> int:
    with world.across.transaction() as session:
        return admit(session)


def _wake(world: World) -> int:
    due = 0
    while True:
        with world.across.transaction() as session:
            woken = timers.wake_due(session)
        due += woken
        if woken < timers.BATCH:
            return due


def _end_overdue(world: World) -> int:
    with world.across.transaction() as session:
        return timers.end_overdue(session)


def add_history_partitions(session: Session, *, months_ahead: int = 3) -> int:
    """Make the partitions of the history for this month and the next ones; returns how many were missing."""
    row = session.execute(
        text("SELECT add_execution_event_partitions(CAST(:today AS date), :months)"),
        {"today": now(session).date(), "months": months_ahead + 1},
    )
    return int(row.scalar_one())
