"""The verbs of the sales room. None commits; all run as the session's owner unless they say otherwise."""

from app.domains.sales.models import Order, OrderHistory, OrderItem
from app.domains.sales.rules import WORKFLOW, NewOrder, Source, Status
from app.domains.sales.service.changes import channel
from app.domains.sales.service.drafts import create_order, expire_drafts, quick_order, update_draft
from app.domains.sales.service.fulfilment import (
    approve_order,
    check_order,
    complete_order,
    make_tenant,
    remove_tenant,
)
from app.domains.sales.service.pipeline import OrderPipeline
from app.domains.sales.service.reading import (
    OrderStatus,
    activation_progress,
    get_order,
    has_ended,
    list_orders,
    order_history,
    order_status,
    order_to_change,
    place_of,
)
from app.domains.sales.service.statistics import Summary, fold_statistics, summary
from app.domains.sales.service.stopping import cancel_order, retry_activations
from app.domains.sales.service.submission import process_order, submit_order

__all__ = [
    "WORKFLOW",
    "NewOrder",
    "Order",
    "OrderHistory",
    "OrderItem",
    "OrderPipeline",
    "OrderStatus",
    "Source",
    "Status",
    "Summary",
    "activation_progress",
    "approve_order",
    "cancel_order",
    "channel",
    "check_order",
    "complete_order",
    "create_order",
    "expire_drafts",
    "fold_statistics",
    "get_order",
    "has_ended",
    "list_orders",
    "make_tenant",
    "order_history",
    "order_status",
    "order_to_change",
    "place_of",
    "process_order",
    "quick_order",
    "remove_tenant",
    "retry_activations",
    "submit_order",
    "summary",
    "update_draft",
]
