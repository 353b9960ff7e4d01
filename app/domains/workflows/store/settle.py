"""What becomes of an execution in which nothing new starts: it is undone, or it is over. Decided once, under all its locks.

Whoever could be the last calls it: the failing step, a sibling that sees `stopping` in its own commit, a cancel, the
sweeper. It waits half a second for a step that is about to commit and otherwise gives up, because that step comes here
itself when it has.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import Database
from app.core.events import CAUSED_BY, emit
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.rules import element_route, operation_hop, steps_of
from app.domains.workflows.store import children, rerun
from app.domains.workflows.store.finish import settle_completed
from app.domains.workflows.store.parent import child_ended
from app.domains.workflows.store.places import leave_place
from app.domains.workflows.store.records import Execution, Observers
from app.domains.workflows.store.start import send_ready
from pipelines.compensation import UndoNode, undo_order, with_elements
from pipelines.definition import FOR_EACH_TASK
from pipelines.graph import Graph
from pipelines.operations import Catalogue
from pipelines.plan import Route, undo_routes

_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '500ms'")

# without locks: a rollback under way is not disturbed, since an undo that found its row locked would be put off
_ANYTHING_TO_DECIDE = text(
    """
    SELECT EXISTS (
      SELECT FROM workflow_executions WHERE id = :execution AND state = 'running' AND stopping IS NOT NULL
        AND (rollback <> 'running' OR EXISTS (
          SELECT FROM workflow_steps WHERE execution_id = :execution AND state = 'compensation_failed')))
    """
)

_STEPS = text(
    """
    SELECT sequence_number, step_name, state, unmet, parent_number, token IS NOT NULL AS at_work FROM workflow_steps
    WHERE execution_id = :execution ORDER BY sequence_number FOR UPDATE
    """
)

_EXECUTION = text(
    """
    SELECT id, owner_id, workflow_name, correlation_id, context, state, rollback, stopping, error, rollback_on_failure,
      snapshot
    FROM workflow_executions WHERE id = :execution FOR NO KEY UPDATE
    """
)

_TO_UNDO = text(
    """
    SELECT DISTINCT ON (sequence_number) sequence_number, undo_operation FROM execution_effects
    WHERE execution_id = :execution AND state IN ('intended', 'confirmed') AND undo_operation IS NOT NULL
    ORDER BY sequence_number, id DESC
    """
)

_MOVE = text(
    """
    WITH moved AS (
      UPDATE workflow_steps s SET state = r.state, unmet = coalesce(r.unmet, s.unmet), wake_at = NULL, awaits = NULL,
        subjects = NULL, error_message = coalesce(r.error, s.error_message),
        releases = coalesce(r.releases, s.releases), route = coalesce(r.route, s.route), sink = coalesce(r.sink, s.sink),
        sent_at = CASE WHEN r.unmet = 0 THEN now() END, not_before = NULL, throttled_by = NULL, tries = 0,
        completed_at = coalesce(s.completed_at, CASE WHEN r.unmet IS NULL THEN CAST(:now AS timestamptz) END)
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS r (number int, before text, state text, unmet int, releases int[], route jsonb, sink boolean, error text)
      WHERE s.execution_id = :execution AND s.sequence_number = r.number
      RETURNING s.owner_id, s.step_name, r.before, s.state)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
    SELECT owner_id, :execution, :now, step_name, before, state FROM moved
    """
)

_ROLL_BACK = text(
    """
    UPDATE workflow_executions SET rollback = 'running', unmet_sinks = :sinks,
      waiting = (SELECT count(*) FROM workflow_steps WHERE execution_id = :execution AND state = 'waiting'),
      check_at = now() + make_interval(secs => :resend_after)
    WHERE id = :execution
    """
)

_END = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET state = :state, rollback = :rollback, completed_at = :now, check_at = NULL, waiting = 0
      WHERE id = :execution AND state = 'running' RETURNING owner_id, concurrency_key, parent_id),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, error)
      SELECT owner_id, :execution, :now, 'running', :state, :error FROM e)
    SELECT owner_id, concurrency_key, parent_id FROM e
    """
)

_BROKEN = text(
    """
    SELECT count(*) FILTER (WHERE state = 'compensation_failed') AS failed,
      count(*) FILTER (WHERE state = 'compensating' AND unmet = 0) AS left_to_do
    FROM workflow_steps WHERE execution_id = :execution
    """
)


def settle(database: Database, *, owner_id: UUID, execution_id: int) -> bool:
    """Decide what a stopping execution becomes, or what a broken rollback does. False: not yet; somebody else will.

    Children that it no longer wants are stopped first; it is not decided before they have ended.
    """
    children.stop_children(database, owner_id=owner_id, execution_id=execution_id)
    try:
        with database.transaction(owner_id) as session:
            if not session.execute(_ANYTHING_TO_DECIDE, {"execution": execution_id}).scalar_one():
                return False
            session.execute(_LOCK_TIMEOUT)
            steps = session.execute(_STEPS, {"execution": execution_id}).all()
            row = session.execute(_EXECUTION, {"execution": execution_id}).one_or_none()
            if row is None or row.state != "running" or row.stopping is None:
                return False
            execution = Execution.of(row.id, row)
            if row.rollback == "running":
                return _end_broken_rollback(session, execution)
            if any(step.state == "running" for step in steps):
                return False
            return _decide(session, execution, row, steps)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03":  # lock_timeout: a step is still at work
            return False
        raise


def _decide(session: Session, execution: Execution, row: Any, steps: Sequence[Any]) -> bool:
    states = {step.sequence_number: step.state for step in steps}
    if row.stopping != "rerun":  # there the undo of a step that waits for its child ends that one
        if children.any_open(session, execution.id):
            return False
        states |= children.record_ended(session, execution.id)
    if row.stopping == "terminate":
        return _leave_as_is(session, execution, steps, states)
    _stop(session, execution, row, steps, states)
    return True


def _stop(session: Session, execution: Execution, row: Any, steps: Iterable[Any], states: Mapping[int, str]) -> None:
    rest = "skipped" if row.stopping == "end" else "cancelled"
    wanted = row.stopping in {"cancel", "rerun"} or (row.stopping == "failure" and row.rollback_on_failure)
    operations = _operations_to_undo(session, execution.id) if wanted else {}
    if row.stopping == "rerun":
        again = rerun.asked(session, execution.id)
        within = {s.sequence_number for s in steps if s.sequence_number in again or s.parent_number in again}
        operations = {number: name for number, name in operations.items() if number in within}
    parents = {step.sequence_number: step.parent_number for step in steps if step.parent_number is not None}
    plan = _undo_plan(session, row.snapshot, operations, parents) if operations else {}
    moves: list[dict[str, Any]] = [
        {"number": number, "before": state, "state": rest}
        for number, state in states.items()
        if state in {"pending", "waiting"} and number not in plan and row.stopping != "rerun"
    ]
    moves += [
        {
            "number": number,
            "before": states[number],
            "state": "compensating",
            "unmet": node.unmet,
            "releases": node.releases,
            "route": way.as_json(),
            "sink": not node.releases,
        }
        for number, (node, way) in plan.items()
    ]
    if moves:
        session.execute(_MOVE, {"execution": execution.id, "rows": json.dumps(moves), "now": now(session)})
    if not plan:
        _end_undisturbed(session, execution)
        return
    sinks = sum(not node.releases for node, _ in plan.values())
    resend_after = port(session, Settings).resend_after
    session.execute(_ROLL_BACK, {"execution": execution.id, "sinks": sinks, "resend_after": resend_after})
    execution.rollback = "running"
    ready = [way.as_json() for node, way in plan.values() if node.unmet == 0]
    send_ready(session, execution.owner_id, execution.id, ready, undo=True)


def _undo_plan(
    session: Session, snapshot: Mapping[str, Any], operations: Mapping[int, str], parents: Mapping[int, int]
) -> dict[int, tuple[UndoNode, Route]]:
    """What is to be undone in which order and how it travels, by number; `operations` and `parents` by number, too."""
    catalogue = port(session, Catalogue)
    steps = steps_of(snapshot)
    graph = Graph.of(steps)
    at_a_time = {graph.numbers[step.name]: step.max_parallel for step in steps}
    hops = {number: operation_hop(number, name, catalogue) for number, name in operations.items()}
    elements: dict[int, list[int]] = defaultdict(list)
    for number in sorted(operations.keys() & parents.keys()):
        elements[parents[number]].append(number)
    whole = {number: hops[number] for number in operations.keys() - parents.keys()}
    whole |= {number: operation_hop(number, FOR_EACH_TASK, catalogue) for number in elements}
    nodes = undo_order(graph, whole.keys())
    ways = undo_routes(nodes, whole)
    for parent, members in elements.items():
        for number in members:
            ways[number] = element_route(hops[number], parent, count=len(members), at_a_time=at_a_time[parent])
    return {number: (node, ways[number]) for number, node in with_elements(nodes, elements).items()}


def _end_undisturbed(session: Session, execution: Execution) -> None:
    match execution.stopping:
        case "end":
            settle_completed(session, execution)
        case "rerun":
            rerun.go_on(session, execution.id)
        case _:
            end_stopped(session, execution, rollback="none")


def _leave_as_is(session: Session, execution: Execution, steps: Iterable[Any], states: Mapping[int, str]) -> bool:
    """Terminated: nothing is undone, and a rollback under way is given up once no compensation is at work."""
    if any(step.at_work for step in steps):
        return False
    given_up = {"compensating": "compensation_failed", "pending": "cancelled", "waiting": "cancelled"}
    moves = [
        {"number": number, "before": state, "state": given_up[state]}
        | ({"error": "terminated"} if state == "compensating" else {})
        for number, state in states.items()
        if state in given_up
    ]
    if moves:
        session.execute(_MOVE, {"execution": execution.id, "rows": json.dumps(moves), "now": now(session)})
    end_stopped(session, execution, rollback=execution.rollback)
    return True


def rolled_back(session: Session, execution: Execution) -> None:
    """Everything that was to be undone is: the execution is over, or goes on with the steps that are to run again."""
    if execution.stopping == "rerun":
        rerun.go_on(session, execution.id)
    else:
        end_stopped(session, execution, rollback="done")


def end_stopped(session: Session, execution: Execution, *, rollback: str) -> None:
    """The execution is over: failed or cancelled, with what became of its rollback."""
    session.info[CAUSED_BY] = execution.id
    by_hand = execution.stopping in {"cancel", "terminate"}
    state = "cancelled" if by_hand and rollback != "incomplete" else "failed"
    row = session.execute(
        _END,
        {
            "execution": execution.id,
            "state": state,
            "rollback": rollback,
            "error": execution.error_message,
            "now": now(session),
        },
    ).one_or_none()
    if row is None:
        return
    execution.state, execution.rollback = state, rollback
    if row.concurrency_key is not None:
        leave_place(session, row.owner_id, row.concurrency_key)
    about = {
        "execution_id": execution.id,
        "workflow": execution.workflow_name,
        "correlation_id": execution.correlation_id,
        "state": state,
        "rollback": rollback,
        "step": execution.failed_step,
    }
    if rollback == "done":
        emit(session, "workflow.rolled_back", f"execution/{execution.id}", about, owner_id=row.owner_id)
    if state == "failed":
        emit(session, "workflow.failed", f"execution/{execution.id}", about, owner_id=row.owner_id)
    if observer := port(session, Observers).of(execution):
        observer.settled(session, execution)
    if row.parent_id is not None:
        child_ended(session, execution.id)


def _end_broken_rollback(session: Session, execution: Execution) -> bool:
    """A compensation gave up: when nothing else of the rollback can run, it ends incomplete."""
    row = session.execute(_BROKEN, {"execution": execution.id}).one()
    if not row.failed or row.left_to_do:
        return False
    end_stopped(session, execution, rollback="incomplete")
    return True


def _operations_to_undo(session: Session, execution_id: int) -> dict[int, str]:
    rows = session.execute(_TO_UNDO, {"execution": execution_id})
    return {row.sequence_number: row.undo_operation for row in rows}
