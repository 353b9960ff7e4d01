"""Holding a step back: pending, unsent, and with the attempts that it had."""

from __future__ import annotations

import random
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.workflows.store.delivery import Delivery
from app.domains.workflows.store.finish import LeaseLost
from app.domains.workflows.store.records import StepRun

NET_SECONDS = 3600.0
"""A held step is let go by the admission; the sweeper, which is the net, comes by after so long, and half as long again."""

HELD_BACK = "held back"

_QUEUE = text(
    """
    INSERT INTO integrations (name, is_queued) VALUES (:name, true)
    ON CONFLICT (name) DO UPDATE SET is_queued = true WHERE NOT integrations.is_queued
    """
)

_HOLD = text(
    """
    WITH s AS (
      UPDATE workflow_steps SET throttled_by = :name, not_before = :not_before, sent_at = NULL, tries = 0,
        state = CASE WHEN :undo THEN state ELSE 'pending' END, token = NULL, lease_until = NULL,
        attempts = CASE WHEN :undo THEN attempts ELSE :attempts END,
        undo_attempts = CASE WHEN :undo THEN :attempts ELSE undo_attempts END,
        error_message = coalesce(:error, error_message), error_type = coalesce(:error_type, error_type),
        error_traceback = coalesce(:traceback, error_traceback)
      WHERE execution_id = :execution AND sequence_number = :number AND state = :before
        AND token IS NOT DISTINCT FROM :token AND CASE WHEN :undo THEN undo_attempts ELSE attempts END = :made
      RETURNING owner_id, step_name)
    INSERT INTO execution_events (owner_id, execution_id, at, step_name, from_state, to_state, worker, task_id, error)
    SELECT owner_id, :execution, :now, step_name, :before, :held_back, :worker, :task_id, :why FROM s RETURNING owner_id
    """
)


def hold(
    session: Session,
    step: StepRun,
    delivery: Delivery,
    name: str,
    *,
    attempts: int,
    why: str,
    is_queued: bool = False,
    traceback: str | None = None,
) -> None:
    """Put the step aside until the admission lets it go. Raises LeaseLost when the row is no longer ours.

    `attempts`: how many it has made. `is_queued`: the integration's row says already that steps wait for it. `traceback`: of the probe's error, which the
    step holds in words.
    """
    at = now(session)
    row = session.execute(
        _HOLD,
        {
            "name": name,
            "not_before": at + timedelta(seconds=NET_SECONDS * random.uniform(1, 1.5)),  # noqa: S311 - spreads load
            "undo": delivery.undo,
            "attempts": attempts,
            "execution": delivery.execution_id,
            "number": delivery.number,
            "before": step.held.state,
            "token": step.held.token,
            "made": step.held.attempts,
            "worker": delivery.worker,
            "task_id": delivery.task_id,
            "held_back": HELD_BACK,
            "why": why,
            "error": step.error_message,
            "error_type": step.error_type,
            "traceback": traceback,
            "now": at,
        },
    ).one_or_none()
    if row is None:
        raise LeaseLost
    if not is_queued:
        session.execute(_QUEUE, {"name": name})
