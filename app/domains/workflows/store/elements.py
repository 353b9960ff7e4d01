"""A step with for_each: its row is the engine's, each element a row of its own that runs the operation.

The step's first look makes the elements, its last one gathers their outputs. Between them it waits for them as a join waits for
what it depends on. Elements have negative numbers, all below their step's, so that locks are taken in the order of numbers.
In a rollback it is the same again: the step's undo lets in those of its elements, and comes last.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.rules import element_numbers, element_route, operation_hop
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.finish import LeaseLost, end_step
from app.domains.workflows.store.records import StepRun
from app.domains.workflows.store.siblings import element_error
from app.domains.workflows.store.stored import as_json
from pipelines.errors import StepFailed
from pipelines.expressions import Scope, reads_of, resolve
from pipelines.loader import step_from_document
from pipelines.operations import Catalogue
from pipelines.plan import Route

_EXPAND = text(
    """
    WITH parent AS (
      UPDATE workflow_steps SET elements = :count, unmet = :count, sent_at = NULL, tries = 0, attempts = 0,
        error_message = NULL, error_type = NULL, error_traceback = NULL,
        started_at = coalesce(started_at, :now), worker = :worker, celery_task_id = :task_id
      WHERE execution_id = :execution AND sequence_number = :number AND state = 'pending' AND elements IS NULL
        AND attempts = :made
      RETURNING owner_id, step_name, idempotency_key, reads),
    made AS (
      INSERT INTO workflow_steps (execution_id, owner_id, sequence_number, step_name, step_type, task, definition, critical,
        unmet, releases, reads, route, sink, idempotency_key, parent_number, item, item_index, sent_at)
      SELECT :execution, p.owner_id, :first + i, p.step_name || '[' || i || ']', 'service_call', :task,
        CAST(:definition AS jsonb), false, CASE WHEN i < :at_a_time THEN 0 ELSE 1 END, ARRAY[CAST(:number AS int)],
        (SELECT coalesce(array_agg(p.reads[place] ORDER BY place), '{}') FROM unnest(CAST(:reads AS int[])) place),
        jsonb_build_array(jsonb_build_array(to_jsonb(:first + i) || CAST(:hop AS jsonb))) || CAST(:join AS jsonb), false,
        md5(p.idempotency_key || ':' || i)::uuid, :number, item, i, CASE WHEN i < :at_a_time THEN now() END
      FROM parent p, LATERAL (SELECT CAST(ordinality - 1 AS int) AS i, value AS item
        FROM jsonb_array_elements(CAST(:items AS jsonb)) WITH ORDINALITY) items
      RETURNING sequence_number, unmet, route),
    history AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, worker, task_id, released)
      SELECT owner_id, :execution, :now, step_name, before, after, :worker, :task_id, CASE WHEN after = 'pending' THEN
        (SELECT array_agg(sequence_number ORDER BY sequence_number) FROM made WHERE unmet = 0) END
      FROM parent, (VALUES (1, 'pending', 'running'), (2, 'running', 'pending')) AS looked (place, before, after)
      ORDER BY place)
    SELECT sequence_number, route FROM made WHERE unmet = 0 ORDER BY sequence_number
    """
)

# SKIP LOCKED: only a settle locks elements that wait, and it is waiting for the step's row that is held here
_LET_IN = text(
    """
    WITH waiting AS (
      SELECT sequence_number FROM workflow_steps
      WHERE execution_id = :execution AND sequence_number >= :first AND sequence_number < :end AND state = :state
        AND unmet = 1
      ORDER BY sequence_number FOR UPDATE SKIP LOCKED),
    let_in AS (
      UPDATE workflow_steps s SET unmet = 0, sent_at = now(), tries = 0
      FROM (SELECT sequence_number FROM waiting ORDER BY sequence_number LIMIT :at_a_time) w
      WHERE s.execution_id = :execution AND s.sequence_number = w.sequence_number
      RETURNING s.sequence_number, s.route),
    parent AS (
      UPDATE workflow_steps s SET unmet = n.count, sent_at = NULL, tries = 0
      FROM (SELECT count(*) FROM waiting) n
      WHERE s.execution_id = :execution AND s.sequence_number = :number AND s.state = :state AND n.count > 0)
    SELECT sequence_number, route FROM let_in ORDER BY sequence_number
    """
)

_ENDS = text(
    """
    SELECT count(*) FILTER (WHERE state = 'completed') AS completed, coalesce(sum(octet_length(output_data::text)), 0) AS size
    FROM workflow_steps WHERE execution_id = :execution AND sequence_number >= :first AND sequence_number < :end
    """
)

_FIRST_FAILED = text(
    """
    SELECT item_index, state, error_message FROM workflow_steps
    WHERE execution_id = :execution AND sequence_number >= :first AND sequence_number < :end AND state <> 'completed'
    ORDER BY state <> 'failed', completed_at, sequence_number LIMIT 1
    """
)

_OUTPUTS = text(
    """
    SELECT coalesce(jsonb_agg(output_data ORDER BY sequence_number), '[]') FROM workflow_steps
    WHERE execution_id = :execution AND sequence_number >= :first AND sequence_number < :end
    """
)

_RESET = text(
    """
    WITH again AS (
      UPDATE workflow_steps s SET state = 'pending', unmet = 1, attempts = 0, undo_attempts = 0, tries = 0, not_before = NULL,
        token = NULL, lease_until = NULL, sent_at = NULL, started_at = NULL, completed_at = NULL, error_message = NULL,
        error_type = NULL, error_traceback = NULL, throttled_by = NULL,
        route = jsonb_build_array(s.route -> 0), releases = ARRAY[s.parent_number]
      FROM (
        SELECT sequence_number, state FROM workflow_steps
        WHERE execution_id = :execution AND parent_number = ANY(:numbers) AND state IN ('failed', 'cancelled', 'skipped')
        ORDER BY sequence_number FOR UPDATE) before
      WHERE s.execution_id = :execution AND s.sequence_number = before.sequence_number
      RETURNING s.owner_id, s.sequence_number, s.step_name, before.state)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state)
    SELECT owner_id, :execution, :now, step_name, state, 'pending' FROM again ORDER BY sequence_number
    """
)

_OF_THE_WHOLE = frozenset({"for_each", "when", "depends_on", "critical"})
"""Keys of a definition that say something of the step and nothing of an element."""


class ElementFailed(StepFailed):
    """An element failed for good, and its step with it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def look(session: Session, step: StepRun, delivery: Delivery, scope: Scope) -> Outcome:
    """Make the elements, or let in those that wait, or gather what they gave. Raises StepFailed when the step fails."""
    if step.elements is None:
        return _expand(session, step, delivery, scope)
    if ready := _let_in(session, step, undo=False):
        return Outcome(ready=ready)
    step.output = _gather(session, step)
    return end_step(session, step, delivery, to="completed")


def let_in_undo(session: Session, step: StepRun) -> Outcome | None:
    """The undo of a step with elements: theirs come first. None when they are done."""
    if step.elements is None:
        return None
    ready = _let_in(session, step, undo=True)
    return Outcome(ready=ready, undo=True) if ready else None


def reset(session: Session, execution_id: int, numbers: Collection[int]) -> None:
    """The elements of these steps that did not complete run again, once their steps look; the others stay as they are."""
    session.execute(_RESET, {"execution": execution_id, "numbers": sorted(numbers), "now": now(session)})


def _expand(session: Session, step: StepRun, delivery: Delivery, scope: Scope) -> Outcome:
    items = resolve(step.step.for_each, scope)
    if not isinstance(items, list):
        message = f"for_each has to be a list, not {_kind(items)}"
        raise StepFailed(message, permanent=True)
    settings = port(session, Settings)
    if len(items) > settings.workflow_elements_limit:
        message = f"for_each has {len(items)} elements; the limit is {settings.workflow_elements_limit}"
        raise StepFailed(message, permanent=True)
    if not items:
        step.output = []
        return end_step(session, step, delivery, to="completed")
    route = element_route(
        operation_hop(0, step.step.operation or "", port(session, Catalogue)),
        step.number,
        count=len(items),
        at_a_time=step.step.max_parallel,
    ).as_json()
    definition = {key: value for key, value in json.loads(step.definition).items() if key not in _OF_THE_WHOLE}
    # what only the list was taken from is not read again for each of its elements
    read = reads_of(step_from_document(definition), step.outputs.keys())
    rows = session.execute(
        _EXPAND,
        {
            **_where(step),
            "made": step.held.attempts,
            "count": len(items),
            "at_a_time": step.step.max_parallel,
            "items": as_json(items, "list", limit=settings.workflow_output_limit),
            "task": step.step.operation,
            "definition": json.dumps(definition),
            "reads": [place for place, name in enumerate(step.outputs, 1) if name in read],
            "hop": json.dumps(route[0][0][1:]),
            "join": json.dumps(route[1:]),
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "now": now(session),
        },
    ).all()
    if not rows:
        raise LeaseLost
    return Outcome(ready={row.sequence_number: Route.from_json(row.route) for row in rows})


def _let_in(session: Session, step: StepRun, *, undo: bool) -> dict[int, Route]:
    state = "compensating" if undo else "pending"
    rows = session.execute(_LET_IN, {**_where(step), "state": state, "at_a_time": step.step.max_parallel})
    return {row.sequence_number: Route.from_json(row.route) for row in rows}


def _gather(session: Session, step: StepRun) -> list[Any]:
    where = _where(step)
    ends = session.execute(_ENDS, where).one()
    if ends.completed != step.elements:
        first = session.execute(_FIRST_FAILED, where).one()
        raise ElementFailed(element_error(first.item_index, first.error_message or first.state))
    limit = port(session, Settings).workflow_output_limit
    if ends.size > limit:
        message = f"the outputs of its elements are {ends.size} bytes of JSON; the limit is {limit}"
        raise StepFailed(message, permanent=True)
    outputs: list[Any] = session.execute(_OUTPUTS, where).scalar_one()
    return outputs


def _where(step: StepRun) -> dict[str, Any]:
    numbers = element_numbers(step.number)
    return {"execution": step.execution.id, "number": step.number, "first": numbers.start, "end": numbers.stop}


def _kind(value: Any) -> str:
    kinds = {dict: "an object", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")
