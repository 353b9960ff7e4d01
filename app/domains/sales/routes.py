"""Orders by HTTP: for customers without signing in, and for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response

from app.domains.activation import service as activation
from app.domains.sales import schemas, service
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint, page
from app.http.sse import stream

public = Blueprint("public_orders", __name__, url_prefix="/api/public", description="Placing and following an order")
orders = Blueprint("orders", __name__, description="Orders, their processing and statistics")

_STATUS = schemas.StatusOut()


def blueprints() -> list[Blueprint]:
    """The room's routes."""
    return [public, orders]


@endpoint(
    public,
    "POST",
    "/orders",
    permission=PUBLIC,
    body=schemas.PublicOrderIn,
    answer=schemas.PlacedOrderOut,
    status=201,
    idempotent=True,
)
def place_order(ctx: Context) -> Any:
    """Place an order: a draft, priced, until it is submitted."""
    new = service.NewOrder(source=service.Source.PUBLIC_API, **ctx.body)
    return _placed(ctx, service.create_order(ctx.session, new=new))


@endpoint(
    public,
    "POST",
    "/orders/quick",
    permission=PUBLIC,
    body=schemas.QuickOrderIn,
    answer=schemas.PlacedOrderOut,
    status=201,
    idempotent=True,
)
def place_quick_order(ctx: Context) -> Any:
    """Order a package in the shortest form."""
    return _placed(ctx, service.quick_order(ctx.session, **ctx.body))


@endpoint(
    public,
    "GET",
    "/orders/<string:order_number>/checkout",
    permission=PUBLIC,
    answer=schemas.CheckoutOut,
    errors=(409,),
)
def show_checkout(ctx: Context, *, order_number: str) -> Any:
    """What is to be paid for an order, for whoever knows its number."""
    owner_id, order_id = _place(ctx, order_number)
    with ctx.world.database.transaction(owner_id) as session:
        return service.checkout(session, order_id=order_id)


@endpoint(
    public,
    "POST",
    "/orders/<string:order_number>/checkout",
    permission=PUBLIC,
    body=schemas.CheckoutIn,
    answer=schemas.CheckoutOut,
    status=202,
    idempotent=True,
    errors=(409,),
)
def pay_order(ctx: Context, *, order_number: str) -> Any:
    """Pay for an order; a draft is submitted once the money is there."""
    owner_id, order_id = _place(ctx, order_number)
    with ctx.world.database.transaction(owner_id) as session:
        return service.pay(session, order_id=order_id, payment_method=ctx.body.get("payment_method"))


@endpoint(public, "GET", "/orders/<string:order_number>/status", permission=PUBLIC, answer=schemas.StatusOut)
def show_order_status(ctx: Context, *, order_number: str) -> Any:
    """How far an order is, for whoever knows its number."""
    owner_id, order_id = _place(ctx, order_number)
    with ctx.world.database.transaction(owner_id) as session:
        return service.order_status(session, order_id=order_id)


@endpoint(
    public,
    "GET",
    "/orders/<string:order_number>/events",
    permission=PUBLIC,
    answer=schemas.StatusOut,
    media_type="text/event-stream",
)
def follow_order(ctx: Context, *, order_number: str) -> Response:
    """The order's status as server-sent events: at once, and again at each change until the order has ended."""
    owner_id, order_id = _place(ctx, order_number)

    def read() -> Mapping[str, Any]:
        with ctx.world.database.transaction(owner_id) as session:
            shown: dict[str, Any] = _STATUS.dump(service.order_status(session, order_id=order_id))
            return shown

    return stream(ctx.world, service.channel(order_id), read, done=lambda state: service.has_ended(state["status"]))


@endpoint(
    orders,
    "GET",
    "/orders",
    permission="order.read",
    query=schemas.OrderQuery,
    answer=schemas.OrderOut,
    paged=True,
)
def list_orders(ctx: Context) -> Any:
    """Orders, newest first."""
    filters = ("status", "q", "customer_email", "created_after")
    return page(ctx, service.list_orders(ctx.session, **{name: ctx.query.get(name) for name in filters}))


@endpoint(
    orders,
    "POST",
    "/orders",
    permission="order.create",
    body=schemas.OrderIn,
    answer=schemas.OrderDetail,
    status=201,
    idempotent=True,
)
def create_order(ctx: Context) -> Any:
    """Make a draft. The same external number from the same source answers with the order that it made before."""
    source = service.Source(ctx.body["source"])
    order = service.create_order(ctx.session, new=service.NewOrder(**{**ctx.body, "source": source}))
    ctx.headers["Location"] = f"/api/v1/orders/{order.id}"
    return _detail(ctx, order)


@endpoint(orders, "GET", "/orders/stats/summary", permission="order.read", answer=schemas.SummaryOut)
def show_summary(ctx: Context) -> Any:
    """All orders in numbers."""
    summary = service.summary(ctx.session)
    return {
        "orders_by_status": summary.orders_by_status,
        "revenue": summary,
        "success_rate": summary.success_rate,
        "total_processed": summary.total_processed,
        "successful": summary.successful,
        "average_processing_seconds": summary.average_processing_seconds,
    }


@endpoint(orders, "GET", "/orders/<int:order_id>", permission="order.read", answer=schemas.OrderDetail)
def show_order(ctx: Context, *, order_id: int) -> Any:
    """An order with its items and activations."""
    return _detail(ctx, service.get_order(ctx.session, order_id=order_id))


@endpoint(
    orders,
    "PATCH",
    "/orders/<int:order_id>",
    permission="order.update",
    body=schemas.OrderIn(partial=True, exclude=("source", "external_order_id")),
    answer=schemas.OrderDetail,
    errors=(409, 412),
)
def update_order(ctx: Context, *, order_id: int) -> Any:
    """Change a draft, which prices it anew; the notes of any order."""
    ctx.etag(service.order_to_change(ctx.session, order_id=order_id).version)
    return _detail(ctx, service.update_draft(ctx.session, order_id=order_id, changes=ctx.body))


@endpoint(
    orders,
    "POST",
    "/orders/<int:order_id>/submit",
    permission="order.submit",
    body=schemas.SubmitIn,
    answer=schemas.OrderDetail,
    status=202,
    idempotent=True,
    errors=(409,),
)
def submit_order(ctx: Context, *, order_id: int) -> Any:
    """Submit a draft."""
    return _detail(ctx, service.submit_order(ctx.session, order_id=order_id, **ctx.body))


@endpoint(
    orders,
    "POST",
    "/orders/<int:order_id>/process",
    permission="order.process",
    answer=schemas.ExecutionOut,
    status=202,
    idempotent=True,
    errors=(409,),
)
def process_order(ctx: Context, *, order_id: int) -> Any:
    """Begin what was submitted, or process a failed order again."""
    execution = service.process_order(ctx.session, order_id=order_id)
    ctx.headers["Location"] = f"/api/v1/workflows/executions/{execution.id}"
    return execution


@endpoint(
    orders,
    "DELETE",
    "/orders/<int:order_id>",
    permission="order.delete",
    query=schemas.CancelQuery,
    answer=schemas.OrderDetail,
    errors=(409,),
)
def cancel_order(ctx: Context, *, order_id: int) -> Any:
    """Cancel an order: at once where nothing was begun, else what was set up is removed first."""
    return _detail(ctx, service.cancel_order(ctx.session, order_id=order_id, reason=ctx.query.get("reason")))


@endpoint(
    orders,
    "GET",
    "/orders/<int:order_id>/history",
    permission="order.read",
    answer=schemas.HistoryOut(many=True),
)
def show_order_history(ctx: Context, *, order_id: int) -> Any:
    """Every transition of an order, in order."""
    return service.order_history(ctx.session, order_id=order_id)


@endpoint(
    orders,
    "GET",
    "/orders/<int:order_id>/activations/progress",
    permission="order.read",
    answer=schemas.ProgressOut,
)
def show_activation_progress(ctx: Context, *, order_id: int) -> Any:
    """How far the order's activations are."""
    return _progress(ctx, order_id)


@endpoint(
    orders,
    "POST",
    "/orders/<int:order_id>/activations/retry",
    permission="order.process",
    answer=schemas.ProgressOut,
    status=202,
    idempotent=True,
    errors=(409,),
)
def retry_activations(ctx: Context, *, order_id: int) -> Any:
    """Run the failed activations of an active order again."""
    service.retry_activations(ctx.session, order_id=order_id)
    return _progress(ctx, order_id)


class _Detail:
    """An order with its activations beside it."""

    def __init__(self, order: service.Order, activations: Any) -> None:
        self._order = order
        self.activations = activations

    def __getattr__(self, name: str) -> Any:
        return getattr(self._order, name)


def _detail(ctx: Context, order: service.Order) -> Any:
    ctx.etag(order.version)
    # what is ordered gets its activations when the order is submitted
    is_draft = order.status == service.Status.DRAFT
    return _Detail(order, () if is_draft else activation.activations_of(ctx.session, order_id=order.id))


def _progress(ctx: Context, order_id: int) -> dict[str, Any]:
    order, progress = service.activation_progress(ctx.session, order_id=order_id)
    return {
        "order_id": order.id,
        "order_number": order.order_number,
        "total_services": progress.total_services,
        "completed": progress.completed,
        "failed": progress.failed,
        "in_progress": progress.in_progress,
        "pending": progress.pending,
        "overall_status": progress.overall_status,
        "progress_percent": progress.progress_percent,
        "activations": activation.activations_of(ctx.session, order_id=order_id),
    }


class _Placed:
    """A new order with where it is paid for."""

    def __init__(self, order: service.Order, checkout_url: str | None) -> None:
        self._order = order
        self.checkout_url = checkout_url

    def __getattr__(self, name: str) -> Any:
        return getattr(self._order, name)


def _placed(ctx: Context, order: service.Order) -> Any:
    ctx.headers["Location"] = f"/api/public/orders/{order.order_number}/status"
    return _Placed(order, service.checkout_url(ctx.session, order))


def _place(ctx: Context, order_number: str) -> tuple[UUID, int]:
    with ctx.world.across.transaction() as session:
        return service.place_of(session, order_number=order_number)
