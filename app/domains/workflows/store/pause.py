"""Holding an execution and letting it go on. What runs is let finish; nothing else is claimed, woken or swept meanwhile."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.ports import port
from app.core.queue import send_task
from app.core.settings import Settings
from app.domains.workflows.store.finish import settle_completed
from app.domains.workflows.store.places import has_own_place, leave_place
from app.domains.workflows.store.records import Execution
from app.domains.workflows.store.start import send_ready
from app.domains.workflows.store.tasks import SETTLE_TASK
from app.domains.workflows.store.wake import wake

_PAUSE = text(
    """
    WITH before AS (
      SELECT id, state FROM workflow_executions
      WHERE id = :execution AND state IN ('running', 'waiting') AND stopping IS NULL FOR NO KEY UPDATE),
    e AS (
      UPDATE workflow_executions x SET state = 'paused', check_at = NULL, queued_at = NULL, busy_since = NULL,
        busy_seconds = busy_seconds + CASE WHEN before.state = 'running'
          THEN greatest(0, extract(epoch FROM :now - coalesce(busy_since, started_at))) ELSE 0 END
      FROM before WHERE x.id = before.id RETURNING x.owner_id, before.state)
    INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, error)
    SELECT owner_id, :execution, :now, state, 'paused', :reason FROM e RETURNING owner_id
    """
)

# A step at work holds its row, and is left alone. One that waits for its next attempt is sent when that is due.
_SEND = text(
    """
    WITH ready AS (
      SELECT sequence_number FROM workflow_steps
      WHERE execution_id = :execution AND state = 'pending' AND unmet = 0
      ORDER BY sequence_number FOR UPDATE SKIP LOCKED)
    UPDATE workflow_steps s SET tries = 0,
      sent_at = CASE WHEN s.not_before IS NULL OR s.not_before <= :now THEN now() END
    FROM ready WHERE s.execution_id = :execution AND s.sequence_number = ready.sequence_number
    RETURNING s.sequence_number, s.route, s.sent_at IS NOT NULL AS sent
    """
)

_RESUME = text(
    """
    WITH e AS (
      UPDATE workflow_executions x SET busy_since = CASE WHEN :only_parked OR :queues THEN NULL ELSE :now END,
        state = CASE WHEN stopping IS NULL AND (:only_parked AND x.waiting > 0 OR :queues AND unmet_sinks > 0) THEN 'waiting'
          ELSE 'running' END,
        queued_at = CASE WHEN :queues AND stopping IS NULL AND unmet_sinks > 0 THEN CAST(:now AS timestamptz) END,
        check_at = now() + make_interval(secs => CASE WHEN :sent_all THEN :resend_after ELSE 0 END)
      WHERE id = :execution AND state = 'paused'
      RETURNING x.id, x.owner_id, x.workflow_name, x.correlation_id, x.context, x.state, x.rollback, x.stopping, x.error,
        x.unmet_sinks, x.concurrency_key, x.counts_parked, x.queued_at),
    h AS (
      INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state, released)
      SELECT owner_id, :execution, :now, 'paused', state, CAST(:released AS int[]) FROM e)
    SELECT * FROM e
    """
)

_REMAINS = text(
    """
    SELECT coalesce(bool_and(state = 'waiting'), false) AS only_parked,
      array_agg(sequence_number) FILTER (WHERE state = 'waiting') AS parked
    FROM workflow_steps
    WHERE execution_id = :execution AND (state IN ('running', 'waiting') OR state = 'pending' AND unmet = 0)
    """
)


def pause(session: Session, execution_id: int, *, reason: str | None) -> bool:
    """Running or waiting -> paused. False: it is neither, or is stopping."""
    row = session.execute(_PAUSE, {"execution": execution_id, "now": now(session), "reason": reason})
    return row.one_or_none() is not None


def resume(session: Session, execution_id: int) -> bool:
    """Paused -> on with the residual graph: what is ready is sent, and what is parked looks again at what it waits for.

    What came to its end meanwhile is settled now: the last step, a failure, an end by condition. One that queued for a place under
    its concurrency key queues again. False: it is not paused.
    """
    at = now(session)
    ready = session.execute(_SEND, {"execution": execution_id, "now": at}).all()
    remains = session.execute(_REMAINS, {"execution": execution_id}).one()
    sent = [row for row in ready if row.sent]
    queues = not remains.only_parked and not has_own_place(session, execution_id)
    row = session.execute(
        _RESUME,
        {
            "execution": execution_id,
            "only_parked": remains.only_parked,
            "queues": queues,
            "sent_all": len(sent) == len(ready),
            "released": sorted(row.sequence_number for row in sent),
            "resend_after": port(session, Settings).resend_after,
            "now": at,
        },
    ).one_or_none()
    if row is None:
        return False
    if row.stopping is not None:
        send_task(session, SETTLE_TASK, str(row.owner_id), execution_id)
    elif row.unmet_sinks == 0:
        settle_completed(session, Execution.of(execution_id, row))
    else:
        if row.queued_at is None:
            send_ready(session, row.owner_id, execution_id, [each.route for each in sent])
        if row.state == "waiting" and row.concurrency_key is not None and not row.counts_parked:
            leave_place(session, row.owner_id, row.concurrency_key)
        wake(session, execution_id, remains.parked or ())
    return True
