"""Beat: what is scheduled begins when its time has come, in a maintenance window where there are any."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.domains.deployments import queries
from app.domains.deployments.rules import ScheduleState, Window, is_open, next_minute, next_moment
from app.domains.deployments.service.schedules import about, move, subject
from app.domains.deployments.service.windows import windows_of

BATCH = 500


def start_due_deployments(session: Session, *, limit: int = BATCH) -> int:
    """Tell of each scheduled deployment whose time has come, once: deployment.due. Runs across owners, in batches.

    Whoever answers the event processes the order. One whose window has closed meanwhile, because nobody looked in time or
    the windows were changed, gets the next opening instead. Returns how many were due: call again while it is `limit`.
    """
    at = now(session)
    due = queries.due(session, at=at, limit=limit)

    @cache
    def windows(owner_id: UUID, region: str | None) -> list[Window]:
        return windows_of(session, owner_id=owner_id, region=region)

    for schedule in due:
        open_ones = windows(schedule.owner_id, schedule.region)
        if not is_open(open_ones, at):
            move(session, schedule, to=next_moment(open_ones, next_minute(at)))
            continue
        schedule.state, schedule.started_at = ScheduleState.STARTED, at
        session.flush()
        emit(session, "deployment.due", subject(schedule), about(schedule), owner_id=schedule.owner_id)
        audit.record(session, "deployment.due", subject(schedule), after=about(schedule), owner_id=schedule.owner_id)
    return len(due)
