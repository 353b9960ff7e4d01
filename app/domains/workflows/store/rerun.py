"""A step and all that follows again: their effects are undone first, and the last undo's own transaction reopens them.

What is to run again stands in the execution's `rerun` meanwhile, so a crash in the middle, or a rollback that has to be
retried by hand, loses nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.queue import send_task
from app.domains.workflows.store.reopen import Found, look, reopen
from app.domains.workflows.store.stop import stop
from app.domains.workflows.store.tasks import SETTLE_TASK

_ASK = text(
    """
    WITH before AS (
      SELECT id, state FROM workflow_executions WHERE id = :execution
        AND (state IN ('running', 'waiting', 'paused') AND stopping IS NULL
          OR state IN ('completed', 'failed') AND rollback IN ('none', 'done')) FOR NO KEY UPDATE),
    e AS (
      UPDATE workflow_executions x SET state = 'running', stopping = 'rerun', rerun = CAST(:rerun AS jsonb), rollback = 'none',
        completed_at = NULL, queued_at = NULL, check_at = now()
      FROM before WHERE x.id = before.id RETURNING x.owner_id, before.state)
    INSERT INTO execution_events (owner_id, execution_id, at, from_state, to_state)
    SELECT owner_id, :execution, :now, state, 'rerunning' FROM e RETURNING owner_id
    """
)

_FIRST_FAILED = text(
    """
    SELECT step_name, error_type, error_message FROM workflow_steps
    WHERE execution_id = :execution AND sequence_number = ANY(:numbers) ORDER BY completed_at, sequence_number LIMIT 1
    """
)

_GIVE_UP = text(
    "UPDATE workflow_executions SET stopping = NULL, rerun = NULL, rollback = 'none' WHERE id = :execution AND stopping = 'rerun'"
)

_ASKED = text("SELECT snapshot, rerun FROM workflow_executions WHERE id = :execution")


def ask(
    session: Session, execution_id: int, *, first: int, again: Collection[int], context: Mapping[str, Any] | None
) -> bool:
    """Let nothing new start until these steps are undone; settle does the rest. False: it is in no state for that.

    `first`: the step that was asked for, which runs whatever kept it from that before.
    """
    wanted = {"first": first, "steps": sorted(again), "context": None if context is None else dict(context)}
    row = session.execute(_ASK, {"execution": execution_id, "rerun": json.dumps(wanted), "now": now(session)})
    return row.one_or_none() is not None


def asked(session: Session, execution_id: int) -> frozenset[int]:
    """The steps that are to run again."""
    return frozenset(session.execute(_ASKED, {"execution": execution_id}).one().rerun["steps"])


def go_on(session: Session, execution_id: int) -> None:
    """Nothing is left of the steps: they run again, with what never began.

    Unless a critical step beside them failed meanwhile: then the execution fails with it. One that was terminated while they
    were undone is undone as a whole.
    """
    row = session.execute(_ASKED, {"execution": execution_id}).one()
    found = look(session, execution_id, row.snapshot)
    if row.rerun.get("is_given_up"):
        _stop(session, execution_id, why="cancel", error=None)
        return
    again = set(row.rerun["steps"]) | found.numbers("cancelled")
    failed = {number for number in found.numbers("failed") - again if found.rows[number].critical}
    if failed:
        # it was let finish, and nothing could be stopped for that reason, too
        step = session.execute(_FIRST_FAILED, {"execution": execution_id, "numbers": sorted(failed)}).one()
        about = {"step": step.step_name, "type": step.error_type, "message": step.error_message}
        _stop(session, execution_id, why="failure", error=about)
        return
    reopen(
        session,
        found,
        execution_id=execution_id,
        document=row.snapshot,
        again=again,
        fresh=again - _untouched(found),
        not_passed_over=again - found.skipped_by_condition(again) | {row.rerun["first"]},
        context=row.rerun["context"],
    )


def _stop(session: Session, execution_id: int, *, why: str, error: dict[str, Any] | None) -> None:
    """Nothing runs again; what is left of the execution is settled for this reason."""
    session.execute(_GIVE_UP, {"execution": execution_id})
    stopped = stop(session, execution_id, why=why, error=error)
    if stopped is not None:
        send_task(session, SETTLE_TASK, str(stopped.owner_id), execution_id)


def _untouched(found: Found) -> set[int]:
    """Steps that did not run, nor began to: their key is as good as new."""
    return {
        number
        for number in found.numbers("pending", "cancelled")
        if found.rows[number].elements is None and found.rows[number].child_id is None
    }
