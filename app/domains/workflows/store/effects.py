"""The ledger of effects: intended in the claim's commit, confirmed in the step's, undone in the rollback's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.domains.workflows.store.records import StepRun
from pipelines.operations import Effect

_INSERT = text(
    """
    INSERT INTO execution_effects (owner_id, execution_id, sequence_number, step_name, kind, reference, summary, system,
      undo_operation, undo_params, state, at)
    VALUES (:owner_id, :execution, :number, :step, :kind, :reference, :summary, :system, :operation,
      CAST(:params AS jsonb), :state, :now)
    """
)

_CONFIRM = text(
    """
    UPDATE execution_effects SET state = 'confirmed', reference = :reference, summary = :summary, system = :system,
      undo_operation = :operation, undo_params = CAST(:params AS jsonb), at = :now
    WHERE id = (SELECT id FROM execution_effects WHERE execution_id = :execution AND sequence_number = :number
                AND kind = :kind AND state = 'intended' ORDER BY id LIMIT 1)
    """
)

_FORGET_INTENDED = text(
    """
    UPDATE execution_effects SET state = 'kept', undo_operation = NULL, undo_params = NULL
    WHERE execution_id = :execution AND sequence_number = :number AND state = 'intended'
    """
)

_INTENDED = text(
    """
    SELECT count(*) FROM execution_effects
    WHERE execution_id = :execution AND sequence_number = :number AND state = 'intended'
    """
)

_TO_UNDO = text(
    """
    SELECT id, kind, reference, summary, undo_operation, undo_params FROM execution_effects
    WHERE execution_id = :execution AND sequence_number = :number AND state IN ('intended', 'confirmed')
      AND undo_operation IS NOT NULL
    ORDER BY id DESC FOR UPDATE
    """
)

_UNDONE = text("UPDATE execution_effects SET state = 'undone', undone_at = :now WHERE id = :id")


@dataclass(frozen=True, slots=True)
class Undo:
    """One effect with the operation that undoes it."""

    effect_id: int
    summary: str
    operation: str
    params: dict[str, Any]


def intend(session: Session, step: StepRun, effects: Iterable[Effect], *, undone_by: str | None) -> None:
    """Write what the operation is about to do; once, whatever the number of attempts."""
    where = {"execution": step.execution.id, "number": step.number}
    if session.execute(_INTENDED, where).scalar_one() == 0:
        for effect in effects:
            session.execute(_INSERT, _row(session, step, effect, undone_by, "intended"))


def confirm(session: Session, step: StepRun, effects: Sequence[Effect], *, undone_by: str | None) -> None:
    """Write what the operation did; an intended effect of the kind becomes the confirmed one."""
    for effect in effects:
        row = _row(session, step, effect, undone_by, "confirmed")
        result: Any = session.execute(_CONFIRM, row)
        if not result.rowcount:
            session.execute(_INSERT, row)


def forget_intended(session: Session, step: StepRun) -> None:
    """What was intended and is not undone by the operation's own compensation: kept for the record."""
    session.execute(_FORGET_INTENDED, {"execution": step.execution.id, "number": step.number})


def to_undo(session: Session, step: StepRun) -> list[Undo]:
    """The step's effects that are not undone and can be, the last one first; locked."""
    rows = session.execute(_TO_UNDO, {"execution": step.execution.id, "number": step.number})
    return [Undo(row.id, row.summary, row.undo_operation, row.undo_params or {}) for row in rows]


def undone(session: Session, undo: Undo) -> None:
    """Cross an effect off the ledger."""
    session.execute(_UNDONE, {"id": undo.effect_id, "now": now(session)})


def _row(session: Session, step: StepRun, effect: Effect, undone_by: str | None, state: str) -> dict[str, Any]:
    undoable = undone_by is not None and effect.undo is not None
    return {
        "owner_id": step.execution.owner_id,
        "execution": step.execution.id,
        "number": step.number,
        "step": step.name,
        "kind": effect.kind,
        "reference": effect.reference,
        "summary": effect.summary,
        "system": effect.system,
        "operation": undone_by if undoable else None,
        "params": json.dumps(effect.undo, default=str) if undoable else None,
        "state": state,
        "now": now(session),
    }
