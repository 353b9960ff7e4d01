"""Subscriptions over HTTP: made, looked at, stopped and let go on, ended; and what a renewal would be."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.schemas import subscriptions as schemas
from app.http.endpoint import Blueprint, Context, endpoint, page

subscriptions = Blueprint("subscriptions", __name__, description="What customers pay for, period by period")


@endpoint(
    subscriptions,
    "GET",
    "/subscriptions",
    permission="subscription.read",
    query=schemas.SubscriptionFilter,
    answer=schemas.SubscriptionOut,
    paged=True,
)
def list_subscriptions(ctx: Context) -> Any:
    """Subscriptions, newest first."""
    filters = {name: ctx.query.get(name) for name in ("customer_id", "plan_id", "tenant_id", "status")}
    return page(ctx, service.all_subscriptions(**filters))


@endpoint(
    subscriptions,
    "POST",
    "/subscriptions",
    permission="subscription.create",
    body=schemas.SubscriptionIn,
    answer=schemas.SubscriptionOut,
    status=201,
    idempotent=True,
    errors=[404],
)
def create_subscription(ctx: Context) -> Any:
    """Subscribe a customer to a plan; it is pending until its service is activated."""
    wanted = dict(ctx.body)
    plan = wanted.pop("plan_id")
    # whether a call is a repeat, its Idempotency-Key says: without one, two calls are two subscriptions
    made = service.create_subscription(ctx.session, plan=plan, key=f"request/{new_id()}", **wanted)
    ctx.headers["Location"] = f"/api/v1/subscriptions/{made.id}"
    return made


@endpoint(
    subscriptions,
    "GET",
    "/subscriptions/<uuid:subscription_id>",
    permission="subscription.read",
    answer=schemas.SubscriptionOut,
)
def show_subscription(ctx: Context, *, subscription_id: UUID) -> Any:
    """One subscription."""
    subscription = service.get_subscription(ctx.session, subscription_id=subscription_id)
    ctx.etag(_version(subscription.updated_at))
    return subscription


@endpoint(
    subscriptions,
    "PATCH",
    "/subscriptions/<uuid:subscription_id>",
    permission="subscription.update",
    body=schemas.SubscriptionChange,
    answer=schemas.SubscriptionOut,
    errors=[409, 412],
)
def update_subscription(ctx: Context, *, subscription_id: UUID) -> Any:
    """Change whether it renews by itself, and whether it ends with its period."""
    before = service.lock_subscription(ctx.session, subscription_id=subscription_id)
    ctx.etag(_version(before.updated_at))
    changed = service.update_subscription(ctx.session, subscription_id=subscription_id, changes=ctx.body)
    ctx.etag(_version(changed.updated_at))
    return changed


@endpoint(
    subscriptions,
    "POST",
    "/subscriptions/<uuid:subscription_id>/activate",
    permission="subscription.update",
    answer=schemas.SubscriptionOut,
    idempotent=True,
    errors=[409],
)
def activate_subscription(ctx: Context, *, subscription_id: UUID) -> Any:
    """Its service runs from now on: what is left of its first period is billed, or its trial begins."""
    return service.activate_service(ctx.session, subscription_id=subscription_id).subscription


@endpoint(
    subscriptions,
    "POST",
    "/subscriptions/<uuid:subscription_id>/cancel",
    permission="subscription.cancel",
    body=schemas.Cancellation,
    answer=schemas.SubscriptionOut,
    idempotent=True,
    errors=[409],
)
def cancel_subscription(ctx: Context, *, subscription_id: UUID) -> Any:
    """End it for good, now or with its period."""
    return service.cancel_subscription(ctx.session, subscription_id=subscription_id, **ctx.body)


@endpoint(
    subscriptions,
    "POST",
    "/subscriptions/<uuid:subscription_id>/suspend",
    permission="subscription.update",
    body=schemas.Suspension,
    answer=schemas.SubscriptionOut,
    idempotent=True,
    errors=[409],
)
def suspend_subscription(ctx: Context, *, subscription_id: UUID) -> Any:
    """Stop its service until it is resumed."""
    return service.suspend_subscription(ctx.session, subscription_id=subscription_id, reason=ctx.body["reason"])


@endpoint(
    subscriptions,
    "POST",
    "/subscriptions/<uuid:subscription_id>/resume",
    permission="subscription.update",
    answer=schemas.SubscriptionOut,
    idempotent=True,
    errors=[409],
)
def resume_subscription(ctx: Context, *, subscription_id: UUID) -> Any:
    """Let its suspended service go on."""
    return service.resume_subscription(ctx.session, subscription_id=subscription_id)


@endpoint(
    subscriptions,
    "GET",
    "/subscriptions/<uuid:subscription_id>/renewal",
    permission="subscription.read",
    query=schemas.RenewalQuery,
    answer=schemas.RenewalOut,
)
def show_renewal(ctx: Context, *, subscription_id: UUID) -> Any:
    """What renewing it now would be, and what stands in the way."""
    return service.renewal_offer(ctx.session, subscription_id=subscription_id, **ctx.query)


@endpoint(
    subscriptions,
    "GET",
    "/subscriptions/<uuid:subscription_id>/extensions",
    permission="subscription.read",
    answer=schemas.ExtensionOut,
    paged=True,
)
def list_extensions(ctx: Context, *, subscription_id: UUID) -> Any:
    """Its renewals, newest first."""
    return page(ctx, service.extensions_of(ctx.session, subscription_id=subscription_id))


def _version(changed_at: datetime) -> str:
    return f"{changed_at.timestamp():.6f}"
