"""What is read of workflows and executions. Every query is bounded: by a key, or by the page that its caller takes."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domains.workflows.models import (
    BulkItem,
    BulkOperation,
    ExecutionEffect,
    ExecutionEvent,
    Workflow,
    WorkflowExecution,
    WorkflowStep,
    WorkflowVersion,
)

HISTORY_LIMIT = 10_000
STANDING_LIMIT = 50_000
"""Effects that are planned to be undone, or left: a step with 10,000 elements may have several of each."""

VERSIONS_LIMIT = 200
PROBLEMS_LIMIT = 20


def workflow_by_id(session: Session, workflow_id: int) -> Workflow | None:
    return session.scalars(select(Workflow).where(Workflow.id == workflow_id)).one_or_none()


def workflow_by_name(session: Session, name: str) -> Workflow | None:
    """The tenant's own workflow of that name, else the built-in one."""
    statement = select(Workflow).where(Workflow.name == name).order_by(Workflow.owner_id.is_(None)).limit(1)
    return session.scalars(statement).first()


def builtin_by_name(session: Session, name: str) -> Workflow | None:
    statement = select(Workflow).where(Workflow.name == name, Workflow.owner_id.is_(None))
    return session.scalars(statement).one_or_none()


def workflows(*, include_inactive: bool = False, q: str | None = None) -> Select[Any]:
    """The workflows that the session may see."""
    statement = select(Workflow)
    if not include_inactive:
        statement = statement.where(Workflow.is_active)
    if q:
        statement = statement.where(Workflow.name.contains(q, autoescape=True))
    return statement


def version_of(session: Session, workflow_id: int, version: str) -> WorkflowVersion | None:
    statement = select(WorkflowVersion).where(
        WorkflowVersion.workflow_id == workflow_id, WorkflowVersion.version == version
    )
    return session.scalars(statement).one_or_none()


def versions(session: Session, workflow_id: int) -> list[WorkflowVersion]:
    """Newest first."""
    statement = (
        select(WorkflowVersion)
        .where(WorkflowVersion.workflow_id == workflow_id)
        .order_by(WorkflowVersion.id.desc())
        .limit(VERSIONS_LIMIT)
    )
    return list(session.scalars(statement))


def execution(session: Session, execution_id: int, *, lock: bool = False) -> WorkflowExecution | None:
    statement = select(WorkflowExecution).where(WorkflowExecution.id == execution_id)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def execution_by_start_key(session: Session, workflow_id: int, start_key: str) -> WorkflowExecution | None:
    statement = select(WorkflowExecution).where(
        WorkflowExecution.workflow_id == workflow_id, WorkflowExecution.start_key == start_key
    )
    return session.scalars(statement).one_or_none()


def executions(
    *,
    status: str | None = None,
    workflow: str | None = None,
    correlation: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    error: str | None = None,
    failed_step: str | None = None,
    trigger: str | None = None,
) -> Select[Any]:
    """Executions by the filters of the list; `error`: a part of what the failure said, in upper or lower case."""
    found = WorkflowExecution
    statement = select(found)
    if status == "compensating":
        statement = statement.where(found.state == "running", found.rollback.in_(("pending", "running")))
    elif status is not None:
        statement = statement.where(found.state == status)
    if error is not None or failed_step is not None:
        # by this the index of what has failed is found, before the texts are read
        statement = statement.where(found.error.is_not(None))
    if since is not None:
        statement = statement.where(found.created_at >= since)
    if until is not None:
        statement = statement.where(found.created_at < until)
    if error is not None:
        statement = statement.where(found.error["message"].astext.icontains(error, autoescape=True))
    same = ((workflow, found.workflow_name), (correlation, found.correlation_id), (trigger, found.trigger_type))
    for value, column in (*same, (failed_step, found.error["step"].astext)):
        if value is not None:
            statement = statement.where(column == value)
    return statement


def children(session: Session, execution_id: int) -> list[int]:
    """The executions that its steps started, the first first."""
    statement = select(WorkflowExecution.id).where(WorkflowExecution.parent_id == execution_id)
    return list(session.scalars(statement.order_by(WorkflowExecution.id).limit(HISTORY_LIMIT)))


def elements(
    session: Session, execution_id: int, *, step: str | None, after: int | None, limit: int
) -> list[WorkflowStep]:
    """Elements of one step with for_each, or of all, in order, those behind the number `after`."""
    element = WorkflowStep
    statement = select(element).where(element.execution_id == execution_id, element.sequence_number < 0)
    if step is not None:
        number = select(element.sequence_number).where(element.execution_id == execution_id, element.step_name == step)
        statement = statement.where(element.parent_number == number.scalar_subquery())
    if after is not None:
        statement = statement.where(element.sequence_number > after)
    return list(session.scalars(statement.order_by(element.sequence_number).limit(limit)))


def element_counts(session: Session, execution_id: int) -> dict[int, dict[str, int]]:
    """How many elements of each step with for_each are in which state, by the step's number."""
    element = WorkflowStep
    rows = session.execute(
        select(element.parent_number, element.state, func.count().label("many"))
        .where(element.execution_id == execution_id, element.sequence_number < 0)
        .group_by(element.parent_number, element.state)
        .order_by(element.state)
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for row in rows:
        counts[row.parent_number][row.state] = row.many
    return counts


def element_parents(session: Session, execution_id: int) -> dict[int, int]:
    """Of each element that changed something, by its number, the number of its step."""
    changed = select(ExecutionEffect.sequence_number).where(
        ExecutionEffect.execution_id == execution_id, ExecutionEffect.sequence_number < 0
    )
    rows = session.execute(
        select(WorkflowStep.sequence_number, WorkflowStep.parent_number).where(
            WorkflowStep.execution_id == execution_id, WorkflowStep.sequence_number.in_(changed)
        )
    )
    return {row.sequence_number: row.parent_number for row in rows}


def failed_steps(session: Session, execution_id: int) -> list[str]:
    """The steps that have failed, in order, with the one that a rollback has undone since."""
    statement = select(WorkflowStep.step_name).where(
        WorkflowStep.execution_id == execution_id, WorkflowStep.sequence_number >= 0, WorkflowStep.state == "failed"
    )
    names = list(session.scalars(statement.order_by(WorkflowStep.sequence_number)))
    found = execution(session, execution_id)
    named = (found.error or {}).get("step") if found is not None else None
    return names if named is None or named in names else [*names, named]


def bulk_operation(session: Session, bulk_id: int) -> BulkOperation | None:
    return session.scalars(select(BulkOperation).where(BulkOperation.id == bulk_id)).one_or_none()


def bulk_to_advance(session: Session, bulk_id: int) -> BulkOperation | None:
    """The operation if it is under way and nobody else is at it; locked."""
    statement = select(BulkOperation).where(BulkOperation.id == bulk_id, BulkOperation.state == "running")
    return session.scalars(statement.with_for_update(skip_locked=True)).one_or_none()


def bulk_operations() -> Select[Any]:
    return select(BulkOperation)


def bulk_problems(session: Session, bulk_id: int) -> list[BulkItem]:
    """The first executions that failed again or were refused."""
    statement = select(BulkItem).where(BulkItem.bulk_id == bulk_id, BulkItem.state.in_(("failed", "refused")))
    return list(session.scalars(statement.order_by(BulkItem.execution_id).limit(PROBLEMS_LIMIT)))


def steps(session: Session, execution_id: int) -> list[WorkflowStep]:
    """In topological order."""
    statement = (
        select(WorkflowStep)
        .where(WorkflowStep.execution_id == execution_id, WorkflowStep.sequence_number >= 0)
        .order_by(WorkflowStep.sequence_number)
    )
    return list(session.scalars(statement))


def history(session: Session, execution_id: int, *, after: int | None, limit: int) -> list[ExecutionEvent]:
    """In the order in which it was written, what is behind the entry `after`."""
    statement = select(ExecutionEvent).where(ExecutionEvent.execution_id == execution_id)
    if after is not None:
        statement = statement.where(ExecutionEvent.id > after)
    return list(session.scalars(statement.order_by(ExecutionEvent.id).limit(limit)))


def has_step(session: Session, execution_id: int, name: str) -> bool:
    statement = select(WorkflowStep.sequence_number).where(
        WorkflowStep.execution_id == execution_id, WorkflowStep.step_name == name
    )
    return session.scalars(statement.limit(1)).first() is not None


def effects(session: Session, execution_id: int) -> list[ExecutionEffect]:
    statement = (
        select(ExecutionEffect)
        .where(ExecutionEffect.execution_id == execution_id)
        .order_by(ExecutionEffect.id)
        .limit(HISTORY_LIMIT)
    )
    return list(session.scalars(statement))


def standing_effects(session: Session, execution_id: int) -> list[ExecutionEffect]:
    """Those that are there, or may be."""
    statement = (
        select(ExecutionEffect)
        .where(ExecutionEffect.execution_id == execution_id, ExecutionEffect.state.in_(("intended", "confirmed")))
        .order_by(ExecutionEffect.id)
        .limit(STANDING_LIMIT)
    )
    return list(session.scalars(statement))


def statistics(session: Session, workflow_id: int) -> Any:
    """Counts and durations of one workflow's executions."""
    ended = WorkflowExecution.duration_seconds
    return session.execute(
        select(
            func.count().label("total"),
            func.count().filter(WorkflowExecution.state == "completed").label("successful"),
            func.count().filter(WorkflowExecution.state == "failed").label("failed"),
            func.avg(ended).label("average"),
            func.percentile_cont(0.5).within_group(ended).label("p50"),
            func.percentile_cont(0.95).within_group(ended).label("p95"),
        ).where(WorkflowExecution.workflow_id == workflow_id)
    ).one()
