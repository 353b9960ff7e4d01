"""Undoing one step: its effects by the ledger, the last one first, each by the operation that it names."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.domains.workflows.store.call import StepCall
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.effects import Undo, undone
from app.domains.workflows.store.fail import describe, said
from app.domains.workflows.store.finish import LeaseLost, finish
from app.domains.workflows.store.lease import bounded
from app.domains.workflows.store.records import Observers, StepRun
from app.domains.workflows.store.settle import rolled_back
from app.domains.workflows.store.siblings import let_in_next
from pipelines.definition import RetryPolicy
from pipelines.errors import StepFailed
from pipelines.operations import Catalogue

log = logging.getLogger(__name__)

UNDO_POLICY = RetryPolicy(maximum_attempts=10, initial_interval=1.0, backoff_coefficient=2.0, maximum_interval=60.0)
"""A compensation is retried longer than a step; one that names a policy of its own keeps to that."""

_GIVE_UP = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET state = 'compensation_failed', undo_attempts = :attempt, token = NULL, lease_until = NULL,
        not_before = NULL, error_message = :error, error_type = :error_type, error_traceback = :traceback
      WHERE execution_id = :execution AND sequence_number = :number AND state = 'compensating'
        AND token IS NOT DISTINCT FROM :token AND undo_attempts = :made
      RETURNING owner_id, step_name)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, task_id, error)
    SELECT owner_id, :execution, :now, step_name, 'compensating', 'compensation_failed', :attempt, :worker, :task_id, :error
    FROM s RETURNING owner_id
    """
)


def policy_of(undos: Sequence[Undo], catalogue: Catalogue) -> RetryPolicy:
    """The retry policy under which these effects are undone."""
    operation = catalogue.get(undos[0].operation) if undos else None
    return (operation.retry if operation else None) or UNDO_POLICY


def is_leased(undos: Sequence[Undo], catalogue: Catalogue) -> bool:
    """Whether one of the compensations is of the lease form."""
    return any(operation.lease for undo in undos if (operation := catalogue.get(undo.operation)))


def call_all(call: StepCall, undos: Sequence[Undo], catalogue: Catalogue, *, session: Session | None = None) -> None:
    """Run the compensations; `session`: all in this one transaction. Raises what they raise, and StepFailed for one that no worker knows."""
    for undo in undos:
        operation = catalogue.get(undo.operation)
        if operation is None:
            message = f"no operation {undo.operation} to undo {undo.summary}"
            raise StepFailed(message, permanent=True)
        with bounded(operation.timeout_seconds, session):
            operation.function(call.to_undo(undo.effect_id), **operation.bind(undo.params))


def complete(session: Session, step: StepRun, delivery: Delivery, undos: Sequence[Undo]) -> Outcome:
    """The step's effects are undone: cross them off, release the steps before it, end the rollback with the last."""
    for undo in undos:
        undone(session, undo)
    session.flush()
    finished = finish(session, step, delivery, to="compensated")
    if observer := port(session, Observers).of(step.execution):
        observer.step_undone(session, step.execution, step)
    if finished.unmet_sinks == 0:
        rolled_back(session, step.execution)
    ready = finished.ready
    if step.parent_number is not None:
        ready |= let_in_next(session, step, undo=True)
    return Outcome(ready=ready, undo=True, settle=finished.broken)


def give_up(session: Session, step: StepRun, delivery: Delivery, error: BaseException) -> Outcome:
    """A compensation that failed for good: what it would have released stays, and a person is needed."""
    traceback = describe(step, error)
    row = session.execute(
        _GIVE_UP,
        {
            "execution": delivery.execution_id,
            "number": delivery.number,
            "attempt": step.attempt,
            "made": step.held.attempts,
            "token": step.held.token,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "error": step.error_message,
            "error_type": step.error_type,
            "traceback": traceback,
            "now": now(session),
        },
    ).one_or_none()
    if row is None:
        raise LeaseLost
    log.error("a compensation gave up: %s of execution %s: %s", step.name, delivery.execution_id, step.error_message)
    # the other elements of its step depend on nothing that this one leaves
    ready = {} if step.parent_number is None else let_in_next(session, step, undo=True)
    return Outcome(ready=ready, error=said(step), undo=True, settle=True)
