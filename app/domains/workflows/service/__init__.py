"""The verbs of the workflows room."""

from __future__ import annotations

from app.domains.workflows.models import ExecutionEffect, ExecutionEvent, Workflow, WorkflowExecution, WorkflowStep
from app.domains.workflows.rules import shown_status
from app.domains.workflows.service.definitions import (
    canvas_text,
    create_workflow,
    deactivate_workflow,
    definition_document,
    get_version,
    get_workflow,
    list_versions,
    list_workflows,
    new_version,
    statistics,
    sync_builtins,
    validate_document,
)
from app.domains.workflows.service.executions import (
    begin,
    cancel,
    effects,
    get_execution,
    history,
    list_executions,
    retry_rollback,
    retry_steps,
    start,
    steps,
)
from app.domains.workflows.service.upkeep import add_history_partitions, send_lost_work
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.expire import expire
from app.domains.workflows.store.records import Execution, Observer, Observers, StepRun
from app.domains.workflows.store.run import run
from app.domains.workflows.store.settle import settle
from app.domains.workflows.store.sweep import EXPIRE_TASK, SETTLE_TASK

__all__ = [
    "EXPIRE_TASK",
    "SETTLE_TASK",
    "Delivery",
    "Execution",
    "ExecutionEffect",
    "ExecutionEvent",
    "Observer",
    "Observers",
    "Outcome",
    "StepRun",
    "Workflow",
    "WorkflowExecution",
    "WorkflowStep",
    "add_history_partitions",
    "begin",
    "cancel",
    "canvas_text",
    "create_workflow",
    "deactivate_workflow",
    "definition_document",
    "effects",
    "expire",
    "get_execution",
    "get_version",
    "get_workflow",
    "history",
    "list_executions",
    "list_versions",
    "list_workflows",
    "new_version",
    "retry_rollback",
    "retry_steps",
    "run",
    "send_lost_work",
    "settle",
    "shown_status",
    "start",
    "statistics",
    "steps",
    "sync_builtins",
    "validate_document",
]
