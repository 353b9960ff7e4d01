"""Activation workflows, read and edited. An order's activations are read with the order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.activation import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

activation = Blueprint("activation", __name__, description="In which order services are activated")


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [activation]


@endpoint(
    activation,
    "GET",
    "/activation-workflows",
    permission="activation_workflow.read",
    answer=schemas.WorkflowOut,
    paged=True,
)
def list_activation_workflows(ctx: Context) -> Any:
    """All activation workflows, newest first."""
    return page(ctx, service.all_workflows())


@endpoint(
    activation,
    "GET",
    "/activation-workflows/<uuid:workflow_id>",
    permission="activation_workflow.read",
    answer=schemas.WorkflowOut,
)
def show_activation_workflow(ctx: Context, *, workflow_id: UUID) -> Any:
    """One activation workflow."""
    workflow = service.get_workflow(ctx.session, workflow_id=workflow_id)
    ctx.etag(workflow.version)
    return workflow


@endpoint(
    activation,
    "POST",
    "/activation-workflows",
    permission="activation_workflow.update",
    body=schemas.WorkflowIn,
    answer=schemas.WorkflowOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_activation_workflow(ctx: Context) -> Any:
    """Add an activation workflow. A sequence with cycles or unknown services is refused, each fault by its place."""
    return service.create_workflow(ctx.session, fields=ctx.body)


@endpoint(
    activation,
    "PUT",
    "/activation-workflows/<uuid:workflow_id>",
    permission="activation_workflow.update",
    body=schemas.WorkflowIn,
    answer=schemas.WorkflowOut,
    errors=[409],
)
def update_activation_workflow(ctx: Context, *, workflow_id: UUID) -> Any:
    """Change an activation workflow; orders that have started go on with what they started with."""
    ctx.etag(service.get_workflow(ctx.session, workflow_id=workflow_id).version)
    workflow = service.update_workflow(ctx.session, workflow_id=workflow_id, fields=ctx.body)
    ctx.etag(workflow.version)
    return workflow
