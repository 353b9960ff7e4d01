"""The verbs of the workflows room."""

from __future__ import annotations

from app.domains.workflows.models import (
    BulkItem,
    BulkOperation,
    ExecutionEffect,
    ExecutionEvent,
    Workflow,
    WorkflowExecution,
    WorkflowStep,
)
from app.domains.workflows.queries import HISTORY_LIMIT
from app.domains.workflows.rules import shown_status
from app.domains.workflows.service.bulk import (
    VERBS,
    Preview,
    Report,
    advance_bulk,
    bulk_report,
    create_bulk,
    get_bulk,
    list_bulks,
    preview_bulk,
    resume_bulk,
    stop_bulk,
)
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
from app.domains.workflows.service.events import handle_events
from app.domains.workflows.service.executions import (
    begin,
    children,
    effects,
    element_counts,
    elements,
    get_execution,
    history,
    list_executions,
    start,
    steps,
)
from app.domains.workflows.service.inbound import raise_event
from app.domains.workflows.service.integrations import IntegrationState, list_integrations, reset_integration
from app.domains.workflows.service.plan import UndoPlan, leftovers, leftovers_summary, undo_plan
from app.domains.workflows.service.switch import SwitchedOff, switch_off, switch_on, switch_state
from app.domains.workflows.service.triggers import all_triggers, get_trigger, list_triggers, set_active
from app.domains.workflows.service.upkeep import add_history_partitions, send_lost_work, tick
from app.domains.workflows.service.verbs import (
    cancel,
    pause,
    replay,
    rerun,
    resume,
    retry_rollback,
    retry_steps,
    skip_steps,
    start_by_hand,
    terminate,
)
from app.domains.workflows.service.waiting import answer, signal
from app.domains.workflows.store.admit import admit
from app.domains.workflows.store.children import stop_children
from app.domains.workflows.store.delivery import Delivery, Outcome
from app.domains.workflows.store.expire import expire
from app.domains.workflows.store.integrations.admission import admit as admit_held_steps
from app.domains.workflows.store.integrations.rates import Rates
from app.domains.workflows.store.places import ADMIT_TASK
from app.domains.workflows.store.records import Execution, Observer, Observers, StepRun
from app.domains.workflows.store.run import run
from app.domains.workflows.store.settle import settle
from app.domains.workflows.store.tasks import EXPIRE_TASK, SETTLE_TASK, STOP_CHILDREN_TASK
from app.domains.workflows.store.timers import look_at_queues

__all__ = [
    "ADMIT_TASK",
    "EXPIRE_TASK",
    "HISTORY_LIMIT",
    "SETTLE_TASK",
    "STOP_CHILDREN_TASK",
    "VERBS",
    "BulkItem",
    "BulkOperation",
    "Delivery",
    "Execution",
    "ExecutionEffect",
    "ExecutionEvent",
    "IntegrationState",
    "Observer",
    "Observers",
    "Outcome",
    "Preview",
    "Rates",
    "Report",
    "StepRun",
    "SwitchedOff",
    "UndoPlan",
    "Workflow",
    "WorkflowExecution",
    "WorkflowStep",
    "add_history_partitions",
    "admit",
    "admit_held_steps",
    "advance_bulk",
    "all_triggers",
    "answer",
    "begin",
    "bulk_report",
    "cancel",
    "canvas_text",
    "children",
    "create_bulk",
    "create_workflow",
    "deactivate_workflow",
    "definition_document",
    "effects",
    "element_counts",
    "elements",
    "expire",
    "get_bulk",
    "get_execution",
    "get_trigger",
    "get_version",
    "get_workflow",
    "handle_events",
    "history",
    "leftovers",
    "leftovers_summary",
    "list_bulks",
    "list_executions",
    "list_integrations",
    "list_triggers",
    "list_versions",
    "list_workflows",
    "look_at_queues",
    "new_version",
    "pause",
    "preview_bulk",
    "raise_event",
    "replay",
    "rerun",
    "reset_integration",
    "resume",
    "resume_bulk",
    "retry_rollback",
    "retry_steps",
    "run",
    "send_lost_work",
    "set_active",
    "settle",
    "shown_status",
    "signal",
    "skip_steps",
    "start",
    "start_by_hand",
    "statistics",
    "steps",
    "stop_bulk",
    "stop_children",
    "switch_off",
    "switch_on",
    "switch_state",
    "sync_builtins",
    "terminate",
    "tick",
    "undo_plan",
    "validate_document",
]
