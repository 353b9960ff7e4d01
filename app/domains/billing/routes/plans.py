"""Plans and their prices over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.domains.billing import service
from app.domains.billing.schemas import plans as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

plans = Blueprint("plans", __name__, description="What customers can subscribe to, and for how much")


@endpoint(plans, "GET", "/plans", permission="plan.read", query=schemas.PlanFilter, answer=schemas.PlanOut, paged=True)
def list_plans(ctx: Context) -> Any:
    """Plans with their prices, newest first."""
    return page(ctx, service.all_plans(is_active=ctx.query.get("is_active")))


@endpoint(
    plans,
    "POST",
    "/plans",
    permission="plan.update",
    body=schemas.PlanIn,
    answer=schemas.PlanOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_plan(ctx: Context) -> Any:
    """Add a plan."""
    fields = dict(ctx.body)
    prices = fields.pop("prices")
    plan = service.create_plan(ctx.session, fields=fields, prices=prices)
    ctx.headers["Location"] = f"/api/v1/plans/{plan.id}"
    return plan


@endpoint(plans, "GET", "/plans/<uuid:plan_id>", permission="plan.read", answer=schemas.PlanOut)
def show_plan(ctx: Context, *, plan_id: UUID) -> Any:
    """One plan."""
    plan = service.get_plan(ctx.session, plan_id=plan_id)
    ctx.etag(_version(plan.updated_at))
    return plan


@endpoint(
    plans,
    "PUT",
    "/plans/<uuid:plan_id>",
    permission="plan.update",
    body=schemas.PlanIn,
    answer=schemas.PlanOut,
    errors=[409, 412],
)
def update_plan(ctx: Context, *, plan_id: UUID) -> Any:
    """Replace what a plan is; subscriptions stay as they are until they are renewed."""
    before = service.get_plan(ctx.session, plan_id=plan_id, locked=True)
    ctx.etag(_version(before.updated_at))
    fields = dict(ctx.body)
    prices = fields.pop("prices")
    plan = service.update_plan(ctx.session, plan_id=plan_id, fields=fields, prices=prices)
    ctx.etag(_version(plan.updated_at))
    return plan


@endpoint(plans, "DELETE", "/plans/<uuid:plan_id>", permission="plan.update", status=204, errors=[409])
def delete_plan(ctx: Context, *, plan_id: UUID) -> Any:
    """Remove a plan that nobody subscribed to and that succeeds no other."""
    service.delete_plan(ctx.session, plan_id=plan_id)


def _version(changed_at: datetime) -> str:
    return f"{changed_at.timestamp():.6f}"
