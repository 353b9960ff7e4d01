"""The net under everything: what is ready and was not heard of is sent again, and nothing is executed here.

A failed send after a commit, an emptied broker, a dead worker, a lost lease: all are repaired from the rows. Any number of
sweepers may run; each execution is looked at by one at a time, and steps at work are passed over because their rows are
locked. What was sent is sent again only after a time that doubles with each try.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import ports
from app.core.queue import Sender, send_task
from app.domains.workflows.store.rest import rest
from app.domains.workflows.store.start import begin, send_ready
from app.domains.workflows.store.tasks import EXPIRE_TASK, SETTLE_TASK
from pipelines.operations import DEFAULT_QUEUE

BATCH = 200
LONGEST_WAIT = 40
"""A step is sent again after so many times the usual age even if its queue seems not to have come to it."""

_DUE = text(
    """
    SELECT id, owner_id, stopping, rollback, waiting, max_duration_seconds,
      busy_seconds + extract(epoch FROM :now - coalesce(busy_since, started_at)) AS busy
    FROM workflow_executions
    WHERE state = 'running' AND check_at <= now() ORDER BY check_at LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED
    """
)

_EXPIRE_LEASES = text(
    """
    WITH lost AS (
      SELECT execution_id, sequence_number FROM workflow_steps
      WHERE execution_id = ANY(:executions) AND token IS NOT NULL AND lease_until < now()
      ORDER BY execution_id, sequence_number FOR UPDATE SKIP LOCKED),
    taken AS (
      UPDATE workflow_steps s SET state = CASE WHEN state = 'running' THEN 'pending' ELSE state END, token = NULL,
        lease_until = NULL, sent_at = NULL
      FROM lost WHERE s.execution_id = lost.execution_id AND s.sequence_number = lost.sequence_number
      RETURNING s.owner_id, s.execution_id, s.step_name, s.state, s.attempts, s.worker)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, attempt, worker, error)
    SELECT owner_id, execution_id, :now, step_name, CASE WHEN state = 'pending' THEN 'running' ELSE state END, state,
      attempts, worker, 'the lease ran out' FROM taken
    """
)

_SEND_AGAIN = text(
    """
    WITH lost AS (
      SELECT s.execution_id, s.sequence_number FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
      WHERE s.execution_id = ANY(:executions) AND s.unmet = 0 AND s.token IS NULL
        AND (s.state = 'pending' AND e.stopping IS NULL OR s.state = 'compensating' AND e.rollback = 'running')
        AND (s.not_before IS NULL OR s.not_before <= :now)
        AND (s.sent_at IS NULL OR s.sent_at < now() - make_interval(secs => :resend_after * power(2, least(s.tries, 4)))
          AND (s.sent_at < to_timestamp(coalesce(
              CAST(CAST(:seen AS jsonb) ->> coalesce(s.route -> 0 -> 0 ->> 2, :queue) AS double precision), 'infinity'))
            OR s.sent_at < now() - make_interval(secs => :resend_after * :longest)))
      ORDER BY s.execution_id, s.sequence_number FOR UPDATE OF s SKIP LOCKED)
    UPDATE workflow_steps s SET sent_at = now(), tries = s.tries + 1 FROM lost
    WHERE s.execution_id = lost.execution_id AND s.sequence_number = lost.sequence_number
    RETURNING s.execution_id, s.owner_id, s.route, s.state = 'compensating' AS undo
    """
)

# At the moment at which the first of its steps may be due, so that none waits for the time of two looks. One whose moment has
# passed waits in a long queue, or for the broker.
_LOOK_AGAIN = text(
    """
    UPDATE workflow_executions e SET check_at = least(
      now() + make_interval(secs => :resend_after),
      (SELECT min(greatest(coalesce(s.not_before, s.lease_until), now() + interval '1 second')) FROM workflow_steps s
       WHERE s.execution_id = e.id AND (s.not_before IS NOT NULL AND s.sent_at IS NULL OR s.lease_until IS NOT NULL)),
      (SELECT min(CASE WHEN due.at > now() THEN due.at ELSE now() + interval '2 seconds' END) FROM workflow_steps s,
         LATERAL (SELECT s.sent_at + make_interval(secs => :resend_after * power(2, least(s.tries, 4))) AS at) due
       WHERE s.execution_id = e.id AND s.unmet = 0 AND s.token IS NULL AND s.state IN ('pending', 'compensating')
         AND s.sent_at IS NOT NULL))
    WHERE id = ANY(:executions) AND state = 'running'
    """
)

_WANTED = text(
    """
    SELECT id FROM workflow_executions e
    WHERE state = 'pending' AND is_wanted AND queued_at IS NULL AND NOT EXISTS (
      SELECT FROM engine_switches w WHERE w.owner_id IS NULL OR w.owner_id = e.owner_id)
    ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
    """
)


@dataclass(slots=True)
class Swept:
    """What one pass did."""

    looked_at: int = 0
    begun: int = 0
    sent_again: int = 0
    overdue: int = 0


def sweep(
    session: Session, *, resend_after: float, seen: Mapping[str, float] = MappingProxyType({}), enabled: bool = True
) -> Swept:
    """One pass over what is due, across owners. `enabled`: whether executions that wait for the engine may begin.

    `seen`: by queue, up to when (seconds of the epoch) all that was sent has been received: what was sent later waits there.
    """
    swept = Swept()
    if enabled:
        for execution_id in session.execute(_WANTED, {"batch": BATCH}).scalars().all():
            swept.begun += begin(session, execution_id, resend_after=resend_after)
    at = now(session)
    due = session.execute(_DUE, {"batch": BATCH, "now": at}).all()
    swept.looked_at = len(due)
    if not due:
        return swept
    executions = [row.id for row in due]
    session.execute(_EXPIRE_LEASES, {"executions": executions, "now": at})
    for row in due:
        if _is_overdue(row):
            send_task(session, EXPIRE_TASK, str(row.owner_id), row.id)
            swept.overdue += 1
        elif row.stopping is not None:
            send_task(session, SETTLE_TASK, str(row.owner_id), row.id)
        elif row.waiting:
            rest(session, row.id)
    # a send that cannot succeed is no try: else the next one would be far off when the broker is back
    if (sender := ports(session).find(Sender)) and sender.is_reachable():  # type: ignore[type-abstract]
        swept.sent_again = _send_again(session, executions, at, resend_after, seen)
    session.execute(_LOOK_AGAIN, {"executions": executions, "resend_after": resend_after})
    return swept


def _send_again(
    session: Session, executions: list[int], at: Any, resend_after: float, seen: Mapping[str, float]
) -> int:
    lost: dict[tuple[UUID, int, bool], list[Any]] = defaultdict(list)
    rows = session.execute(
        _SEND_AGAIN,
        {
            "executions": executions,
            "now": at,
            "resend_after": resend_after,
            "seen": json.dumps(dict(seen)),
            "queue": DEFAULT_QUEUE,
            "longest": LONGEST_WAIT,
        },
    ).all()
    for row in rows:
        lost[row.owner_id, row.execution_id, row.undo].append(row.route)
    for (owner_id, execution_id, undo), routes in lost.items():
        send_ready(session, owner_id, execution_id, routes, undo=undo)
    return len(rows)


def _is_overdue(row: Any) -> bool:
    limit = row.max_duration_seconds
    return limit is not None and row.stopping is None and row.busy > limit
