"""What beat does for the engine, across owners."""

from __future__ import annotations

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


def send_lost_work(session: Session, *, seen: Mapping[str, float] | None = None) -> Swept:
    """One pass of the sweeper. `seen`: by queue, up to when (seconds of the epoch) all that was sent has been received."""
    settings = port(session, Settings)
    return sweep(session, resend_after=settings.resend_after, seen=seen or {}, enabled=settings.workflow_engine_enabled)


def tick(world: World) -> int:
    """What time alone brings: parked and held steps, deadlines, schedules; returns how many of them were due."""
    with world.across.transaction() as session:
        due = admit(session)
    while (woken := _woken(world)) == timers.BATCH:
        due += woken
    with world.across.transaction() as session:
        due += woken + timers.end_overdue(session)
    return due + fire_schedules(world)


def _woken(world: World) -> int:
    with world.across.transaction() as session:
        return timers.wake_due(session)


def add_history_partitions(session: Session, *, months_ahead: int = 3) -> int:
    """Make the partitions of the history for this month and the next ones; returns how many were missing."""
    row = session.execute(
        text("SELECT add_execution_event_partitions(CAST(:today AS date), :months)"),
        {"today": now(session).date(), "months": months_ahead + 1},
    )
    return int(row.scalar_one())
