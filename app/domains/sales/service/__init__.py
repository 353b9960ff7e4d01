"""The verbs of the sales room. None commits; all run as the session's owner unless they say otherwise."""

from app.domains.sales.models import Order, OrderHistory, OrderItem
from app.domains.sales.rules import WORKFLOW, AgreedItem, NewOrder, Source, Status
from app.domains.sales.service.changes import channel
from app.domains.sales.service.checkout import Checkout, checkout, pay
from app.domains.sales.service.drafts import create_order, expire_drafts, quick_order, update_draft
from app.domains.sales.service.dues import checkout_url
from app.domains.sales.service.fulfilment import (
    approve_order,
    check_order,
    complete_order,
    make_tenant,
    remove_tenant,
)
from app.domains.sales.service.pipeline import OrderPipeline
from app.domains.sales.service.processing import Processing, process_order, processed, take_up
from app.domains.sales.service.quoted import create_from_quote, order_of_quote
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
    shown,
)
from app.domains.sales.service.statistics import Summary, fold_statistics, summary
from app.domains.sales.service.stopping import cancel_order, retry_activations, withdraw_order
from app.domains.sales.service.submission import find_or_submit, receive_payment, submit_order

__all__ = [
    "WORKFLOW",
    "AgreedItem",
    "Checkout",
    "NewOrder",
    "Order",
    "OrderHistory",
    "OrderItem",
    "OrderPipeline",
    "OrderStatus",
    "Processing",
    "Source",
    "Status",
    "Summary",
    "activation_progress",
    "approve_order",
    "cancel_order",
    "channel",
    "check_order",
    "checkout",
    "checkout_url",
    "complete_order",
    "create_from_quote",
    "create_order",
    "expire_drafts",
    "find_or_submit",
    "fold_statistics",
    "get_order",
    "has_ended",
    "list_orders",
    "make_tenant",
    "order_history",
    "order_of_quote",
    "order_status",
    "order_to_change",
    "pay",
    "place_of",
    "process_order",
    "processed",
    "quick_order",
    "receive_payment",
    "remove_tenant",
    "retry_activations",
    "shown",
    "submit_order",
    "summary",
    "take_up",
    "update_draft",
    "withdraw_order",
]
