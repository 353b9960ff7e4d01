"""Failed steps again, in the same execution: the residual graph of just these steps goes out as a canvas of its own."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.workflows.rules import hop, steps_of
from app.domains.workflows.store.start import send_ready
from pipelines.graph import Graph
from pipelines.operations import Catalogue
from pipelines.plan import routes

_STEPS = text(
    """
    SELECT sequence_number, step_name, state, critical FROM workflow_steps
    WHERE execution_id = :execution ORDER BY sequence_number FOR UPDATE
    """
)

_REOPEN = text(
    """
    WITH moved AS (
      UPDATE workflow_steps s SET state = 'pending', unmet = r.unmet, releases = r.releases, route = r.route, sink = r.sink,
        attempts = 0, tries = 0, not_before = NULL, token = NULL, completed_at = NULL, started_at = NULL,
        sent_at = CASE WHEN r.unmet = 0 THEN now() END
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS r (number int, before text, unmet int, releases int[], route jsonb, sink boolean)
      WHERE s.execution_id = :execution AND s.sequence_number = r.number
      RETURNING s.owner_id, s.step_name, r.before),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
      SELECT owner_id, :execution, :now, step_name, before, 'pending' FROM moved)
    UPDATE workflow_executions SET state = 'running', completed_at = NULL, result = NULL, error = NULL, stopping = NULL,
      unmet_sinks = :sinks, check_at = now() + make_interval(secs => :resend_after)
    WHERE id = :execution AND state IN ('completed', 'failed') RETURNING owner_id, state
    """
)

_RETRY_ROLLBACK = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET state = 'running', rollback = 'running', completed_at = NULL,
        check_at = now() + make_interval(secs => :resend_after)
      WHERE id = :execution AND state = 'failed' AND rollback = 'incomplete' RETURNING id, owner_id),
    s AS (
      UPDATE workflow_steps SET state = 'compensating', undo_attempts = 0, not_before = NULL, tries = 0, sent_at = now()
      FROM e WHERE execution_id = e.id AND workflow_steps.state = 'compensation_failed'
      RETURNING workflow_steps.owner_id, step_name, route),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
      SELECT owner_id, :execution, :now, step_name, 'compensation_failed', 'compensating' FROM s)
    SELECT e.owner_id, (SELECT jsonb_agg(route) FROM s) AS routes FROM e
    """
)


def states(session: Session, execution_id: int) -> dict[str, tuple[str, bool]]:
    """Each step's state, and whether it is critical; locked."""
    rows = session.execute(_STEPS, {"execution": execution_id})
    return {row.step_name: (row.state, row.critical) for row in rows}


def reopen(
    session: Session,
    *,
    execution_id: int,
    document: dict[str, Any],
    step_names: Collection[str],
    operations: Catalogue,
    resend_after: float,
) -> None:
    """Ended -> running with these steps pending again, each after those of the others that it depends on.

    What never began because of the failure goes on with them.
    """
    before = {row.sequence_number: row.state for row in session.execute(_STEPS, {"execution": execution_id})}
    steps = steps_of(document)
    graph = Graph.of(steps)
    by_name = {step.name: step for step in steps}
    again = {graph.numbers[name] for name in step_names}
    again |= {number for number, state in before.items() if state == "cancelled"}
    unmet = graph.residual(again)
    ways = routes(graph, [hop(number, by_name[name], operations) for number, name in enumerate(graph.names)])
    rows: list[dict[str, Any]] = [
        {
            "number": number,
            "before": before[number],
            "unmet": unmet[number],
            "releases": [after for after in graph.successors[number] if after in again],
            "route": ways[number].as_json(),
            "sink": not any(after in again for after in graph.successors[number]),
        }
        for number in sorted(again)
    ]
    owner_id, _ = session.execute(
        _REOPEN,
        {
            "execution": execution_id,
            "rows": json.dumps(rows),
            "sinks": sum(row["sink"] for row in rows),
            "resend_after": resend_after,
            "now": now(session),
        },
    ).one()
    ready = [row["route"] for row in rows if row["unmet"] == 0]
    send_ready(session, owner_id, execution_id, ready)


def retry_rollback(session: Session, *, execution_id: int, resend_after: float) -> bool:
    """The compensations that gave up, again. False when the rollback is not incomplete."""
    row = session.execute(
        _RETRY_ROLLBACK, {"execution": execution_id, "resend_after": resend_after, "now": now(session)}
    ).one_or_none()
    if row is None:
        return False
    send_ready(session, row.owner_id, execution_id, row.routes or (), undo=True)
    return True
