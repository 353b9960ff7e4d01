"""Workflows, their executions, and the operations that they may call, by HTTP."""

from __future__ import annotations

import time
from typing import Any

from app.core.errors import NotFound
from app.domains.tenants import service as tenants
from app.domains.workflows import schemas, service
from app.domains.workflows.errors import ExecutionNotFound
from app.http import sse
from app.http.endpoint import Blueprint, Context, endpoint, page

workflows = Blueprint("workflows", "workflows", description="Workflow definitions and their executions")
operations = Blueprint("operations", "operations", description="What workflow steps may call")

ENDED = {"completed", "failed", "cancelled"}
SHORT_PATH_WAIT_SECONDS = 5.0
POLL_SECONDS = 0.05


def blueprints() -> list[Blueprint]:
    return [workflows, operations]


@endpoint(
    workflows,
    "GET",
    "/workflows",
    permission="workflow:view",
    query=schemas.WorkflowQuery,
    answer=schemas.WorkflowOut,
    paged=True,
)
def list_workflows(ctx: Context) -> Any:
    """The tenant's own workflows and the built-in ones, newest first."""
    return page(ctx, service.list_workflows(include_inactive=ctx.query["include_inactive"], q=ctx.query.get("q")))


@endpoint(
    workflows,
    "POST",
    "/workflows",
    permission="workflow:create",
    body=schemas.Definition,
    answer=schemas.WorkflowDetail,
    status=201,
    idempotent=True,
    errors=(409,),
)
def create_workflow(ctx: Context) -> Any:
    """Save a new workflow; a definition that cannot run is refused with all its faults."""
    workflow = service.create_workflow(ctx.session, document=ctx.body, created_by=ctx.actor)
    ctx.headers["Location"] = f"/api/v1/workflows/{workflow.id}"
    return _detail(ctx, workflow)


@endpoint(
    workflows,
    "POST",
    "/workflows/validate",
    permission="workflow:view",
    body=schemas.Definition,
    answer=schemas.ValidationOut,
)
def validate_workflow(ctx: Context) -> Any:
    """Check a definition without saving it."""
    faults, warnings = service.validate_document(ctx.session, document=ctx.body)
    return {"valid": not faults, "errors": faults, "warnings": warnings}


@endpoint(
    workflows,
    "GET",
    "/workflows/<int:workflow_id>",
    permission="workflow:view",
    answer=schemas.WorkflowDetail,
)
def show_workflow(ctx: Context, *, workflow_id: int) -> Any:
    """A workflow with its current definition."""
    return _detail(ctx, service.get_workflow(ctx.session, workflow_id=workflow_id))


@endpoint(
    workflows,
    "PUT",
    "/workflows/<int:workflow_id>",
    permission="workflow:create",
    body=schemas.Definition,
    answer=schemas.WorkflowDetail,
    errors=(409,),
)
def save_version(ctx: Context, *, workflow_id: int) -> Any:
    """Save a new version; executions that run keep theirs."""
    ctx.etag(service.get_workflow(ctx.session, workflow_id=workflow_id).version)
    workflow = service.new_version(ctx.session, workflow_id=workflow_id, document=ctx.body, created_by=ctx.actor)
    return _detail(ctx, workflow)


@endpoint(workflows, "DELETE", "/workflows/<int:workflow_id>", permission="workflow:delete", status=204)
def deactivate_workflow(ctx: Context, *, workflow_id: int) -> Any:
    """Deactivate: nothing new starts, history stays."""
    service.deactivate_workflow(ctx.session, workflow_id=workflow_id)


@endpoint(
    workflows,
    "GET",
    "/workflows/<int:workflow_id>/versions",
    permission="workflow:view",
    answer=schemas.VersionOut(many=True),
)
def list_versions(ctx: Context, *, workflow_id: int) -> Any:
    """All saved versions, newest first."""
    return service.list_versions(ctx.session, workflow_id=workflow_id)


@endpoint(
    workflows,
    "GET",
    "/workflows/<int:workflow_id>/canvas",
    permission="workflow:view",
    answer=schemas.CanvasOut,
)
def show_canvas(ctx: Context, *, workflow_id: int) -> Any:
    """The whole workflow's canvas as text."""
    workflow = service.get_workflow(ctx.session, workflow_id=workflow_id)
    document = service.get_version(ctx.session, workflow=workflow).document
    return {"workflow_id": workflow.id, "version": workflow.version, "canvas": service.canvas_text(document)}


@endpoint(
    workflows,
    "GET",
    "/workflows/<int:workflow_id>/stats",
    permission="workflow:view",
    answer=schemas.StatisticsOut,
)
def show_statistics(ctx: Context, *, workflow_id: int) -> Any:
    """Counts and durations of its executions."""
    return service.statistics(ctx.session, workflow_id=workflow_id)


@endpoint(
    workflows,
    "POST",
    "/workflows/execute",
    permission="workflow:execute",
    body=schemas.Execute,
    query=schemas.WaitQuery,
    answer=schemas.StartedOut,
    status=202,
    idempotent=True,
    errors=(404,),
)
def execute(ctx: Context) -> Any:
    """Start a workflow by name; `?wait=N` answers 200 with the finished execution when it ends within N seconds."""
    return _start(ctx, ctx.body["workflow_name"], ctx.body["context"], ctx.query.get("wait"))


@endpoint(
    workflows,
    "POST",
    "/workflows/execute/<string:name>",
    permission="workflow:execute",
    body=schemas.Context,
    query=schemas.WaitQuery,
    answer=schemas.StartedOut,
    status=202,
    idempotent=True,
    errors=(404,),
)
def execute_by_name(ctx: Context, *, name: str) -> Any:
    """Start a workflow; the body is its context. The short path waits 5 seconds unless told otherwise."""
    default = SHORT_PATH_WAIT_SECONDS if ctx.by_short_path else None
    return _start(ctx, name, ctx.body, ctx.query.get("wait", default))


@endpoint(
    workflows,
    "GET",
    "/workflows/executions",
    permission="workflow:view",
    query=schemas.ExecutionQuery,
    answer=schemas.ExecutionOut,
    paged=True,
)
def list_executions(ctx: Context) -> Any:
    """Executions, newest first."""
    filters = ("status", "workflow", "correlation", "since", "until")
    return page(ctx, service.list_executions(**{name: ctx.query.get(name) for name in filters}))


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>",
    permission="workflow:view",
    answer=schemas.ExecutionDetail,
)
def show_execution(ctx: Context, *, execution_id: int) -> Any:
    """One execution with its steps, effects and canvas."""
    return _execution(ctx, execution_id)


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>/history",
    permission="workflow:view",
    answer=schemas.HistoryOut(many=True),
)
def show_history(ctx: Context, *, execution_id: int) -> Any:
    """Every transition of the execution and its steps, in order."""
    return service.history(ctx.session, execution_id=execution_id)


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>/events",
    permission="workflow:view",
    media_type="text/event-stream",
)
def stream_execution(ctx: Context, *, execution_id: int) -> Any:
    """The execution's and its steps' states as server-sent events, at each change, until it has ended."""
    world, owner_id = ctx.world, ctx.principal.owner_id

    def read() -> dict[str, Any] | None:
        with world.database.transaction(owner_id) as session:
            try:
                execution = service.get_execution(session, execution_id=execution_id)
            except ExecutionNotFound:
                return None
            shown: dict[str, Any] = schemas.ExecutionProgress().dump(
                _With(execution, steps=service.steps(session, execution_id=execution_id))
            )
            return shown

    return sse.stream(world, f"turnup:execution/{execution_id}", read, done=lambda state: state["status"] in ENDED)


@endpoint(
    workflows,
    "POST",
    "/workflows/executions/<int:execution_id>/cancel",
    permission="workflow:execute",
    body=schemas.Reason,
    answer=schemas.ExecutionDetail,
    status=202,
    idempotent=True,
    errors=(409,),
)
def cancel_execution(ctx: Context, *, execution_id: int) -> Any:
    """Stop an execution and undo what it did."""
    service.cancel(ctx.session, execution_id=execution_id, reason=ctx.body["reason"])
    return _execution(ctx, execution_id)


@endpoint(
    workflows,
    "POST",
    "/workflows/executions/<int:execution_id>/rollback",
    permission="workflow:execute",
    body=schemas.Reason,
    answer=schemas.ExecutionDetail,
    status=202,
    idempotent=True,
    errors=(409,),
)
def retry_rollback(ctx: Context, *, execution_id: int) -> Any:
    """The compensations that gave up, again."""
    service.retry_rollback(ctx.session, execution_id=execution_id)
    return _execution(ctx, execution_id)


@endpoint(operations, "GET", "/operations", permission="workflow:view", answer=schemas.OperationOut(many=True))
def list_operations(ctx: Context) -> Any:
    """All operations with the JSON Schema of their parameters."""
    return sorted(ctx.world.operations, key=lambda operation: operation.name)


def _detail(ctx: Context, workflow: service.Workflow) -> Any:
    ctx.etag(workflow.version)
    return _With(workflow, definition=service.get_version(ctx.session, workflow=workflow).document)


def _execution(ctx: Context, execution_id: int) -> Any:
    execution = service.get_execution(ctx.session, execution_id=execution_id)
    return _With(
        execution,
        steps=service.steps(ctx.session, execution_id=execution_id),
        effects=service.effects(ctx.session, execution_id=execution_id),
        canvas=service.canvas_text(execution.snapshot),
    )


class _With:
    """A row with what is shown beside it."""

    def __init__(self, row: Any, **beside: Any) -> None:
        self._row, self._beside = row, beside

    def __getattr__(self, name: str) -> Any:
        return self._beside[name] if name in self._beside else getattr(self._row, name)


def _start(ctx: Context, name: str, context: dict[str, Any], wait: float | None) -> Any:
    execution = service.start(
        ctx.session,
        workflow=name,
        context=_own_tenant(ctx, context),
        trigger_type="api",
        trigger_source=ctx.actor,
    )
    ctx.headers["Location"] = f"/api/v1/workflows/executions/{execution.id}"
    if wait:
        ctx.answer_later(lambda: _ended(ctx, execution.id, time.monotonic() + wait))
    return execution


def _own_tenant(ctx: Context, context: dict[str, Any]) -> dict[str, Any]:
    """A `tenant_id` in the context is accepted when it names the caller's own tenant, by id or slug; else 404."""
    named = context.get("tenant_id")
    own = tenants.get_tenant(ctx.session, tenant_id=ctx.principal.owner_id) if named is not None else None
    if own is not None and named not in {str(own.id), own.slug}:
        message = f"Tenant '{named}' not found"
        raise NotFound(message)
    return context


def _ended(ctx: Context, execution_id: int, until: float) -> Any:
    """The execution once it has ended; None when it has not by then."""
    while time.monotonic() < until:
        with ctx.world.database.transaction(ctx.principal.owner_id) as session:
            execution = service.get_execution(session, execution_id=execution_id)
            if execution.state in ENDED:
                return execution
        time.sleep(POLL_SECONDS)
    return None
