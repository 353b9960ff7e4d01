"""What is read of workflows and executions. Every query is bounded: by a key, or by the page that its caller takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domains.workflows.models import (
    ExecutionEffect,
    ExecutionEvent,
    Workflow,
    WorkflowExecution,
    WorkflowStep,
    WorkflowVersion,
)

HISTORY_LIMIT = 10_000
VERSIONS_LIMIT = 200


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
) -> Select[Any]:
    """Executions by the filters of the list."""
    statement = select(WorkflowExecution)
    if status == "compensating":
        statement = statement.where(
            WorkflowExecution.state == "running", WorkflowExecution.rollback.in_(("pending", "running"))
        )
    elif status:
        statement = statement.where(WorkflowExecution.state == status)
    if workflow:
        statement = statement.where(WorkflowExecution.workflow_name == workflow)
    if correlation:
        statement = statement.where(WorkflowExecution.correlation_id == correlation)
    if since:
        statement = statement.where(WorkflowExecution.created_at >= since)
    if until:
        statement = statement.where(WorkflowExecution.created_at < until)
    return statement


def steps(session: Session, execution_id: int) -> list[WorkflowStep]:
    """In topological order."""
    statement = (
        select(WorkflowStep)
        .where(WorkflowStep.execution_id == execution_id, WorkflowStep.sequence_number >= 0)
        .order_by(WorkflowStep.sequence_number)
    )
    return list(session.scalars(statement))


def history(session: Session, execution_id: int) -> list[ExecutionEvent]:
    """In the order in which it was written."""
    statement = (
        select(ExecutionEvent)
        .where(ExecutionEvent.execution_id == execution_id)
        .order_by(ExecutionEvent.id)
        .limit(HISTORY_LIMIT)
    )
    return list(session.scalars(statement))


def effects(session: Session, execution_id: int) -> list[ExecutionEffect]:
    statement = (
        select(ExecutionEffect)
        .where(ExecutionEffect.execution_id == execution_id)
        .order_by(ExecutionEffect.id)
        .limit(HISTORY_LIMIT)
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
