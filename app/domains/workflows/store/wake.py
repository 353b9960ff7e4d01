"""Waking parked steps: nothing is decided here. A woken step is ready again, is sent, and looks for itself at what has come.

Answer, event and expiry may race: each only wakes, and the one transaction in which the step looks again has one outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows.store.places import has_place
from app.domains.workflows.store.start import send_ready

# A step that is about to park holds its row: it is waited for, so that what came meanwhile wakes it all the same.
_LOCK = text(
    """
    SELECT s.sequence_number, s.state = 'waiting' AS is_parked
    FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.execution_id = :execution AND s.sequence_number = ANY(:numbers) AND s.state IN ('pending', 'waiting')
      AND s.unmet = 0 AND e.state IN ('running', 'waiting') AND e.stopping IS NULL
    ORDER BY s.sequence_number FOR UPDATE OF s
    """
)

_LOCK_MANY = text(
    """
    SELECT FROM workflow_steps s JOIN unnest(CAST(:executions AS bigint[]), CAST(:numbers AS int[])) AS w (execution, number)
      ON s.execution_id = w.execution AND s.sequence_number = w.number
    ORDER BY s.execution_id, s.sequence_number FOR UPDATE OF s
    """
)

_LOCK_EXECUTIONS = text("SELECT FROM workflow_executions WHERE id = ANY(:executions) ORDER BY id FOR NO KEY UPDATE")

# One that was woken before is sent once more: whoever got its message just now passed over the row that is locked here.
# What it awaits stays, so that an event that comes before it looks is put into its mailbox.
_WAKE = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET state = 'pending', sent_at = now(), tries = 0, wake_at = NULL
      WHERE execution_id = :execution AND sequence_number = ANY(:locked)
      RETURNING owner_id, sequence_number, step_name, route),
    e AS (
      UPDATE workflow_executions SET waiting = waiting - cardinality(CAST(:parked AS int[]))
      WHERE id = :execution RETURNING id, owner_id, state, concurrency_key, concurrency_limit, counts_parked),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, released)
      SELECT owner_id, :execution, :now, step_name, 'waiting', 'pending', ARRAY[sequence_number] FROM s
      WHERE sequence_number = ANY(:parked))
    SELECT e.*, (SELECT jsonb_agg(route ORDER BY sequence_number) FROM s) AS routes FROM e
    """
)

_RUN_ON = text(
    """
    WITH e AS (
      UPDATE workflow_executions SET state = 'running', queued_at = NULL, busy_since = :now,
        check_at = now() + make_interval(secs => :resend_after)
      WHERE id = :execution AND state = 'waiting' RETURNING owner_id)
    INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state)
    SELECT owner_id, :execution, :now, 'waiting', 'running' FROM e RETURNING owner_id
    """
)

_QUEUE = text(
    "UPDATE workflow_executions SET queued_at = coalesce(queued_at, :now) WHERE id = :execution AND state = 'waiting'"
)


def wake(session: Session, execution_id: int, numbers: Collection[int]) -> int:
    """Make these steps ready again if they are parked, and send them after the commit; returns how many.

    Nothing is woken in an execution that is paused or stopping. One whose concurrency key is at its limit goes on when its
    turn comes.
    """
    found = session.execute(_LOCK, {"execution": execution_id, "numbers": sorted(numbers)}).all()
    if not found:
        return 0
    locked = [row.sequence_number for row in found]
    parked = [row.sequence_number for row in found if row.is_parked]
    at = now(session)
    row = session.execute(_WAKE, {"execution": execution_id, "locked": locked, "parked": parked, "now": at}).one()
    if row.state == "waiting" and not run_on(session, row, at=at):
        return len(parked)
    send_ready(session, row.owner_id, execution_id, row.routes or ())
    return len(parked)


def wake_all(session: Session, steps: Mapping[int, Collection[int]]) -> int:
    """Wake steps of many executions, by their ids in the order in which they are to be sent; returns how many.

    All steps are locked before the first execution, and both in order, so that two who do this never wait for each other.
    """
    if len(steps) > 1:
        pairs = [(execution_id, number) for execution_id, numbers in steps.items() for number in numbers]
        where = {"executions": [pair[0] for pair in pairs], "numbers": [pair[1] for pair in pairs]}
        session.execute(_LOCK_MANY, where)
        session.execute(_LOCK_EXECUTIONS, {"executions": list(steps)})
    return sum(wake(session, execution_id, numbers) for execution_id, numbers in steps.items())


def run_on(session: Session, row: Any, *, at: datetime) -> bool:
    """Waiting -> running, or into the queue of its concurrency key. `row`: its id, owner and concurrency."""
    needs_place = row.concurrency_key is not None and not row.counts_parked
    if needs_place and not has_place(session, row.owner_id, row.concurrency_key, limit=row.concurrency_limit):
        session.execute(_QUEUE, {"execution": row.id, "now": at})
        return False
    resend_after = port(session, Settings).resend_after
    session.execute(_RUN_ON, {"execution": row.id, "now": at, "resend_after": resend_after})
    return True
