"""Letting one attempt in: the claim of a step, and the lease of one that takes long or talks to the outside.

State, dependencies and the execution's own state are checked in one statement that also takes the row's lock; a duplicate
does not wait for that lock but finds nothing.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import Database
from app.core.statements import execute
from app.domains.workflows.store.delivery import Delivery
from app.domains.workflows.store.records import Execution, Held, StepRun
from app.domains.workflows.store.started_with import StartedWith

# one element of many: what its execution was started with is read when it asks for it, if that is much
_LARGE = "s.parent_number IS NOT NULL AND pg_column_size(e.{0}) > 2000"
_LARGE_CONTEXT, _LARGE_EVENT = _LARGE.format("context"), _LARGE.format("event")

_COLUMNS = f"""
    s.sequence_number, s.step_name, s.task, s.definition::text AS definition, s.critical, s.state AS step_state, s.attempts,
    s.undo_attempts, s.idempotency_key, s.started_at, s.is_passed_over, s.releases <> '{{}}' AS has_dependents, s.sink,
    s.parent_number, s.item, s.item_index, s.elements, s.child_id, s.due_at, s.deadline_at,
    e.workflow_name, e.correlation_id, e.state, e.rollback, e.stopping, e.error, e.owner_id, e.inline,
    {_LARGE_CONTEXT} AS is_context_large, CASE WHEN {_LARGE_CONTEXT} THEN NULL ELSE e.context END AS context,
    {_LARGE_EVENT} AS is_event_large, CASE WHEN {_LARGE_EVENT} THEN NULL ELSE e.event END AS event
"""


_READY = """
    FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.execution_id = %(execution)s AND s.sequence_number = %(number)s AND s.state = 'pending' AND s.unmet = 0
      AND (s.not_before IS NULL OR s.not_before <= %(now)s) AND e.state = 'running' AND e.stopping IS NULL
"""

_READY_TO_UNDO = """
    FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.execution_id = %(execution)s AND s.sequence_number = %(number)s AND s.state = 'compensating' AND s.unmet = 0
      AND s.token IS NULL AND (s.not_before IS NULL OR s.not_before <= %(now)s) AND e.state = 'running'
      AND e.rollback = 'running'
"""

_CLAIM = f"""
    SELECT {_COLUMNS},
      (SELECT jsonb_object_agg(r.step_name, r.output_data) FROM workflow_steps r
       WHERE s.reads <> '{{}}' AND r.execution_id = s.execution_id AND r.sequence_number = ANY(s.reads)) AS outputs,
      (SELECT array_agg(r.step_name ORDER BY array_position(s.reads, r.sequence_number)) FROM workflow_steps r
       WHERE s.reads <> '{{}}' AND r.execution_id = s.execution_id AND r.sequence_number = ANY(s.reads)) AS read_names
    {_READY} FOR UPDATE OF s SKIP LOCKED
"""  # noqa: S608 - constants

_CLAIM_UNDO = f"""
    SELECT {_COLUMNS}, NULL AS outputs, NULL AS read_names
    {_READY_TO_UNDO} FOR UPDATE OF s SKIP LOCKED
"""

_COUNT_ATTEMPT = f"""
    UPDATE workflow_steps SET attempts = attempts + 1 WHERE (execution_id, sequence_number) = (
      SELECT s.execution_id, s.sequence_number {_READY} FOR UPDATE OF s SKIP LOCKED)
    RETURNING attempts
"""  # noqa: S608 - constants

_COUNT_UNDO_ATTEMPT = f"""
    UPDATE workflow_steps SET undo_attempts = undo_attempts + 1 WHERE (execution_id, sequence_number) = (
      SELECT s.execution_id, s.sequence_number {_READY_TO_UNDO} FOR UPDATE OF s SKIP LOCKED)
    RETURNING undo_attempts
"""  # noqa: S608 - constants

_LEASE = """
    WITH s AS (
      UPDATE workflow_steps SET state = CASE WHEN state = 'pending' THEN 'running' ELSE state END, token = %(token)s,
        lease_until = now() + make_interval(secs => %(lease)s),
        attempts = CASE WHEN state = 'pending' THEN %(attempt)s ELSE attempts END,
        undo_attempts = CASE WHEN state = 'pending' THEN undo_attempts ELSE %(attempt)s END,
        tries = 0, sent_at = NULL, not_before = NULL, throttled_by = NULL, worker = %(worker)s,
        celery_task_id = %(task_id)s,
        started_at = coalesce(started_at, %(now)s), input_data = coalesce(%(input)s::jsonb, input_data)
      WHERE execution_id = %(execution)s AND sequence_number = %(number)s RETURNING step_name, state, owner_id)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, task_id)
    SELECT owner_id, %(execution)s, %(now)s, step_name, %(before)s, state, %(attempt)s, %(worker)s, %(task_id)s FROM s
"""

_EXTEND = """
    UPDATE workflow_steps SET lease_until = now() + make_interval(secs => %(lease)s)
    WHERE execution_id = %(execution)s AND sequence_number = %(number)s AND token = %(token)s
"""


def count_attempt(session: Session, delivery: Delivery) -> int | None:
    """A message delivered again after a crash: commit the attempt before it is made, so that crashes are counted.

    Returns its number; None when the step is not to be had.
    """
    query = _COUNT_UNDO_ATTEMPT if delivery.undo else _COUNT_ATTEMPT
    row = execute(session, query, _where(session, delivery)).fetchone()
    return None if row is None else int(row[0])


def _where(session: Session, delivery: Delivery) -> dict[str, Any]:
    return {"execution": delivery.execution_id, "number": delivery.number, "now": now(session)}


def claim(session: Session, delivery: Delivery, database: Database, *, counted: bool) -> StepRun | None:
    """Take the step if it is ready and nobody works on it; its row stays locked until the transaction ends.

    `database`: for what is read later. `counted`: this attempt is already in the row. None: there is nothing to do for this
    message.
    """
    query = _CLAIM_UNDO if delivery.undo else _CLAIM
    row = execute(session, query, _where(session, delivery)).fetchone()
    if row is None:
        return None
    made = row.undo_attempts if delivery.undo else row.attempts
    outputs = row.outputs or {}
    execution = Execution.of(delivery.execution_id, row)
    if row.is_context_large:
        execution.context = StartedWith("context", execution, database)
    if row.is_event_large:
        execution.event = StartedWith("event", execution, database)
    return StepRun(
        execution=execution,
        number=row.sequence_number,
        name=row.step_name,
        task=row.task,
        definition=row.definition,
        critical=row.critical,
        state=row.step_state,
        held=Held(row.step_state, None, made),
        attempt=made if counted else made + 1,
        idempotency_key=str(row.idempotency_key),
        outputs={name: outputs[name] for name in row.read_names or ()},
        claimed_at=now(session),
        started_at=row.started_at,
        is_passed_over=row.is_passed_over,
        has_dependents=row.has_dependents,
        is_sink=row.sink,
        parent_number=row.parent_number,
        item=row.item,
        item_index=row.item_index,
        elements=row.elements,
        child_id=row.child_id,
        due_at=row.due_at,
        deadline_at=row.deadline_at,
    )


def take_lease(session: Session, step: StepRun, delivery: Delivery, *, lease_seconds: float) -> Held:
    """Mark the step as worked on under a fresh token; returns what its row holds once this is committed.

    From then on the token decides who may complete it, and what follows it may be changed.
    """
    token, at = uuid4(), now(session)
    execute(
        session,
        _LEASE,
        {
            **_where(session, delivery),
            "token": token,
            "lease": lease_seconds,
            "attempt": step.attempt,
            "before": step.held.state,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "now": at,
            "input": None if step.input is None else json.dumps(step.input),
        },
    )
    step.started_at = step.started_at or at
    step.has_dependents = step.is_sink = True
    return Held(step.held.state if delivery.undo else "running", token, step.attempt)


def extend_lease(session: Session, execution_id: int, number: int, token: UUID, *, lease_seconds: float) -> bool:
    """Push the lease's end on. False: the lease is lost."""
    where = {"execution": execution_id, "number": number, "token": token, "lease": lease_seconds}
    return bool(execute(session, _EXTEND, where).rowcount)
