"""Deployments that begin at a time: planned, moved, called off. A change is made under the row's lock."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault
from app.core.events import emit
from app.core.ids import new_id
from app.domains.deployments import queries
from app.domains.deployments.errors import AlreadyScheduled, ScheduleNotFound, ScheduleOver, TimeRefused
from app.domains.deployments.models import ScheduledDeployment
from app.domains.deployments.rules import NoTime, ScheduleState, is_meant, planned, read_time
from app.domains.deployments.service.windows import windows_of
from app.domains.tenants import service as tenants


def schedule_deployment(
    session: Session, *, order_id: int, key: str, at: str | None = None, region: str | None = None, again: bool = False
) -> ScheduledDeployment:
    """Let an order's deployment begin at a time; emits deployment.scheduled.

    `at`: a day or a time (ISO 8601; without an offset it is the owner's), in the future and in a maintenance window where
    the region has any; None: as soon as a window is open, at once without any. `key` names what asks: asking again finds the
    same. So does asking again for the order while it waits for its time or, unless `again`, when it has begun already.

    Raises TimeRefused, which says when it could begin, and AlreadyScheduled when the order waits for another time.
    """
    if found := queries.schedule_asked_by(session, key):
        return found
    wanted = _wanted(session, at)
    if found := _found(session, order_id, wanted, again=again):
        return found
    moment = _planned(session, wanted, region)
    made: ScheduledDeployment | None = session.scalar(
        insert(ScheduledDeployment)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            order_id=order_id,
            region=region,
            scheduled_for=moment,
            asked_by=key,
            created_at=now(session),
        )
        # waits for whoever is about to schedule the same order, and then finds theirs
        .on_conflict_do_nothing()
        .returning(ScheduledDeployment)
    )
    if made is None:
        first = queries.schedule_asked_by(session, key) or _found(session, order_id, wanted, again=again)
        if first is None:
            raise _waits_for_another(order_id)
        return first
    _tell(session, made, "deployment.scheduled")
    audit.record(session, "deployment.scheduled", subject(made), after=about(made))
    return made


def reschedule_deployment(session: Session, *, schedule_id: UUID, at: str | None = None) -> ScheduledDeployment:
    """Let it begin at another time; emits deployment.scheduled. Raises ScheduleNotFound, ScheduleOver, TimeRefused."""
    found = _locked(session, schedule_id)
    if found.state != ScheduleState.SCHEDULED:
        raise _over(found)
    return move(session, found, to=_planned(session, _wanted(session, at), found.region))


def cancel_scheduled_deployment(session: Session, *, schedule_id: UUID) -> ScheduledDeployment:
    """Call it off; emits deployment.unscheduled. One that was called off stays so.

    Raises ScheduleNotFound, ScheduleOver when it has begun.
    """
    found = _locked(session, schedule_id)
    if found.state == ScheduleState.STARTED:
        raise _over(found)
    if found.state == ScheduleState.SCHEDULED:
        before = about(found)
        found.state, found.cancelled_at = ScheduleState.CANCELLED, now(session)
        _write(session, found)
        _tell(session, found, "deployment.unscheduled")
        audit.record(session, "deployment.unscheduled", subject(found), before=before)
    return found


def get_schedule(session: Session, *, schedule_id: UUID) -> ScheduledDeployment:
    """A scheduled deployment, in any state. Raises ScheduleNotFound."""
    if found := queries.schedule(session, schedule_id):
        return found
    message = "There is no such scheduled deployment."
    raise ScheduleNotFound(message)


def all_schedules(*, state: str | None = None, order_id: int | None = None) -> Select[ScheduledDeployment]:
    """Scheduled deployments, to be paged."""
    return queries.schedules(state=state, order_id=order_id)


def move(session: Session, schedule: ScheduledDeployment, *, to: datetime) -> ScheduledDeployment:
    """Give one that waits, and is locked, another time."""
    if schedule.scheduled_for != to:
        before = about(schedule)
        schedule.scheduled_for = to
        _write(session, schedule)
        _tell(session, schedule, "deployment.scheduled")
        audit.record(
            session,
            "deployment.rescheduled",
            subject(schedule),
            before=before,
            after=about(schedule),
            owner_id=schedule.owner_id,
        )
    return schedule


def subject(schedule: ScheduledDeployment) -> str:
    """What it is called in events and in the audit log."""
    return f"scheduled_deployment/{schedule.id}"


def about(schedule: ScheduledDeployment) -> dict[str, Any]:
    """What events and the audit log tell of it."""
    return {
        "scheduled_deployment_id": str(schedule.id),
        "order_id": schedule.order_id,
        "scheduled_for": schedule.scheduled_for.isoformat(),
        "region": schedule.region,
    }


def _write(session: Session, schedule: ScheduledDeployment) -> None:
    session.flush()
    session.refresh(schedule)  # updated_at is the database's


def _tell(session: Session, schedule: ScheduledDeployment, event_type: str) -> None:
    emit(session, event_type, subject(schedule), about(schedule), owner_id=schedule.owner_id)


def _found(session: Session, order_id: int, wanted: date | None, *, again: bool) -> ScheduledDeployment | None:
    """What is planned for an order already. Raises AlreadyScheduled when that is another time than is wanted."""
    last = queries.last_schedule(session, order_id=order_id)
    if last is None or (again and last.state == ScheduleState.STARTED):
        return None
    if is_meant(wanted, last.scheduled_for, zone=tenants.time_zone(session)):
        return last
    if last.state == ScheduleState.STARTED:
        return None
    raise _waits_for_another(order_id)


def _wanted(session: Session, at: str | None) -> date | None:
    try:
        return None if at is None else read_time(at, zone=tenants.time_zone(session))
    except NoTime as error:
        raise _refused(error) from None


def _planned(session: Session, wanted: date | None, region: str | None) -> datetime:
    windows = windows_of(session, owner_id=session.info[OWNER], region=region)
    try:
        return planned(wanted, windows, now=now(session), zone=tenants.time_zone(session))
    except NoTime as error:
        raise _refused(error) from None


def _locked(session: Session, schedule_id: UUID) -> ScheduledDeployment:
    found = queries.schedule(session, schedule_id, locked=True)
    return found or get_schedule(session, schedule_id=schedule_id)


def _refused(error: NoTime) -> TimeRefused:
    return TimeRefused(str(error), faults=[Fault("/scheduled_at", str(error))])


def _waits_for_another(order_id: int) -> AlreadyScheduled:
    message = f"The deployment of order {order_id} is scheduled for another time: move it, or call it off first."
    return AlreadyScheduled(message, faults=[Fault("/order_id", message)])


def _over(schedule: ScheduledDeployment) -> ScheduleOver:
    became = "has begun" if schedule.state == ScheduleState.STARTED else "was called off"
    message = f"The deployment of order {schedule.order_id} {became} already."
    return ScheduleOver(message)
