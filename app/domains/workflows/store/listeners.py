"""Who waits for an event: it is put into the mailbox of each step that it fits, and the step is woken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.events import canonical
from app.domains.workflows.store import mailbox
from app.domains.workflows.store.look import matches
from app.domains.workflows.store.wake import wake_all
from pipelines.expressions import Scope

BATCH = 200

_AWAITING = text(
    """
    SELECT s.execution_id, s.sequence_number, s.step_name, s.definition ->> 'match' AS match, s.owner_id, e.context,
      e.correlation_id, CASE WHEN s.definition ? 'match' THEN (
        SELECT jsonb_agg(jsonb_build_array(r.step_name, r.output_data) ORDER BY array_position(s.reads, r.sequence_number))
        FROM workflow_steps r WHERE r.execution_id = s.execution_id AND r.sequence_number = ANY(s.reads)) END AS outputs
    FROM workflow_steps s JOIN workflow_executions e ON e.id = s.execution_id
    WHERE s.owner_id = :owner AND s.awaits = :type AND s.state IN ('pending', 'waiting') AND e.created_at <= :at
      AND (s.execution_id, s.sequence_number) > (:execution, :number)
    ORDER BY s.execution_id, s.sequence_number LIMIT :batch
    """
)

_CONCERNED = text(
    """
    SELECT execution_id, sequence_number, state IN ('pending', 'waiting') AS waits FROM workflow_steps
    WHERE owner_id = :owner AND subjects @> ARRAY[CAST(:subject AS text)] AND state <> 'skipped'
      AND (execution_id, sequence_number) > (:execution, :number)
    ORDER BY execution_id, sequence_number LIMIT :batch
    """
)


def tell(session: Session, event: dict[str, Any]) -> set[int]:
    """Tell one tenant's waiting steps of an event of theirs; returns the executions that have waited for it."""
    concerned: dict[int, set[int]] = defaultdict(set)
    about: dict[str, Any] = {
        "owner": event["tenantid"],
        "type": canonical(event["type"]),
        "subject": event["subject"],
        "at": event["time"],
    }
    for row in _pages(session, _AWAITING, about):
        if matches(row.match, _scope(row), event):
            mailbox.put(
                session,
                owner_id=row.owner_id,
                execution_id=row.execution_id,
                name=about["type"],
                payload=event,
                step_name=row.step_name,
            )
            concerned[row.execution_id].add(row.sequence_number)
    awaited_by = set(concerned)
    for row in _pages(session, _CONCERNED, about):
        awaited_by.add(row.execution_id)
        if row.waits:
            concerned[row.execution_id].add(row.sequence_number)
    wake_all(session, dict(sorted(concerned.items())))
    return awaited_by


def _pages(session: Session, statement: Any, about: dict[str, Any]) -> Iterator[Any]:
    after = {"execution": 0, "number": 0}
    while True:
        rows = session.execute(statement, {**about, **after, "batch": BATCH}).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = {"execution": rows[-1].execution_id, "number": rows[-1].sequence_number}


def _scope(row: Any) -> Scope:
    return Scope(
        context=row.context,
        outputs=dict(row.outputs or ()),
        execution={"id": row.execution_id, "correlation_id": row.correlation_id},
        tenant={"id": str(row.owner_id)},
    )
