"""What beat does for the engine, across owners."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.store.sweep import Swept, sweep


def send_lost_work(session: Session) -> Swept:
    """One pass of the sweeper."""
    settings = port(session, Settings)
    return sweep(session, resend_after=settings.resend_after, enabled=settings.workflow_engine_enabled)


def add_history_partitions(session: Session, *, months_ahead: int = 3) -> int:
    """Make the partitions of the history for this month and the next ones; returns how many were missing."""
    row = session.execute(
        text("SELECT add_execution_event_partitions(CAST(:today AS date), :months)"),
        {"today": now(session).date(), "months": months_ahead + 1},
    )
    return int(row.scalar_one())
