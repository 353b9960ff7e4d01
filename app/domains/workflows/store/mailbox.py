"""What was said to an execution, kept until a step of it takes it: signals, the events that it waits for, answers.

Domain events are not copied to everybody who may wait for them one day. Whoever begins to wait looks back over the outbox
once, and is told of what comes later. Both hold `EVENTS`, shared or alone, so that no event falls between the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.events import CLOUD_EVENT_COLUMNS, document_of
from app.domains.workflows.store.records import StepRun

ANSWER = "approval"
EVENTS = 0x7452_0002
BATCH = 500

_HOLD = text("SELECT pg_advisory_xact_lock_shared(:key)")
_HOLD_ALONE = text("SELECT pg_advisory_xact_lock(:key)")

_PUT = text(
    """
    INSERT INTO execution_signals (owner_id, execution_id, name, step_name, payload, sent_by, at)
    VALUES (:owner_id, :execution, :name, :step, CAST(:payload AS jsonb), :sent_by, :now) RETURNING id
    """
)

_LETTERS = text(
    """
    SELECT id, payload FROM execution_signals
    WHERE execution_id = :execution AND name = :name AND (step_name IS NULL OR step_name = :step) AND consumed_by IS NULL
      AND at >= :since AND id > :after
    ORDER BY id LIMIT :batch FOR UPDATE
    """
)

_TAKE = text("UPDATE execution_signals SET consumed_by = :number, consumed_at = :now WHERE id = :id")

_BEGINNING = text("SELECT created_at FROM workflow_executions WHERE id = :execution")

_LOOK_BACK = text(
    f"""
    SELECT {CLOUD_EVENT_COLUMNS}, position FROM outbox
    WHERE owner_id = :owner AND type = :type AND position > :after AND at >= :since ORDER BY position LIMIT :batch
    """  # noqa: S608 - constants
)

_HAD = text(
    """
    SELECT output_data #>> '{event,id}' FROM workflow_steps
    WHERE execution_id = :execution AND step_name = ANY(:steps) AND step_type = 'wait' AND state = 'completed'
    """
)


def hold(session: Session) -> None:
    """Keep events from being handed out until this transaction, which begins to wait, has ended."""
    session.execute(_HOLD, {"key": EVENTS})


def hold_alone(session: Session) -> None:
    """Wait for those who begin to wait, so that all of them are seen."""
    session.execute(_HOLD_ALONE, {"key": EVENTS})


def put(
    session: Session,
    *,
    owner_id: UUID,
    execution_id: int,
    name: str,
    payload: dict[str, Any],
    step_name: str | None = None,
    sent_by: str | None = None,
) -> int:
    """Keep a letter for the execution, or for one step of it; returns its id."""
    letter = {
        "owner_id": owner_id,
        "execution": execution_id,
        "name": name,
        "step": step_name,
        "payload": json.dumps(payload),
        "sent_by": sent_by,
        "now": now(session),
    }
    return int(session.execute(_PUT, letter).scalar_one())


def take(
    session: Session, step: StepRun, name: str, fits: Callable[[dict[str, Any]], bool], *, since: datetime
) -> dict[str, Any] | None:
    """The first letter of that name that fits and nobody took, from `since` on; it is then this step's."""
    where = {"execution": step.execution.id, "name": name, "step": step.name, "since": since}
    for letter in _letters(session, where):
        if fits(letter.payload):
            session.execute(_TAKE, {"number": step.number, "now": now(session), "id": letter.id})
            found: dict[str, Any] = letter.payload
            return found
    return None


def _letters(session: Session, where: dict[str, Any]) -> Iterator[Any]:
    after = 0
    while True:
        rows = session.execute(_LETTERS, {**where, "after": after, "batch": BATCH}).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def beginning(session: Session, step: StepRun) -> datetime:
    """When the step's execution was made."""
    made: datetime = session.execute(_BEGINNING, {"execution": step.execution.id}).scalar_one()
    return made


def look_back(
    session: Session,
    step: StepRun,
    event_type: str,
    fits: Callable[[dict[str, Any]], bool],
    *,
    ancestors: Collection[str],
) -> dict[str, Any] | None:
    """The first event of that type since the execution was made that fits and that no wait before this one had."""
    had = set(session.execute(_HAD, {"execution": step.execution.id, "steps": list(ancestors)}).scalars())
    since = beginning(session, step)
    for event in _since(session, step.execution.owner_id, event_type, since):
        if event["id"] not in had and fits(event):
            return event
    return None


def _since(session: Session, owner_id: UUID, event_type: str, since: datetime) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        where = {"owner": owner_id, "type": event_type, "after": after, "since": since, "batch": BATCH}
        rows = session.execute(_LOOK_BACK, where).all()
        for row in rows:
            yield document_of(row)
        if len(rows) < BATCH:
            return
        after = rows[-1].position
