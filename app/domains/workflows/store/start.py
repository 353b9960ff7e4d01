"""An execution's rows, and its beginning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import emit
from app.core.queue import send_steps
from app.core.statements import execute
from app.domains.workflows.rules import Compiled
from app.domains.workflows.store.places import has_place, leave_place, queues_behind
from pipelines.plan import Route, segments

_SWITCHED_OFF = """EXISTS (SELECT FROM engine_switches w WHERE w.owner_id IS NULL OR w.owner_id = {owner})"""

_INSERT = f"""
    WITH go AS (
      SELECT CASE WHEN %(begins)s AND (%(parent_id)s::bigint IS NOT NULL OR NOT {_SWITCHED_OFF.format(owner="%(owner_id)s")})
        THEN 'running' ELSE 'pending' END AS state),
    e AS (
      INSERT INTO workflow_executions (owner_id, workflow_id, workflow_name, workflow_version, snapshot, key, state,
        unmet_sinks, context, trigger_type, trigger_source, correlation_id, labels, parent_id, parent_number, depth,
        rollback_on_failure, max_duration_seconds, deadline_at, inline, concurrency_key, concurrency_limit, counts_parked,
        start_key, event, is_wanted, created_at, started_at, check_at)
      SELECT %(owner_id)s, %(workflow_id)s, %(workflow_name)s, %(version)s, %(snapshot)s::jsonb, %(key)s, go.state,
        %(sinks)s, %(context)s::jsonb, %(trigger_type)s, %(trigger_source)s, %(correlation_id)s, %(labels)s::jsonb,
        %(parent_id)s, %(parent_number)s, %(depth)s, %(rollback_on_failure)s, %(max_duration_seconds)s, %(deadline_at)s,
        %(inline)s, %(concurrency_key)s, %(concurrency_limit)s, %(counts_parked)s, %(start_key)s, %(event)s::jsonb,
        %(is_wanted)s, %(now)s, CASE go.state WHEN 'running' THEN %(now)s::timestamptz END,
        CASE go.state WHEN 'running' THEN now() + make_interval(secs => %(resend_after)s) END
      FROM go RETURNING id, state),
    s AS (
      INSERT INTO workflow_steps (execution_id, owner_id, sequence_number, step_name, step_type, task, definition, critical,
        unmet, releases, reads, route, sink, idempotency_key, sent_at)
      SELECT e.id, %(owner_id)s, r.sequence_number, r.step_name, r.step_type, r.task, r.definition, r.critical, r.unmet,
        r.releases, r.reads, r.route, r.sink, md5(%(key)s || ':' || r.step_name)::uuid,
        CASE WHEN e.state = 'running' AND r.unmet = 0 THEN now() END
      FROM e, jsonb_to_recordset(%(rows)s::jsonb) AS r (sequence_number int, step_name text, step_type text,
        task text, definition jsonb, critical boolean, unmet int, releases int[], reads int[], route jsonb, sink boolean)),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, released)
      SELECT %(owner_id)s, e.id, %(now)s, 'pending', 'running', %(roots)s::int[] FROM e WHERE e.state = 'running')
    SELECT id, state FROM e
"""  # noqa: S608 - constants

_BEGIN = f"""
    WITH e AS (
      UPDATE workflow_executions x SET state = 'running', started_at = %(now)s, is_wanted = true, queued_at = NULL,
        check_at = now() + make_interval(secs => %(resend_after)s)
      WHERE id = %(id)s AND state = 'pending' AND (concurrency_key IS NULL OR %(has_place)s)
        AND (parent_id IS NOT NULL OR NOT {_SWITCHED_OFF.format(owner="x.owner_id")})
      RETURNING id, owner_id, workflow_name, correlation_id),
    s AS (
      UPDATE workflow_steps SET sent_at = now() FROM e
      WHERE execution_id = e.id AND unmet = 0 AND workflow_steps.state = 'pending' RETURNING sequence_number, route),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, released)
      SELECT e.owner_id, e.id, %(now)s, 'pending', 'running', (SELECT array_agg(sequence_number) FROM s) FROM e)
    SELECT e.owner_id, e.workflow_name, e.correlation_id,
      (SELECT jsonb_agg(route ORDER BY sequence_number) FROM s) AS routes FROM e
"""  # noqa: S608 - constants

_WANT = text(
    """
    UPDATE workflow_executions SET is_wanted = true,
      queued_at = CASE WHEN concurrency_key IS NOT NULL THEN coalesce(queued_at, :now) END
    WHERE id = :id AND state = 'pending' RETURNING owner_id, concurrency_key, concurrency_limit
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExecution:
    """What an execution is made of. `parent_id` and `parent_number`: the step whose child it is, `depth` levels down."""

    owner_id: UUID
    workflow_id: int
    workflow_name: str
    version: str
    document: Mapping[str, Any]
    context: Mapping[str, Any]
    trigger_type: str
    trigger_source: str | None = None
    correlation_id: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    parent_id: int | None = None
    parent_number: int | None = None
    depth: int = 0
    max_duration_seconds: float | None = None
    concurrency_key: str | None = None
    start_key: str | None = None
    event: Mapping[str, Any] | None = None
    is_wanted: bool = True


def create(session: Session, new: NewExecution, compiled: Compiled, *, begins: bool, resend_after: float) -> int:
    """Write the execution and its steps; returns its id.

    `begins`: it is to run at once, and does so where nothing holds it back; else it is pending, and `is_wanted` says whether
    it runs as soon as nothing does.
    """
    at = now(session)
    snapshot, rows = compiled.text
    deadline, concurrency = new.document.get("deadline_seconds"), new.document.get("concurrency", {})
    session.flush()
    row = execute(
        session,
        _INSERT,
        {
            "owner_id": new.owner_id,
            "workflow_id": new.workflow_id,
            "workflow_name": new.workflow_name,
            "version": new.version,
            "snapshot": snapshot,
            "key": str(uuid4()),
            "sinks": compiled.sinks,
            "context": json.dumps(new.context),
            "trigger_type": new.trigger_type,
            "trigger_source": new.trigger_source,
            "correlation_id": new.correlation_id,
            "labels": json.dumps(new.labels),
            "parent_id": new.parent_id,
            "parent_number": new.parent_number,
            "depth": new.depth,
            "deadline_at": None if deadline is None else at + timedelta(seconds=deadline),
            "inline": new.document.get("inline", False),
            "concurrency_key": new.concurrency_key,
            "concurrency_limit": concurrency.get("limit", 1),
            "counts_parked": concurrency.get("count_parked", False),
            "start_key": new.start_key,
            "event": None if new.event is None else json.dumps(new.event),
            "rollback_on_failure": new.document.get("rollback_on_failure", True),
            "max_duration_seconds": new.max_duration_seconds,
            "is_wanted": new.is_wanted,
            "now": at,
            "rows": rows,
            "roots": compiled.roots,
            "begins": begins and new.concurrency_key is None,
            "resend_after": resend_after,
        },
    ).fetchone()
    assert row is not None
    if row.state == "running":
        _begun(session, new.owner_id, row.id, new.workflow_name, new.correlation_id, compiled.first)
    elif begins:
        begin(session, row.id, resend_after=resend_after)
    return int(row.id)


def begin(session: Session, execution_id: int, *, resend_after: float, in_turn: bool = False) -> bool:
    """Pending -> running: its ready steps are sent after the commit.

    False when it was not pending, or has to wait: the engine is switched off, its concurrency key is at its limit, or others
    queue for the place that is free. `in_turn`: it has queued and its turn has come.
    """
    at: datetime = now(session)
    about = {"id": execution_id, "now": at, "resend_after": resend_after}
    row = execute(session, _BEGIN, {**about, "has_place": False}).fetchone()
    if row is None:
        waits = session.execute(_WANT, about).one_or_none()
        if waits is None or waits.concurrency_key is None:
            return False
        if not has_place(session, waits.owner_id, waits.concurrency_key, limit=waits.concurrency_limit):
            return False
        if not in_turn and queues_behind(session, execution_id):
            leave_place(session, waits.owner_id, waits.concurrency_key)
            return False
        row = execute(session, _BEGIN, {**about, "has_place": True}).fetchone()
        if row is None:
            return False
    _begun(session, row.owner_id, execution_id, row.workflow_name, row.correlation_id, row.routes or ())
    return True


def _begun(  # noqa: PLR0917 - what an event and a canvas are made of
    session: Session,
    owner_id: UUID,
    execution_id: int,
    workflow: str,
    correlation_id: str | None,
    routes: Sequence[Sequence[Any]],
) -> None:
    emit(
        session,
        "workflow.started",
        f"execution/{execution_id}",
        {"execution_id": execution_id, "workflow": workflow, "correlation_id": correlation_id},
        owner_id=owner_id,
    )
    send_ready(session, owner_id, execution_id, routes)


def send_ready(
    session: Session, owner_id: UUID, execution_id: int, routes: Sequence[Sequence[Any]], *, undo: bool = False
) -> None:
    """Send canvases of these ready steps after the commit."""
    parts = segments([Route.from_json(route) for route in routes]) if routes else []
    send_steps(session, owner_id, execution_id, parts, undo=undo)
