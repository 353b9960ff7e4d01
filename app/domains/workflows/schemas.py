"""What the HTTP API takes and answers for workflows and executions."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.domains.workflows.service import shown_status
from app.http.fields import Time
from app.http.pages import PageQuery

EXECUTION_STATUSES = (
    "pending",
    "running",
    "waiting",
    "paused",
    "completed",
    "failed",
    "cancelled",
    "compensating",
)


def _step_status(step: Any) -> str:
    waits_to_retry = step.state == "pending" and step.not_before is not None and step.throttled_by is None
    return "retrying" if waits_to_retry else str(step.state)


def _held_by(step: Any) -> str | None:
    """The integration that holds the step back."""
    return str(step.throttled_by) if step.throttled_by is not None and step.not_before is not None else None


class Definition(ma.Schema):
    """A workflow definition (the definition language). Its faults are found by validation, all at once."""

    class Meta:
        unknown = ma.INCLUDE


class WorkflowQuery(PageQuery):
    """Filters of the list of workflows."""

    q = fields.String(validate=ma.validate.Length(max=100))
    include_inactive = fields.Boolean(load_default=False)


class WorkflowOut(ma.Schema):
    """A workflow."""

    id = fields.Integer()
    name = fields.String()
    version = fields.String()
    description = fields.String()
    tags = fields.List(fields.String())
    is_active = fields.Boolean()
    is_builtin = fields.Function(lambda workflow: workflow.owner_id is None, metadata={"type": "boolean"})
    created_by = fields.String(allow_none=True)
    created_at = Time()
    updated_at = Time()


class WorkflowDetail(WorkflowOut):
    """A workflow with its definition."""

    definition = fields.Raw()


class VersionOut(ma.Schema):
    """One saved version."""

    version = fields.String()
    created_by = fields.String(allow_none=True)
    created_at = Time()
    definition = fields.Raw(attribute="document")


class FaultOut(ma.Schema):
    """One fault: where, by JSON pointer, and what."""

    pointer = fields.String()
    message = fields.String()


class ValidationOut(ma.Schema):
    """What is wrong with a definition, and what is doubtful."""

    valid = fields.Boolean()
    errors = fields.List(fields.Nested(FaultOut))
    warnings = fields.List(fields.Nested(FaultOut))


class CanvasOut(ma.Schema):
    """The whole workflow's canvas as text."""

    workflow_id = fields.Integer()
    version = fields.String()
    canvas = fields.String()


class StatisticsOut(ma.Schema):
    """Counts and durations of a workflow's executions; success_rate is between 0 and 1."""

    workflow_id = fields.Integer()
    total_executions = fields.Integer()
    successful_executions = fields.Integer()
    failed_executions = fields.Integer()
    average_duration_seconds = fields.Float(allow_none=True)
    p50_duration_seconds = fields.Float(allow_none=True)
    p95_duration_seconds = fields.Float(allow_none=True)
    success_rate = fields.Float()


class Execute(ma.Schema):
    """Start a workflow by name."""

    workflow_name = fields.String(required=True, validate=ma.validate.Length(1, 200))
    context = fields.Dict(keys=fields.String(), load_default=dict)


class Context(ma.Schema):
    """A workflow's context: the body itself."""

    class Meta:
        unknown = ma.INCLUDE


class WaitQuery(ma.Schema):
    """How long to wait for the end, in seconds."""

    wait = fields.Float(validate=ma.validate.Range(0, 30), metadata={"description": "seconds, up to 30"})


class ExecutionQuery(PageQuery):
    """Filters of the list of executions."""

    status = fields.String(validate=ma.validate.OneOf(EXECUTION_STATUSES))
    workflow = fields.String(validate=ma.validate.Length(max=200))
    correlation = fields.String(validate=ma.validate.Length(max=200))
    since = fields.AwareDateTime(data_key="from")
    until = fields.AwareDateTime(data_key="to")
    include_duration = fields.Boolean(load_default=True)


class StartedOut(ma.Schema):
    """The answer of a start."""

    execution_id = fields.Integer(attribute="id")
    workflow_id = fields.Integer()
    status = fields.Function(lambda execution: shown_status(execution.state, execution.rollback))
    trigger_type = fields.String()
    context = fields.Raw()
    result = fields.Raw(allow_none=True)
    error = fields.Raw(allow_none=True)


class ExecutionOut(ma.Schema):
    """One execution."""

    id = fields.Integer()
    workflow_id = fields.Integer()
    workflow_name = fields.String()
    workflow_version = fields.String()
    status = fields.Function(lambda execution: shown_status(execution.state, execution.rollback))
    rollback = fields.String()
    trigger_type = fields.String()
    trigger_source = fields.String(allow_none=True)
    correlation_id = fields.String(allow_none=True)
    error = fields.Raw(allow_none=True)
    created_at = Time()
    started_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)
    duration_seconds = fields.Float(allow_none=True)


class StepOut(ma.Schema):
    """One step run."""

    step_name = fields.String()
    step_type = fields.String()
    operation = fields.String(attribute="task")
    sequence_number = fields.Integer()
    status = fields.Function(_step_status)
    depends_on = fields.Function(lambda step: step.definition.get("depends_on", []))
    critical = fields.Boolean()
    attempts = fields.Integer()
    retry_count = fields.Integer()
    # of a held step only when it is looked at again without its turn having come
    next_attempt_at = Time(attribute="not_before", allow_none=True)
    held_by = fields.Function(
        _held_by, metadata={"type": ["string", "null"], "description": "the integration that holds it back"}
    )
    input_data = fields.Raw(allow_none=True)
    output_data = fields.Raw(allow_none=True)
    error_message = fields.String(allow_none=True)
    error_type = fields.String(allow_none=True)
    idempotency_key = fields.String()
    worker = fields.String(allow_none=True)
    celery_task_id = fields.String(allow_none=True)
    started_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)
    duration_seconds = fields.Float(allow_none=True)


class EffectOut(ma.Schema):
    """What a step changed, and what became of it."""

    step_name = fields.String()
    kind = fields.String()
    reference = fields.String()
    summary = fields.String()
    system = fields.String()
    undo_operation = fields.String(allow_none=True)
    state = fields.String()
    at = Time()
    undone_at = Time(allow_none=True)


class StepProgress(ma.Schema):
    """Where one step is."""

    step_name = fields.String()
    status = fields.Function(_step_status)
    attempts = fields.Integer()
    started_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)


class ExecutionProgress(ma.Schema):
    """Where an execution is."""

    id = fields.Integer()
    status = fields.Function(lambda execution: shown_status(execution.state, execution.rollback))
    rollback = fields.String()
    steps = fields.List(fields.Nested(StepProgress))


class ExecutionDetail(ExecutionOut):
    """One execution with its steps and effects."""

    context = fields.Raw()
    result = fields.Raw(allow_none=True)
    labels = fields.Raw()
    steps = fields.List(fields.Nested(StepOut))
    effects = fields.List(fields.Nested(EffectOut))
    canvas = fields.String()


class HistoryOut(ma.Schema):
    """One transition."""

    at = Time()
    step_name = fields.String(allow_none=True)
    from_state = fields.String(allow_none=True)
    to_state = fields.String()
    attempt = fields.Integer(allow_none=True)
    worker = fields.String(allow_none=True)
    task_id = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    released = fields.List(fields.Integer(), allow_none=True)


class Reason(ma.Schema):
    """Why an operator does something."""

    reason = fields.String(validate=ma.validate.Length(max=1000), load_default=None)


class OperationOut(ma.Schema):
    """An operation that steps may call."""

    name = fields.String()
    description = fields.String()
    parameters = fields.Raw(attribute="schema")
    undone_by = fields.String(allow_none=True)
    lease = fields.Boolean()
    timeout_seconds = fields.Float(allow_none=True)
    queue = fields.String(allow_none=True)
    integration = fields.String(allow_none=True)


class IntegrationOut(ma.Schema):
    """An outside system. `state`: closed (it works), open (left alone until `retry_at`), half_open (being tried)."""

    name = fields.String()
    state = fields.String()
    failures = fields.Integer()
    opened_at = Time(allow_none=True)
    retry_at = Time(allow_none=True)
    last_failed_at = Time(allow_none=True)
    last_error = fields.String(allow_none=True)
    limit = fields.String(allow_none=True)
    held = fields.Integer()
    operations = fields.List(fields.String())
