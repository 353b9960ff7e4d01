"""What a condition that may wait is about, by the resources that it mentions: events about them are its own affair.

They are so from the commit that makes the condition ready, not from its first look: what happens in between, however long a
worker needs to come to it, is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.ports import port
from app.domains.workflows.store.records import StepRun
from pipelines.definition import StepType
from pipelines.expressions import cel_paths
from pipelines.operations import Catalogue

CONDITION_TASK = f"engine.{StepType.CONDITION.value}"

_CONDITIONS = text(
    """
    SELECT s.sequence_number, s.definition ->> 'condition' AS source, (
      SELECT jsonb_agg(r.output_data) FROM workflow_steps r
      WHERE r.execution_id = s.execution_id AND r.sequence_number = ANY(s.reads)) AS outputs
    FROM workflow_steps s
    WHERE s.execution_id = :execution AND s.sequence_number = ANY(:numbers) AND s.state = 'pending'
    ORDER BY s.sequence_number
    """
)

_CONCERN = text(
    "UPDATE workflow_steps SET subjects = :subjects WHERE execution_id = :execution AND sequence_number = :number"
)


def expect(session: Session, step: StepRun, conditions: Iterable[int]) -> None:
    """Let these conditions, which a step of their execution has just made ready, be told of what they are about."""
    catalogue, execution = port(session, Catalogue), step.execution
    for row in session.execute(_CONDITIONS, {"execution": execution.id, "numbers": sorted(conditions)}).all():
        if subjects := subjects_of(row.source, catalogue, (execution.context, *(row.outputs or ()))):
            about = {"execution": execution.id, "number": row.sequence_number, "subjects": sorted(subjects)}
            session.execute(_CONCERN, about)


def subjects_of(source: str, catalogue: Catalogue, holders: Iterable[Any]) -> set[str]:
    """The subjects of the events about each resource that an expression mentions, as context and outputs know it."""
    known = [holder for holder in holders if isinstance(holder, Mapping)]
    return {
        f"{noun}/{resource['id']}"
        for noun in nouns(source)
        if catalogue.reader(noun) is not None
        for holder in known
        if isinstance(resource := holder.get(noun), Mapping) and "id" in resource
    }


def nouns(source: str) -> set[str]:
    """The names in an expression's paths under which a resource may stand: bare, in the context, in a step's output."""
    names = set()
    for path in cel_paths(source):
        match path:
            case ("steps", _, "output", str(noun), *_) | ("context", str(noun), *_):
                names.add(noun)
            case (str(noun), *_):
                names.add(noun)
    return names
