"""Business time: one clock, aware UTC, passed on as a bound parameter.

Every transaction begins by reading the offset row where the test clock is on (core.db), so all processes see one time and
a test can move it. Database now() serves leases and updated_at only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import CheckConstraint, Double, SmallInteger, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import CLOCK_OFFSET, Base

__all__ = ["ClockOffset", "move_to", "now", "utc_now"]


class ClockOffset(Base):
    """The one row by which the test clock is moved, in seconds."""

    __tablename__ = "clock_offset"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seconds: Mapped[float] = mapped_column(Double, default=0.0)


def utc_now() -> datetime:
    """The machine's time; for what has no transaction (tokens, logs)."""
    return datetime.now(UTC)


def now(session: Session) -> datetime:
    """Business time as this transaction sees it."""
    offset: timedelta = session.info.get(CLOCK_OFFSET, timedelta(0))
    return utc_now() + offset


def move_to(session: Session, at: datetime) -> None:
    """Set the test clock so that business time is `at` from the next transaction on."""
    seconds = (at - utc_now()).total_seconds()
    session.execute(update(ClockOffset).values(seconds=seconds))
