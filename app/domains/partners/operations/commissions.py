"""What partners earn by a sale."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.core.money import rounded
from app.domains.partners import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

UNDONE = "What it was recorded for was undone."
NOT_DUE = "not_due"


@OPERATIONS.operation(
    "partner_service.record_commission", undone_by="partner_service.void_commission", resource="commission"
)
def record_commission(
    call: Call,
    *,
    partner_id: str,
    customer_id: UUID | None = None,
    order_id: int | None = None,
    base_amount: Decimal | None = None,
    currency: str | None = None,
    commission_type: str | None = None,
) -> dict[str, Any]:
    """Record what a partner (by id or code) earns by an order, else by a customer, as the agreement in force says.

    `base_amount`: what was sold, without tax; by default the price of the customer's licenses from the partner's pools.
    `commission_type`: new_customer, first_sale, recurring or renewal. A sale earns a partner one commission. Where no
    agreement is in force for such sales, nothing is recorded and the status is `not_due`.
    """
    sale = service.Sale(
        customer_id=customer_id,
        order_id=order_id,
        base_amount=base_amount,
        currency=currency,
        commission_type=commission_type,
    )
    recorded = service.record_commission(call.session, partner=partner_id, sale=sale, key=call.idempotency_key)
    if isinstance(recorded, service.NotDue):
        return {"commission_id": None, "commission": {"id": None, "status": NOT_DUE, "reason": recorded.reason}}
    if recorded.recorded_for == call.idempotency_key:
        # a commission that another step recorded is not this one's to undo
        commission_id = str(recorded.id)
        summary = f"Commission of {_money(recorded.amount, recorded.currency)} {recorded.currency}"
        call.effect("commission", commission_id, summary, undo={"commission_id": commission_id})
    return _shown(recorded)


@OPERATIONS.operation("partner_service.void_commission", resource="commission")
def void_commission(call: Call, *, commission_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """Let nothing be paid for a sale; one that is void stays as it is. One that was paid stays paid, and this fails."""
    return _shown(service.void_commission(call.session, commission_id=commission_id, reason=reason))


@OPERATIONS.resource("commission")
def read_commission(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A commission as it is now; None when there is none of that id, or none was due."""
    try:
        found = service.find_commission(call.session, commission_id=UUID(str(reference["id"])))
    except (NotFound, ValueError):
        return None
    shown: dict[str, Any] = _shown(found)["commission"]
    return shown


def _shown(commission: service.Commission) -> dict[str, Any]:
    commission_id = str(commission.id)
    return {
        "commission_id": commission_id,
        "commission": {
            "id": commission_id,
            "partner_id": str(commission.partner_id),
            "customer_id": str(commission.customer_id) if commission.customer_id else None,
            "order_id": commission.order_id,
            "commission_type": commission.commission_type,
            "base_amount": _money(commission.base_amount, commission.currency),
            "rate": None if commission.rate is None else str(commission.rate),
            "amount": _money(commission.amount, commission.currency),
            "currency": commission.currency,
            "status": commission.status,
        },
    }


def _money(amount: Decimal | None, currency: str) -> str | None:
    return None if amount is None else str(rounded(amount, currency))
