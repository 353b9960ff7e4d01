"""Steps again, in the same execution: the residual graph with them in it goes out as canvases of its own.

Retry, skip and re-run are the same act on different sets of steps: it locks every step in order, counts for each that is to come
what it still waits for, and sends what is ready.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.rules import hop, steps_of
from app.domains.workflows.store import children, elements, siblings
from app.domains.workflows.store.places import has_own_place
from app.domains.workflows.store.start import send_ready
from app.domains.workflows.store.wake import wake
from pipelines.definition import StepType
from pipelines.graph import Graph
from pipelines.operations import Catalogue
from pipelines.plan import routes

TO_COME = frozenset({"pending", "running", "waiting"})

_PURE = frozenset({StepType.SERVICE_CALL, StepType.CONDITION, StepType.TRANSFORM, StepType.SUB_WORKFLOW})
"""Steps that run again when what they read is made anew; nobody is asked, and no time waited for, a second time."""

_STEPS = text(
    """
    SELECT s.sequence_number, s.step_name, s.step_type, s.state, s.critical, s.elements, s.child_id, s.token IS NOT NULL AS at_work,
      s.step_type = 'condition' AND s.state = 'completed' AND s.output_data = 'false' AS is_false,
      EXISTS (SELECT FROM execution_effects f WHERE f.execution_id = s.execution_id
              AND f.sequence_number = s.sequence_number AND f.state = 'confirmed') AS has_effects
    FROM workflow_steps s WHERE s.execution_id = :execution ORDER BY s.sequence_number FOR UPDATE OF s
    """
)

_AGAIN = text(
    """
    WITH moved AS (
      UPDATE workflow_steps s SET state = 'pending', unmet = r.unmet, releases = r.releases, route = r.route, sink = r.sink,
        is_passed_over = coalesce(r.passed_over, s.is_passed_over), attempts = 0, undo_attempts = 0, tries = 0,
        not_before = NULL, token = NULL, lease_until = NULL, completed_at = NULL, started_at = NULL, error_message = NULL,
        error_type = NULL, error_traceback = NULL, awaits = NULL, subjects = NULL, due_at = NULL, deadline_at = NULL,
        wake_at = NULL, throttled_by = NULL, sent_at = CASE WHEN r.unmet = 0 THEN now() END,
        idempotency_key = CASE WHEN r.fresh THEN gen_random_uuid() ELSE s.idempotency_key END,
        elements = CASE WHEN r.fresh THEN NULL ELSE s.elements END,
        child_id = CASE WHEN r.fresh THEN NULL ELSE s.child_id END
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (number int, before text, unmet int, releases int[], route jsonb,
        sink boolean, passed_over boolean, fresh boolean)
      WHERE s.execution_id = :execution AND s.sequence_number = r.number
      RETURNING s.owner_id, s.step_name, r.before)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
    SELECT owner_id, :execution, :now, step_name, before, 'pending' FROM moved
    """
)

_ALSO_TO_COME = text(
    """
    UPDATE workflow_steps s SET releases = r.releases, sink = r.sink, tries = 0, sent_at = CASE
      WHEN s.state = 'pending' AND s.unmet = 0 THEN
        CASE WHEN s.not_before IS NULL OR s.not_before <= :now THEN now() END
      ELSE s.sent_at END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (number int, releases int[], sink boolean)
    WHERE s.execution_id = :execution AND s.sequence_number = r.number
    RETURNING s.sequence_number, s.route, s.state = 'pending' AND s.unmet = 0 AND s.sent_at IS NOT NULL AS ready
    """
)

_FORGET_ELEMENTS = text("DELETE FROM workflow_steps WHERE execution_id = :execution AND parent_number = ANY(:numbers)")

_GO_ON = text(
    """
    WITH before AS (SELECT id, state FROM workflow_executions WHERE id = :execution FOR NO KEY UPDATE),
    e AS (
      UPDATE workflow_executions x SET state = :state, rollback = 'none', completed_at = NULL, result = NULL, error = NULL,
        waiting = (SELECT count(*) FROM workflow_steps WHERE execution_id = :execution AND state = 'waiting'),
        stopping = NULL, rerun = NULL, unmet_sinks = :sinks, check_at = now() + make_interval(secs => :resend_after),
        context = coalesce(CAST(:context AS jsonb), x.context), busy_seconds = 0,
        busy_since = CASE WHEN :state = 'running' THEN CAST(:now AS timestamptz) END,
        queued_at = CASE WHEN :state = 'waiting' THEN CAST(:now AS timestamptz) END,
        deadline_at = CASE WHEN x.deadline_at <= :now THEN :now + (x.deadline_at - x.created_at) ELSE x.deadline_at END
      FROM before WHERE x.id = before.id RETURNING x.owner_id, before.state),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, released)
      SELECT owner_id, :execution, :now, state, :state, CAST(:released AS int[]) FROM e)
    SELECT owner_id FROM e
    """
)

_RETRY_ROLLBACK = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET state = 'running', rollback = 'running', completed_at = NULL,
        stopping = CASE WHEN stopping <> 'terminate' THEN stopping WHEN rerun IS NULL THEN 'cancel' ELSE 'rerun' END,
        rerun = CASE WHEN stopping = 'terminate' THEN rerun || '{"is_given_up": true}' ELSE rerun END,
        check_at = now() + make_interval(secs => :resend_after)
      WHERE id = :execution AND state = 'failed' AND rollback = 'incomplete' RETURNING id, owner_id),
    s AS (
      UPDATE workflow_steps SET state = 'compensating', undo_attempts = 0, not_before = NULL, throttled_by = NULL, tries = 0,
        sent_at = CASE WHEN unmet = 0 THEN now() END
      FROM e WHERE execution_id = e.id AND workflow_steps.state = 'compensation_failed'
      RETURNING workflow_steps.owner_id, step_name, route, unmet),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
      SELECT owner_id, :execution, :now, step_name, 'compensation_failed', 'compensating' FROM s)
    SELECT e.owner_id, (SELECT jsonb_agg(route) FROM s WHERE unmet = 0) AS routes FROM e
    """
)


@dataclass(frozen=True, slots=True)
class Found:
    """The steps of an execution as they are, locked, with its graph. Elements are not among `rows`."""

    graph: Graph
    rows: Mapping[int, Any]
    is_at_work: bool

    def numbers(self, *states: str) -> set[int]:
        """The steps that are in one of these states."""
        return {number for number, row in self.rows.items() if row.state in states}

    def names(self, numbers: Iterable[int]) -> list[str]:
        """Their names, in order."""
        return [self.graph.names[number] for number in sorted(numbers)]

    def after(self, numbers: Iterable[int]) -> set[int]:
        """All that depends on one of them."""
        return {after for number in numbers for after in self.graph.descendants(number)}

    def skipped_by_condition(self, again: Collection[int]) -> set[int]:
        """What stays skipped because of a condition that was false and is not among these."""
        return self.after(number for number, row in self.rows.items() if row.is_false and number not in again)

    def lost_by_rollback(self) -> set[int]:
        """The steps of which nothing is left, and those that made something of what they gave.

        What cannot be undone stands, and so does what a person answered.
        """
        undone = self.numbers("compensated")
        behind = {
            number
            for number in self.after(undone) & self.numbers("completed", "skipped")
            if self.rows[number].step_type in _PURE and not self.rows[number].has_effects
        }
        return undone | behind


def look(session: Session, execution_id: int, document: Mapping[str, Any]) -> Found:
    """Lock every step, in order, and say what it is."""
    rows = session.execute(_STEPS, {"execution": execution_id}).all()
    return Found(
        graph=Graph.of(steps_of(document)),
        rows={row.sequence_number: row for row in rows if row.sequence_number >= 0},
        is_at_work=any(row.at_work or row.state == "running" for row in rows),
    )


def reopen(
    session: Session,
    found: Found,
    *,
    execution_id: int,
    document: Mapping[str, Any],
    again: Collection[int],
    fresh: Collection[int] = (),
    passed_over: Collection[int] = (),
    not_passed_over: Collection[int] = (),
    context: Mapping[str, Any] | None = None,
) -> None:
    """The execution goes on, with these steps pending again, each after those still to come that it depends on.

    Where its concurrency key is at its limit it queues for that.

    `fresh`: of them those that are a new act, under a new idempotency key; `passed_over`: those that will be skipped when
    their turn comes, `not_passed_over`: those that will not, whatever was said of them before. `context`: in place of the execution's. What waits beside them looks again at what it waits for.
    """
    operations, resend_after = port(session, Catalogue), port(session, Settings).resend_after
    at, graph = now(session), found.graph
    by_name = {step.name: step for step in steps_of(document)}
    to_come = set(again) | found.numbers(*TO_COME)
    decided_anew = found.after(n for n in again if found.rows[n].step_type == StepType.CONDITION) | set(not_passed_over)
    unmet = graph.residual(to_come)
    ways = routes(graph, [hop(number, by_name[name], operations) for number, name in enumerate(graph.names)])

    def linked(number: int) -> dict[str, Any]:
        releases = [after for after in graph.successors[number] if after in to_come]
        return {"number": number, "releases": releases, "sink": not releases}

    rows = [
        {
            **linked(number),
            "before": found.rows[number].state,
            "unmet": unmet[number],
            "route": ways[number].as_json(),
            "passed_over": True if number in passed_over else (False if number in decided_anew else None),
            "fresh": number in fresh,
        }
        for number in sorted(again)
    ]
    others = [linked(number) for number in sorted(to_come - set(again))]
    if fresh:
        session.execute(_FORGET_ELEMENTS, {"execution": execution_id, "numbers": sorted(fresh)})
    kept = set(again) - set(fresh) - set(passed_over)
    if expanded := {number for number in kept if found.rows[number].elements is not None}:
        elements.reset(session, execution_id, expanded)
    if started := {number for number in kept if found.rows[number].child_id is not None}:
        children.reset(session, execution_id, started)
    session.execute(_AGAIN, {"execution": execution_id, "rows": json.dumps(rows), "now": at})
    ready = {row["number"]: row["route"] for row in rows if not row["unmet"]}
    if others:
        beside = session.execute(_ALSO_TO_COME, {"execution": execution_id, "rows": json.dumps(others), "now": at})
        ready |= {row.sequence_number: row.route for row in beside if row.ready}
    for number in sorted(to_come - set(again)):
        if found.rows[number].state == "pending" and found.rows[number].elements is not None:
            at_a_time = by_name[graph.names[number]].max_parallel
            ready |= siblings.go_on(session, execution_id, number, at_a_time=at_a_time)
    has_place = has_own_place(session, execution_id)
    owner_id = session.execute(
        _GO_ON,
        {
            "execution": execution_id,
            "state": "running" if has_place else "waiting",
            "sinks": sum(row["sink"] for row in (*rows, *others)),
            "resend_after": resend_after,
            "context": None if context is None else json.dumps(context),
            "released": sorted(ready),
            "now": at,
        },
    ).scalar_one()
    if has_place:
        send_ready(session, owner_id, execution_id, list(ready.values()))
    wake(session, execution_id, found.numbers("waiting") - set(again))


def retry_rollback(session: Session, *, execution_id: int) -> bool:
    """The compensations that gave up, or were given up, again. False when the rollback is not incomplete.

    Of one that was terminated everything is undone, also when it was terminated before steps that were to run again.
    """
    resend_after = port(session, Settings).resend_after
    row = session.execute(
        _RETRY_ROLLBACK, {"execution": execution_id, "resend_after": resend_after, "now": now(session)}
    ).one_or_none()
    if row is None:
        return False
    send_ready(session, row.owner_id, execution_id, row.routes or (), undo=True)
    return True
