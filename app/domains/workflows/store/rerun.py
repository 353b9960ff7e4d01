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
from app.domains.workflows.store.reopen import Found, look, reopen

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
    """Nothing is left of the steps: they run again, with what never began."""
    row = session.execute(_ASKED, {"execution": execution_id}).one()
    found = look(session, execution_id, row.snapshot)
    again = set(row.rerun["steps"]) | found.numbers("cancelled")
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


def _untouched(found: Found) -> set[int]:
    """Steps that did not run, nor began to: their key is as good as new."""
    return {
        number
        for number in found.numbers("pending", "cancelled")
        if found.rows[number].elements is None and found.rows[number].child_id is None
    }
