"""What starts workflows by itself: events and cron schedules, as rows of the current version of each workflow."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from sqlalchemy import Select, delete, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import BusinessError, NotFound
from app.core.events import canonical
from app.core.ids import OPERATOR_ID
from app.core.world import World
from app.domains.workflows import queries
from app.domains.workflows.models import Workflow, WorkflowTrigger
from app.domains.workflows.service.executions import start
from pipelines.errors import ExpressionError
from pipelines.expressions import Scope, holds, resolve

log = logging.getLogger(__name__)

ERROR_LIMIT = 500
MOST_LISTED = 1_000

_DUE = text(
    """
    SELECT id, owner_id FROM workflow_triggers WHERE is_active AND next_at <= :now ORDER BY next_at LIMIT :limit
    """
)

_TAKE_TICK = text(
    """
    SELECT t.id, t.owner_id, t.next_at, t.schedule, t.timezone, t.context, t.position, w.name
    FROM workflow_triggers t JOIN workflows w ON w.id = t.workflow_id
    WHERE t.id = :id AND t.is_active AND t.next_at <= :now FOR UPDATE OF t SKIP LOCKED
    """
)

_NEXT_TICK = text(
    "UPDATE workflow_triggers SET next_at = :next, last_fired_at = :now, last_error = NULL WHERE id = :id"
)
_TICK_FAILED = text("UPDATE workflow_triggers SET last_error = :error WHERE id = :id")

# its tick is still to come: the next try is a little later, so that those behind it have their turn
_TICK_LATER = text(
    """
    UPDATE workflow_triggers SET next_at = :now + interval '10 seconds', last_error = :error
    WHERE id = :id AND is_active AND next_at <= :now
    """
)

_SUPPRESSED = text(
    """
    WITH RECURSIVE cause AS (
      SELECT id, parent_id, snapshot -> 'suppresses' AS suppresses FROM workflow_executions WHERE id = ANY(:executions)
      UNION
      SELECT p.id, p.parent_id, p.snapshot -> 'suppresses' FROM workflow_executions p JOIN cause c ON p.id = c.parent_id)
    SELECT DISTINCT jsonb_array_elements_text(suppresses) FROM cause WHERE jsonb_typeof(suppresses) = 'array'
    """
)


def save_triggers(session: Session, workflow: Workflow, document: Mapping[str, Any]) -> None:
    """Make the triggers of a new version those of its workflow. A switched-off one stays off while its place says the same."""
    saved = select(WorkflowTrigger).where(WorkflowTrigger.workflow_id == workflow.id)
    off = {_said(trigger) for trigger in session.scalars(saved) if not trigger.is_active}
    session.execute(delete(WorkflowTrigger).where(WorkflowTrigger.workflow_id == workflow.id))
    for position, described in enumerate(document.get("triggers", ())):
        schedule, timezone = described.get("schedule"), described.get("timezone", "UTC")
        trigger = WorkflowTrigger(
            workflow_id=workflow.id,
            owner_id=workflow.owner_id,
            position=position,
            event_type=canonical(described["event"]) if "event" in described else None,
            condition=described.get("when"),
            context=dict(described.get("context", {})),
            schedule=schedule,
            timezone=timezone,
            next_at=next_tick(schedule, timezone, after=now(session)) if schedule else None,
        )
        trigger.is_active = _said(trigger) not in off
        session.add(trigger)


def _said(trigger: WorkflowTrigger) -> tuple[str | None, ...]:
    return trigger.event_type, trigger.condition, trigger.schedule, trigger.timezone


def next_tick(schedule: str, timezone: str, *, after: datetime) -> datetime | None:
    """The schedule's first tick after a moment (cron as Debian's, also over changes of daylight saving); None: there is none."""
    return next(CronSim(schedule, after.astimezone(ZoneInfo(timezone))), None)


def list_triggers(*, schedules: bool | None = None) -> Select[Any]:
    """A statement for a page of triggers that the session may see; `schedules`: only those, or only the others."""
    statement = select(WorkflowTrigger)
    if schedules is not None:
        statement = statement.where(WorkflowTrigger.schedule.is_not(None) == schedules)
    return statement


def all_triggers(session: Session, *, schedules: bool | None = None) -> list[tuple[WorkflowTrigger, str]]:
    """Triggers with their workflows' names; `schedules`: only those, or only the others."""
    found = list_triggers(schedules=schedules).join(Workflow, Workflow.id == WorkflowTrigger.workflow_id)
    rows = session.execute(
        found.add_columns(Workflow.name).order_by(Workflow.name, WorkflowTrigger.position).limit(MOST_LISTED)
    )
    return [(trigger, name) for trigger, name in rows]


def get_trigger(session: Session, *, trigger_id: int) -> WorkflowTrigger:
    """Raises NotFound."""
    found = session.scalars(select(WorkflowTrigger).where(WorkflowTrigger.id == trigger_id)).one_or_none()
    if found is None:
        message = f"Trigger {trigger_id} not found"
        raise NotFound(message)
    return found


def set_active(session: Session, *, trigger_id: int, active: bool) -> WorkflowTrigger:
    """Switch one of the tenant's own triggers on or off; a schedule goes on with its next tick from now. Raises NotFound."""
    trigger = get_trigger(session, trigger_id=trigger_id)
    if trigger.owner_id != session.info[OWNER]:
        message = f"Trigger {trigger_id} is built in and cannot be changed."
        raise NotFound(message)
    audit.record(
        session,
        "trigger.switch",
        f"trigger/{trigger_id}",
        before={"is_active": trigger.is_active},
        after={"is_active": active},
    )
    if active and not trigger.is_active and trigger.schedule:
        trigger.next_at = next_tick(trigger.schedule, trigger.timezone, after=now(session))
    trigger.is_active = active
    return trigger


def fire_schedules(world: World, *, limit: int = 100) -> int:
    """Start what is due; a tick that was missed once, and each tick once, however many do this. Returns how many fired."""
    with world.across.transaction() as session:
        due = session.execute(_DUE, {"now": now(session), "limit": limit}).all()
    return sum(_fired(world, row.id) for row in due)


def _fired(world: World, trigger_id: int) -> bool:
    try:
        return _fire(world, trigger_id)
    except Exception as error:
        log.exception("trigger %s could not be fired; trying again later", trigger_id)
        with world.across.transaction() as session:
            later = {"id": trigger_id, "now": now(session), "error": type(error).__name__}
            session.execute(_TICK_LATER, later)
        return False


def _fire(world: World, trigger_id: int) -> bool:
    with world.across.transaction() as session:
        at = now(session)
        tick = session.execute(_TAKE_TICK, {"id": trigger_id, "now": at}).one_or_none()
        if tick is None:
            return False
        coming = next_tick(tick.schedule, tick.timezone, after=at)
        session.execute(_NEXT_TICK, {"id": trigger_id, "next": coming, "now": at})
        session.info[OWNER] = tick.owner_id or OPERATOR_ID
        key = f"tick:{tick.position}:{tick.next_at.isoformat()}"
        error = _started(
            session, tick.name, tick.context, Scope(), trigger_type="scheduled", key=key, source=tick.schedule
        )
        if error is not None:
            session.execute(_TICK_FAILED, {"id": trigger_id, "error": error})
        return error is None


def start_by_event(session: Session, event: dict[str, Any], *, of: Collection[int]) -> int:
    """Start the workflows that an event triggers for the session's owner; returns how many.

    An event starts each trigger's workflow once. The tenant's own workflow hides a built-in one of its name. `of`: the
    executions whose own affair the event is, since they caused it or have waited for it; what one of them, or a parent of
    one, suppresses is left alone.
    """
    triggers = session.execute(
        select(WorkflowTrigger, Workflow)
        .join(Workflow, Workflow.id == WorkflowTrigger.workflow_id)
        .where(WorkflowTrigger.event_type == canonical(event["type"]), WorkflowTrigger.is_active, Workflow.is_active)
        .order_by(WorkflowTrigger.id)
    ).all()
    if not triggers:
        return 0
    suppressed = set(session.execute(_SUPPRESSED, {"executions": sorted(of)}).scalars()) if of else set()
    scope, started = Scope(event=event), 0
    for trigger, workflow in triggers:
        shown = queries.workflow_by_name(session, workflow.name)
        if workflow.name in suppressed or shown is None or shown.id != workflow.id:
            continue
        started += _start_one(session, trigger, workflow.name, scope, event)
    return started


def _start_one(session: Session, trigger: WorkflowTrigger, name: str, scope: Scope, event: dict[str, Any]) -> bool:
    try:
        if trigger.condition is not None and not holds(trigger.condition, scope):
            return False
    except ExpressionError as error:
        failure: str | None = str(error)
    else:
        key = f"event:{trigger.position}:{event['id']}"
        failure = _started(
            session,
            name,
            trigger.context,
            scope,
            trigger_type="event",
            key=key,
            source=f"{event['type']} {event['id']}",
        )
    if trigger.owner_id is not None:
        trigger.last_fired_at, trigger.last_error = now(session), failure
    return failure is None


def _started(
    session: Session, name: str, context: Mapping[str, Any], scope: Scope, *, trigger_type: str, key: str, source: str
) -> str | None:
    """Start a triggered execution; returns why it could not be, which is no reason to try the same again."""
    try:
        with session.begin_nested():
            start(
                session,
                workflow=name,
                context=resolve(dict(context), scope),
                trigger_type=trigger_type,
                trigger_source=source,
                start_key=key,
                event=scope.event,
            )
    except DBAPIError:
        raise
    except Exception as error:
        # whatever it is, it must not keep the event from the others that listen
        faults = "; ".join(f"{fault.pointer}: {fault.message}" for fault in getattr(error, "faults", ()))
        told = isinstance(error, BusinessError | ExpressionError)
        log.warning("%s could not be started by %s: %s %s", name, source, error, faults, exc_info=not told)
        return f"{error} {faults}".strip()[:ERROR_LIMIT]
    return None
