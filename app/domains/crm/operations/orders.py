"""Orders made of quotes; sales takes it from there, and undoes it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.crm import service
from app.domains.sales import service as sales
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("sales_service.create_order_from_quote", undone_by="sales_service.cancel_order", resource="order")
def create_order_from_quote(call: Call, *, quote_id: UUID) -> dict[str, Any]:
    """Make the draft order of an accepted quote, at the quote's prices; a second call returns the first one's order.

    A renewal quote orders nothing: that fails for good.
    """
    quote, order = service.create_order_from_quote(call.session, quote_id=quote_id, key=call.idempotency_key)
    if (quote.order_id, quote.ordered_for) == (order.id, call.idempotency_key):
        # an order that another step made is not this one's to cancel
        call.effect("order", str(order.id), f"Order {order.order_number}", undo={"order_id": order.id})
    return {**sales.shown(order), "quote_id": str(quote.id)}
