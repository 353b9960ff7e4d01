"""What time alone brings: parked steps whose moment has come, executions past their deadline, queues that were forgotten.

Any number of loops may do this: steps are taken with SKIP LOCKED, and each is woken by one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.queue import send_task
from app.domains.workflows.store.expire import ASKED_AGAIN_SECONDS
from app.domains.workflows.store.places import ADMIT_TASK
from app.domains.workflows.store.tasks import EXPIRE_TASK
from app.domains.workflows.store.wake import wake_all

BATCH = 200

_DUE = text(
    """
    SELECT s.execution_id, s.sequence_number FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.wake_at <= :now AND s.state = 'waiting' AND e.state IN ('running', 'waiting') AND e.stopping IS NULL
    ORDER BY s.wake_at, s.execution_id, s.sequence_number LIMIT :batch FOR UPDATE OF s SKIP LOCKED
    """
)

# whoever ends the execution checks the deadline itself; until then it is asked again, though not with each tick
_DEADLINES = text(
    """
    UPDATE workflow_executions SET deadline_at = :now + make_interval(secs => :asked_again) WHERE id IN (
      SELECT id FROM workflow_executions
      WHERE deadline_at <= :now AND completed_at IS NULL AND state IN ('running', 'waiting', 'paused') AND stopping IS NULL
      ORDER BY deadline_at LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, owner_id
    """
)

_QUEUES = text(
    """
    SELECT DISTINCT owner_id, concurrency_key FROM workflow_executions
    WHERE queued_at <= :now - interval '10 seconds' AND (owner_id, concurrency_key) > (CAST(:owner AS uuid), :key)
    ORDER BY owner_id, concurrency_key LIMIT :batch
    """
)


def wake_due(session: Session) -> int:
    """Wake what is due, the longest first, in a session across owners; returns how many steps were. Full when it is BATCH."""
    due = session.execute(_DUE, {"now": now(session), "batch": BATCH}).all()
    steps: dict[int, list[int]] = defaultdict(list)
    for row in due:
        steps[row.execution_id].append(row.sequence_number)
    wake_all(session, steps)
    return len(due)


def end_overdue(session: Session) -> int:
    """Ask for the end of executions past their deadline; returns how many."""
    overdue = session.execute(
        _DEADLINES, {"now": now(session), "batch": BATCH, "asked_again": ASKED_AGAIN_SECONDS}
    ).all()
    for row in overdue:
        send_task(session, EXPIRE_TASK, str(row.owner_id), row.id)
    return len(overdue)


def look_at_queues(session: Session) -> int:
    """Ask for a look at each queue that somebody has waited in for a while; returns how many queues."""
    looked_at, after = 0, {"owner": UUID(int=0), "key": ""}
    while True:
        queues: list[Any] = list(session.execute(_QUEUES, {"now": now(session), "batch": BATCH, **after}))
        for row in queues:
            send_task(session, ADMIT_TASK, str(row.owner_id), row.concurrency_key)
        looked_at += len(queues)
        if len(queues) < BATCH:
            return looked_at
        after = {"owner": queues[-1].owner_id, "key": queues[-1].concurrency_key}
