"""Workflow definitions and their versions, by HTTP."""

from __future__ import annotations

from typing import Any

from app.domains.workflows import schemas, service
from app.domains.workflows.routes.parts import With, workflows
from app.http.endpoint import Context, endpoint, page


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
    errors=(409, 412),
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


def _detail(ctx: Context, workflow: service.Workflow) -> Any:
    ctx.etag(workflow.version)
    return With(workflow, definition=service.get_version(ctx.session, workflow=workflow).document)
