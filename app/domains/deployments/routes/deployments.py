"""Templates, read and edited; deployments, read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.deployments import schemas, service
from app.domains.deployments.routes.versions import version
from app.http.endpoint import Blueprint, Context, endpoint, page

deployments = Blueprint("deployments", __name__, description="What can be deployed, and what was deployed for whom")


@endpoint(
    deployments,
    "GET",
    "/deployment-templates",
    permission="deployment.read",
    answer=schemas.TemplateOut,
    paged=True,
)
def list_deployment_templates(ctx: Context) -> Any:
    """All templates, newest first."""
    return page(ctx, service.all_templates())


@endpoint(
    deployments,
    "GET",
    "/deployment-templates/<uuid:template_id>",
    permission="deployment.read",
    answer=schemas.TemplateOut,
)
def show_deployment_template(ctx: Context, *, template_id: UUID) -> Any:
    """One template."""
    template = service.get_template(ctx.session, template_id=template_id)
    ctx.etag(version(template.updated_at))
    return template


@endpoint(
    deployments,
    "POST",
    "/deployment-templates",
    permission="deployment.update",
    body=schemas.TemplateIn,
    answer=schemas.TemplateOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_deployment_template(ctx: Context) -> Any:
    """Add a template. Made the default, it takes the place of its region's former one."""
    return service.create_template(ctx.session, fields=ctx.body)


@endpoint(
    deployments,
    "PUT",
    "/deployment-templates/<uuid:template_id>",
    permission="deployment.update",
    body=schemas.TemplateIn,
    answer=schemas.TemplateOut,
    errors=[409],
)
def update_deployment_template(ctx: Context, *, template_id: UUID) -> Any:
    """Change a template; what was deployed by it stays as it is."""
    ctx.etag(version(service.get_template(ctx.session, template_id=template_id).updated_at))
    template = service.update_template(ctx.session, template_id=template_id, fields=ctx.body)
    ctx.etag(version(template.updated_at))
    return template


@endpoint(
    deployments,
    "GET",
    "/deployments",
    permission="deployment.read",
    query=schemas.InstanceFilter,
    answer=schemas.InstanceOut,
    paged=True,
)
def list_deployments(ctx: Context) -> Any:
    """What was deployed, newest first, destroyed deployments included."""
    filters = {name: ctx.query.get(name) for name in ("state", "tenant_id", "order_id")}
    return page(ctx, service.all_instances(**filters))


@endpoint(
    deployments,
    "GET",
    "/deployments/<uuid:instance_id>",
    permission="deployment.read",
    answer=schemas.InstanceOut,
)
def show_deployment(ctx: Context, *, instance_id: UUID) -> Any:
    """One deployment."""
    return service.get_instance(ctx.session, instance_id=instance_id)
