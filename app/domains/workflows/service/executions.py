"""Executions: start them, and look at them. What an operator does to one that is there is in `verbs`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.ports import port
from app.core.settings import Settings
from app.domains.workflows import queries
from app.domains.workflows.errors import ExecutionNotFound, StepNotFound, WrongState
from app.domains.workflows.models import ExecutionEffect, ExecutionEvent, WorkflowExecution, WorkflowStep
from app.domains.workflows.store import start as starts
from app.domains.workflows.store.launch import launch


def start(
    session: Session,
    *,
    workflow: str,
    context: Mapping[str, Any],
    trigger_type: str,
    trigger_source: str | None = None,
    correlation_id: str | None = None,
    labels: Mapping[str, Any] | None = None,
    document: dict[str, Any] | None = None,
    start_key: str | None = None,
    event: Mapping[str, Any] | None = None,
    begin: bool = True,
) -> int:
    """Make an execution of the workflow's current version, and begin it unless told otherwise; returns its id.

    `document`: an expanded snapshot of that version in place of its stored text. `start_key`: what starts it, once: a second
    start with that key finds the first. `event`: the event that starts it. Its ready steps are sent after the commit.
    Raises WorkflowNotFound (also for an inactive one) and InvalidContext.
    """
    return launch(
        session,
        workflow=workflow,
        context=context,
        trigger_type=trigger_type,
        trigger_source=trigger_source,
        correlation_id=correlation_id,
        labels=labels,
        document=document,
        start_key=start_key,
        event=event,
        begin=begin,
    )


def begin(session: Session, *, execution_id: int) -> None:
    """Begin a pending execution, or let it wait for the engine to be on and for a place under its concurrency key.

    Raises WrongState when it is not pending.
    """
    settings = port(session, Settings)
    execution = get_execution(session, execution_id=execution_id)
    if execution.state != "pending":
        message = f"Execution {execution_id} is {execution.state}, not pending."
        raise WrongState(message)
    if not settings.workflow_engine_enabled:
        execution.is_wanted = True
    elif not starts.begin(session, execution_id, resend_after=settings.resend_after):
        session.refresh(execution)
        if execution.state != "pending":
            message = f"Execution {execution_id} has just been begun by somebody else."
            raise WrongState(message)


def get_execution(session: Session, *, execution_id: int) -> WorkflowExecution:
    """Raises ExecutionNotFound."""
    execution = queries.execution(session, execution_id)
    if execution is None:
        raise ExecutionNotFound(execution_id)
    return execution


def list_executions(
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
    """A statement for a page of executions. `error`: a part of the failure's text; `failed_step`: the step that stopped it."""
    return queries.executions(
        status=status,
        workflow=workflow,
        correlation=correlation,
        since=since,
        until=until,
        error=error,
        failed_step=failed_step,
        trigger=trigger,
    )


def steps(session: Session, *, execution_id: int) -> list[WorkflowStep]:
    """In topological order; the elements of those with for_each are left out."""
    return queries.steps(session, execution_id)


def elements(
    session: Session, *, execution_id: int, step_name: str | None = None, after: int | None = None, limit: int = 200
) -> list[WorkflowStep]:
    """The elements of a step with for_each (None: of all), in order, those behind the sequence number `after`.

    Raises ExecutionNotFound and StepNotFound.
    """
    get_execution(session, execution_id=execution_id)
    if step_name is not None and not queries.has_step(session, execution_id, step_name):
        raise StepNotFound(execution_id, step_name)
    return queries.elements(session, execution_id, step=step_name, after=after, limit=limit)


def element_counts(session: Session, *, execution_id: int) -> dict[int, dict[str, int]]:
    """By the number of each step with for_each, how many of its elements are in which state."""
    return queries.element_counts(session, execution_id)


def children(session: Session, *, execution_id: int) -> list[int]:
    """The executions that this one's steps started."""
    return queries.children(session, execution_id)


def history(
    session: Session, *, execution_id: int, after: int | None = None, limit: int = queries.HISTORY_LIMIT
) -> list[ExecutionEvent]:
    """Every transition, in order, those behind the entry with the id `after`."""
    get_execution(session, execution_id=execution_id)
    return queries.history(session, execution_id, after=after, limit=limit)


def effects(session: Session, *, execution_id: int) -> list[ExecutionEffect]:
    """The ledger of what the execution changed, and whether it is undone."""
    return queries.effects(session, execution_id)
