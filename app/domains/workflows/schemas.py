"""What the HTTP API takes and answers for workflows and executions."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from app.domains.workflows.service import HISTORY_LIMIT, VERBS, shown_status
from app.http.fields import Time
from app.http.pages import PageQuery
from pipelines.triggers import EVENT_TYPE

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


TRIGGERS = ("api", "manual", "event", "scheduled", "parent", "order")


def step_status(step: Any) -> str:
    """A step's status for people: `retrying` while it waits for its next attempt."""
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


class Reason(ma.Schema):
    """Why an operator does something."""

    reason = fields.String(validate=ma.validate.Length(max=1000), load_default=None)


class Execute(Reason):
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


class ExecutionFilters(ma.Schema):
    """A search for executions."""

    status = fields.String(validate=ma.validate.OneOf(EXECUTION_STATUSES))
    workflow = fields.String(validate=ma.validate.Length(1, 200))
    correlation = fields.String(validate=ma.validate.Length(1, 200))
    since = fields.AwareDateTime(data_key="from")
    until = fields.AwareDateTime(data_key="to")
    error = fields.String(
        validate=ma.validate.Length(1, 200), metadata={"description": "a part of what the failure said"}
    )
    failed_step = fields.String(
        validate=ma.validate.Length(1, 200), metadata={"description": "the step that stopped the execution"}
    )
    trigger = fields.String(validate=ma.validate.OneOf(TRIGGERS))


class ExecutionQuery(PageQuery, ExecutionFilters):
    """Filters of the list of executions."""

    include_duration = fields.Boolean(load_default=True, metadata={"description": "false: without `duration_seconds`"})


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
    status = fields.Function(step_status)
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


def _waits_for(step: Any) -> dict[str, Any] | None:
    """What a parked step waits for, and until when; None for any other."""
    if step.state != "waiting":
        return None
    asked = step.input_data or {}
    return {
        "event": step.awaits,
        "subjects": step.subjects,
        "until": step.due_at,
        "deadline_at": step.deadline_at,
        "looks_again_at": step.wake_at,
        "execution_id": step.child_id,
        "prompt": asked.get("prompt") if step.step_type == "approval" else None,
        "permission": asked.get("permission") if step.step_type == "approval" else None,
    }


class WaitsForOut(ma.Schema):
    """What a parked step waits for: an event, events about subjects, a moment, another execution, or an answer."""

    event = fields.String(allow_none=True)
    subjects = fields.List(fields.String(), allow_none=True)
    until = Time(allow_none=True)
    deadline_at = Time(allow_none=True)
    looks_again_at = Time(allow_none=True)
    execution_id = fields.Integer(allow_none=True)
    prompt = fields.Raw(allow_none=True)
    permission = fields.String(allow_none=True)


class ShownStep(StepOut):
    """One step run with what belongs to it alone: what it waits for, its elements, whether its operation is known."""

    waits_for = fields.Function(
        lambda step: (about := _waits_for(step)) and WaitsForOut().dump(about), metadata={"type": ["object", "null"]}
    )
    elements = fields.Raw(
        allow_none=True, metadata={"description": "of a step with for_each: how many are in which state"}
    )
    is_operation_known = fields.Boolean()


class ElementOut(StepOut):
    """One element of a step with for_each."""

    item = fields.Raw(allow_none=True)
    item_index = fields.Integer()


class ElementQuery(ma.Schema):
    """Which elements: of one step, behind one of them."""

    step = fields.String(validate=ma.validate.Length(1, 200))
    after = fields.Integer(metadata={"description": "the sequence_number behind which to go on"})
    limit = fields.Integer(load_default=50, validate=ma.validate.Range(1, 200))


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
    status = fields.Function(step_status)
    attempts = fields.Integer()
    started_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)


class ExecutionProgress(ma.Schema):
    """Where an execution is."""

    id = fields.Integer()
    status = fields.Function(lambda execution: shown_status(execution.state, execution.rollback))
    rollback = fields.String()
    steps = fields.List(fields.Nested(StepProgress))


class LeftoversOut(ma.Schema):
    """What is left of an execution that failed or was stopped."""

    summary = fields.String()
    effects = fields.List(fields.Nested(EffectOut))


class ExecutionDetail(ExecutionOut):
    """One execution with its steps and effects. `leftovers` is null while it goes on, and when it has completed."""

    context = fields.Raw()
    result = fields.Raw(allow_none=True)
    labels = fields.Raw()
    parent_id = fields.Integer(allow_none=True)
    children = fields.List(fields.Integer())
    waiting = fields.Integer(metadata={"description": "how many steps are parked"})
    queued_at = Time(allow_none=True)
    deadline_at = Time(allow_none=True)
    steps = fields.List(fields.Nested(ShownStep))
    effects = fields.List(fields.Nested(EffectOut))
    leftovers = fields.Nested(LeftoversOut, allow_none=True)
    canvas = fields.String()


class HistoryQuery(ma.Schema):
    """Which part of a history."""

    after = fields.Integer(metadata={"description": "the id of the entry behind which to go on"})
    limit = fields.Integer(load_default=HISTORY_LIMIT, validate=ma.validate.Range(1, HISTORY_LIMIT))


class HistoryOut(ma.Schema):
    """One transition."""

    id = fields.Integer()
    at = Time()
    step_name = fields.String(allow_none=True)
    from_state = fields.String(allow_none=True)
    to_state = fields.String()
    attempt = fields.Integer(allow_none=True)
    worker = fields.String(allow_none=True)
    task_id = fields.String(allow_none=True)
    error = fields.String(allow_none=True)
    released = fields.List(fields.Integer(), allow_none=True)


def _step_names(**more: Any) -> Any:
    return fields.List(fields.String(validate=ma.validate.Length(1, 200)), validate=ma.validate.Length(1, 1000), **more)


class RetryIn(Reason):
    """Which failed steps are to run again; none named: all of them."""

    steps = _step_names(load_default=None, allow_none=True)


class SkipIn(Reason):
    """Which steps are to be passed over."""

    steps = _step_names(required=True)


class RerunIn(Reason):
    """From which step on, with which keys of the input corrected."""

    step = fields.String(required=True, validate=ma.validate.Length(1, 200))
    context = fields.Dict(keys=fields.String(), load_default=None, allow_none=True)


class ReplayIn(Reason):
    """With which keys of the input corrected, and in which version."""

    same_version = fields.Boolean(load_default=False)
    context = fields.Dict(keys=fields.String(), load_default=None, allow_none=True)


class SignalIn(Reason):
    """What is said to an execution."""

    name = fields.String(required=True, validate=ma.validate.Length(1, 200))
    data = fields.Dict(keys=fields.String(), load_default=dict)


class AnswerIn(ma.Schema):
    """An answer to an approval; `step` where an execution asks for several."""

    step = fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(1, 200))
    comment = fields.String(load_default=None, allow_none=True, validate=ma.validate.Length(max=1000))


class UndoPlanQuery(ma.Schema):
    """What for: a cancel or rollback, or a re-run from a step."""

    from_step = fields.String(validate=ma.validate.Length(1, 200))


class UndoingOut(ma.Schema):
    """One effect that will be undone, after the undo of the steps named in `after`."""

    step_name = fields.String()
    kind = fields.String()
    reference = fields.String()
    summary = fields.String()
    system = fields.String()
    operation = fields.String()
    moves_money = fields.Boolean()
    after = fields.List(fields.String())


class UndoPlanOut(ma.Schema):
    """What will be undone, the first first; what stays, since it cannot be; what of it moves money; the same of the children."""

    execution_id = fields.Integer()
    workflow_name = fields.String()
    summary = fields.String()
    undo = fields.List(fields.Nested(UndoingOut))
    stays = fields.List(fields.Nested(EffectOut))
    moves_money = fields.Integer()
    at_work = fields.List(fields.String(), metadata={"description": "steps that run now; what they do comes on top"})
    children = fields.List(fields.Nested(lambda: UndoPlanOut()))  # noqa: PLW0108 - not there yet


class BulkIn(Reason):
    """One verb over a search."""

    verb = fields.String(required=True, validate=ma.validate.OneOf(tuple(VERBS)))
    filters = fields.Nested(ExecutionFilters, required=True)
    params = fields.Dict(keys=fields.String(), load_default=dict)
    preview = fields.Boolean(load_default=False, metadata={"description": "only say how many executions it is about"})
    canary = fields.Integer(load_default=0, validate=ma.validate.Range(0, 1000))
    rate = fields.Float(
        load_default=10.0, validate=ma.validate.Range(0.01, 100), metadata={"description": "executions a second"}
    )
    stop_at = fields.Float(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(0, 100),
        metadata={"description": "stop when more than this percentage fails again"},
    )


class BulkProblemOut(ma.Schema):
    """An execution that failed again, or whose state refused the verb."""

    execution_id = fields.Integer()
    state = fields.String()
    message = fields.String(allow_none=True)


class BulkReportOut(ma.Schema):
    """How far it is. `got_past`: executions that got past the steps that had failed, or where the verb was to bring them."""

    pending = fields.Integer()
    under_way = fields.Integer()
    got_past = fields.Integer()
    failed_again = fields.Integer()
    refused = fields.Integer()
    problems = fields.List(fields.Nested(BulkProblemOut))


class BulkOut(ma.Schema):
    """A bulk operation."""

    id = fields.Integer(allow_none=True)
    verb = fields.String()
    filters = fields.Raw()
    params = fields.Raw()
    reason = fields.String(allow_none=True)
    state = fields.String()
    stopped_because = fields.String(allow_none=True)
    canary = fields.Integer()
    rate = fields.Float()
    stop_at = fields.Float(allow_none=True)
    total = fields.Integer()
    created_by = fields.String()
    created_at = Time()
    completed_at = Time(allow_none=True)


class BulkDetail(BulkOut):
    """A bulk operation with its report; in a preview only the verb, the total and a sample of what was found."""

    report = fields.Nested(BulkReportOut)
    sample = fields.List(fields.Nested(ExecutionOut))


class TriggerQuery(ma.Schema):
    """Filters of the list of triggers."""

    schedules = fields.Boolean(metadata={"description": "only schedules, or only events"})


class TriggerOut(ma.Schema):
    """What starts a workflow by itself: an event, or a schedule with its next tick."""

    id = fields.Integer()
    workflow_id = fields.Integer()
    workflow_name = fields.String()
    event = fields.String(attribute="event_type", allow_none=True)
    when = fields.String(attribute="condition", allow_none=True)
    schedule = fields.String(allow_none=True)
    timezone = fields.String()
    context = fields.Raw()
    is_active = fields.Boolean()
    is_builtin = fields.Function(lambda trigger: trigger.owner_id is None, metadata={"type": "boolean"})
    next_at = Time(allow_none=True)
    last_fired_at = Time(allow_none=True)
    last_error = fields.String(allow_none=True)


class TriggerPatch(ma.Schema):
    """Switch a trigger on or off."""

    is_active = fields.Boolean(required=True)


class SwitchIn(Reason):
    """Start something new, or not. `installation`: for all tenants."""

    is_on = fields.Boolean(required=True)
    installation = fields.Boolean(load_default=False)


class SwitchedOffOut(ma.Schema):
    """Who switched off what, and why."""

    scope = fields.String()
    reason = fields.String(allow_none=True)
    switched_by = fields.String(allow_none=True)
    at = Time(allow_none=True)


class SwitchOut(ma.Schema):
    """Whether workflows start; what runs is let end in any case."""

    is_on = fields.Boolean()
    off = fields.List(fields.Nested(SwitchedOffOut))


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


def _is_event_type(value: str) -> None:
    if not EVENT_TYPE.fullmatch(value):
        raise ma.ValidationError("It is a type of event such as quote.accepted.")


class EventIn(ma.Schema):
    """An event, as CloudEvents 1.0 has it in structured mode. What is not required may be left to Turnup."""

    specversion = fields.String(validate=ma.validate.Equal("1.0"))
    id = fields.String(
        validate=ma.validate.Length(1, 200),
        metadata={"description": "the source's own; sent twice, it is one event all the same"},
    )
    source = fields.String(
        load_default="/outside",
        validate=ma.validate.Regexp(r"[^\s\x00-\x1f]{1,200}\Z", error="It is a URI without blanks."),
        metadata={"description": "who raises it, as a URI"},
    )
    type = fields.String(
        required=True,
        validate=_is_event_type,
        metadata={"description": "one of `GET /events/types`, or one that begins with a word of your own"},
    )
    subject = fields.String(
        validate=ma.validate.Length(1, 200), metadata={"description": "whom it is about; default: as its type says"}
    )
    time = fields.AwareDateTime(
        metadata={"description": "when it happened at the source; the event's own time is that of its coming"}
    )
    datacontenttype = fields.String(validate=ma.validate.Equal("application/json"))
    tenantid = fields.UUID(metadata={"description": "may name the caller's own tenant only"})
    data = fields.Dict(keys=fields.String(), load_default=dict)


class EventOut(ma.Schema):
    """An event as it is published: CloudEvents 1.0."""

    specversion = fields.String()
    id = fields.String()
    source = fields.String()
    type = fields.String()
    subject = fields.String()
    time = fields.String(metadata={"format": "date-time"})
    tenantid = fields.String(metadata={"format": "uuid"})
    datacontenttype = fields.String()
    data = fields.Raw()


class EventTypeOut(ma.Schema):
    """A type of event that Turnup raises."""

    type = fields.String()
    also_known_as = fields.List(fields.String(), metadata={"description": "other names in triggers and from outside"})
    meaning = fields.String()
    subject = fields.String(metadata={"description": "whom it is about, by its data: `order/{order_id}`"})
    schema = fields.Raw(metadata={"description": "the JSON Schema (2020-12) of its data", "type": "object"})
