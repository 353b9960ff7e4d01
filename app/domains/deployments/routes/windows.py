"""Maintenance windows: the times of the week in which deployments may begin."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.deployments import schemas, service
from app.domains.deployments.routes.versions import version
from app.http.endpoint import Blueprint, Context, endpoint, page

windows = Blueprint("maintenance-windows", __name__, description="When deployments may begin")


@endpoint(windows, "GET", "/maintenance-windows", permission="deployment.read", answer=schemas.WindowOut, paged=True)
def list_maintenance_windows(ctx: Context) -> Any:
    """All windows, newest first."""
    return page(ctx, service.all_windows())


@endpoint(
    windows,
    "POST",
    "/maintenance-windows",
    permission="deployment.update",
    body=schemas.WindowIn,
    answer=schemas.WindowOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_maintenance_window(ctx: Context) -> Any:
    """Add a window. What is scheduled outside of all windows by then begins when one opens after its time."""
    window = service.create_window(ctx.session, fields=ctx.body)
    ctx.headers["Location"] = f"/api/v1/maintenance-windows/{window.id}"
    return window


@endpoint(
    windows,
    "GET",
    "/maintenance-windows/<uuid:maintenance_window_id>",
    permission="deployment.read",
    answer=schemas.WindowOut,
)
def show_maintenance_window(ctx: Context, *, maintenance_window_id: UUID) -> Any:
    """One window."""
    window = service.get_window(ctx.session, window_id=maintenance_window_id)
    ctx.etag(version(window.updated_at))
    return window


@endpoint(
    windows,
    "PUT",
    "/maintenance-windows/<uuid:maintenance_window_id>",
    permission="deployment.update",
    body=schemas.WindowIn,
    answer=schemas.WindowOut,
    errors=[412],
)
def update_maintenance_window(ctx: Context, *, maintenance_window_id: UUID) -> Any:
    """Replace what a window is."""
    ctx.etag(version(service.get_window(ctx.session, window_id=maintenance_window_id, locked=True).updated_at))
    window = service.update_window(ctx.session, window_id=maintenance_window_id, fields=ctx.body)
    ctx.etag(version(window.updated_at))
    return window


@endpoint(
    windows,
    "DELETE",
    "/maintenance-windows/<uuid:maintenance_window_id>",
    permission="deployment.update",
    status=204,
)
def delete_maintenance_window(ctx: Context, *, maintenance_window_id: UUID) -> Any:
    """Remove a window; what is scheduled stays where it is."""
    service.delete_window(ctx.session, window_id=maintenance_window_id)
