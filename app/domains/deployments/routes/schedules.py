"""Scheduled deployments: planned, moved, called off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.deployments import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

schedules = Blueprint("scheduled-deployments", __name__, description="Orders' deployments that begin at a time")


@endpoint(
    schedules,
    "GET",
    "/scheduled-deployments",
    permission="deployment.read",
    query=schemas.ScheduleFilter,
    answer=schemas.ScheduleOut,
    paged=True,
)
def list_scheduled_deployments(ctx: Context) -> Any:
    """What was scheduled, newest first, what has begun or was called off included."""
    filters = {name: ctx.query.get(name) for name in ("state", "order_id")}
    return page(ctx, service.all_schedules(**filters))


@endpoint(
    schedules,
    "POST",
    "/scheduled-deployments",
    permission="deployment.schedule",
    body=schemas.ScheduleIn,
    answer=schemas.ScheduleOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def schedule_deployment(ctx: Context) -> Any:
    """Let an order's deployment begin at a time, which lies in a maintenance window where there are any.

    An order that is scheduled already is answered as it is; one that has begun is scheduled again.
    """
    scheduled = service.schedule_deployment(
        ctx.session,
        order_id=ctx.body["order_id"],
        # whether a call is a repeat, its Idempotency-Key says
        key=f"request/{new_id()}",
        at=ctx.body["scheduled_at"],
        region=ctx.body["region"],
        again=True,
    )
    ctx.headers["Location"] = f"/api/v1/scheduled-deployments/{scheduled.id}"
    return scheduled


@endpoint(
    schedules,
    "GET",
    "/scheduled-deployments/<uuid:scheduled_deployment_id>",
    permission="deployment.read",
    answer=schemas.ScheduleOut,
)
def show_scheduled_deployment(ctx: Context, *, scheduled_deployment_id: UUID) -> Any:
    """One scheduled deployment."""
    return service.get_schedule(ctx.session, schedule_id=scheduled_deployment_id)


@endpoint(
    schedules,
    "POST",
    "/scheduled-deployments/<uuid:scheduled_deployment_id>/reschedule",
    permission="deployment.schedule",
    body=schemas.RescheduleIn,
    answer=schemas.ScheduleOut,
    idempotent=True,
    errors=[409],
)
def reschedule_deployment(ctx: Context, *, scheduled_deployment_id: UUID) -> Any:
    """Let it begin at another time."""
    return service.reschedule_deployment(ctx.session, schedule_id=scheduled_deployment_id, at=ctx.body["scheduled_at"])


@endpoint(
    schedules,
    "POST",
    "/scheduled-deployments/<uuid:scheduled_deployment_id>/cancel",
    permission="deployment.schedule",
    answer=schemas.ScheduleOut,
    idempotent=True,
    errors=[409],
)
def cancel_scheduled_deployment(ctx: Context, *, scheduled_deployment_id: UUID) -> Any:
    """Call it off."""
    return service.cancel_scheduled_deployment(ctx.session, schedule_id=scheduled_deployment_id)
