"""Tables of maintenance windows and scheduled deployments."""

from __future__ import annotations

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, Text, Time, Uuid, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id
from app.domains.deployments.rules import LONGEST_MINUTES, SHORTEST_MINUTES, ScheduleState

WAITING = "state = 'scheduled'"


class MaintenanceWindow(Owned, Timestamped, Base):
    """A time of the week in which deployments may begin: `starts_at` is local in `time_zone`, an IANA name.

    `region` null: for every region that has no window of its own. One that is not active is none.
    """

    __tablename__ = "maintenance_windows"
    __table_args__ = (
        CheckConstraint(
            """weekdays <@ '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]' AND jsonb_array_length(weekdays) > 0""",
            name="weekdays",
        ),
        CheckConstraint(f"duration_minutes BETWEEN {SHORTEST_MINUTES} AND {LONGEST_MINUTES}", name="duration_minutes"),
        # the list, newest first, in keyset pages; an owner's windows
        Index("ix_maintenance_windows_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    weekdays: Mapped[list[str]]
    starts_at: Mapped[time] = mapped_column(Time)
    duration_minutes: Mapped[int] = mapped_column(Integer)
    time_zone: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)


class ScheduledDeployment(Owned, Timestamped, Base):
    """An order's deployment that begins at a time. `order_id` by value: orders belong to sales.

    `asked_by` names what asked for it, so that asking again finds it. Started: its time came and deployment.due was told,
    which is all that is known of it here.
    """

    __tablename__ = "scheduled_deployments"
    __table_args__ = (
        CheckConstraint("state IN ('scheduled', 'started', 'cancelled')", name="state"),
        CheckConstraint("(state = 'started') = (started_at IS NOT NULL)", name="started_at"),
        CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at"),
        # an order waits for one time
        Index("uq_scheduled_deployments_order_id", "owner_id", "order_id", unique=True, postgresql_where=text(WAITING)),
        # what was asked for before
        Index(
            "uq_scheduled_deployments_asked_by",
            "owner_id",
            "asked_by",
            unique=True,
            postgresql_where=text("state <> 'cancelled'"),
        ),
        # the list, newest first, in keyset pages
        Index("ix_scheduled_deployments_list", "owner_id", "created_at", "id"),
        # the list of an order's, the last first
        Index("ix_scheduled_deployments_order_id", "owner_id", "order_id", "created_at", "id"),
        # the list by state
        Index("ix_scheduled_deployments_state", "owner_id", "state", "created_at", "id"),
        # beat: whose time has come
        Index("ix_scheduled_deployments_due", "scheduled_for", postgresql_where=text(WAITING)),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    order_id: Mapped[int] = mapped_column(BigInteger)
    region: Mapped[str | None] = mapped_column(Text)
    scheduled_for: Mapped[datetime]
    state: Mapped[str] = mapped_column(
        Text, server_default=ScheduleState.SCHEDULED.value, default=ScheduleState.SCHEDULED.value
    )
    asked_by: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
