"""Operations for the tests of definitions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation("sales_service.create_order", undone_by="sales_service.delete_order")
def create_order(call: Call, *, quote_id: str, priority: int = 1, tags: list[str] | None = None) -> dict[str, Any]:
    call.effect("order", quote_id, f"Order for {quote_id}", undo={"order_id": quote_id})
    return {"order_id": quote_id, "order": {"id": quote_id, "priority": priority, "tags": tags}}


@OPERATIONS.operation("sales_service.delete_order")
def delete_order(_call: Call, *, order_id: str) -> None: ...


@OPERATIONS.operation("billing_service.charge", effects=True)
def charge(_call: Call, *, amount: Decimal, note: str | None = None) -> dict[str, Any]:
    return {"charged": str(amount), "note": note}
