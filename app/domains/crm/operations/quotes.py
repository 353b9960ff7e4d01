"""Offering, accepting, taking back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.core.money import rounded
from app.domains.crm import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()

UNDONE = "what it was made for was undone"


@OPERATIONS.operation("crm_service.generate_quote", undone_by="crm_service.withdraw_quote", resource="quote")
def generate_quote(
    call: Call, *, lead_id: UUID, valid_days: int = 30, discount: Decimal = Decimal(0)
) -> dict[str, Any]:
    """Offer a qualified lead what it wants, at the catalogue's prices with tax. `discount`: percent off each line.

    An open quote of the lead that offers the same is returned as it is.
    """
    quote = service.generate_quote(
        call.session,
        lead_id=lead_id,
        key=call.idempotency_key,
        valid_days=valid_days,
        discount_percent=discount,
    )
    return _made(call, quote)


@OPERATIONS.operation("crm_service.create_renewal_quote", undone_by="crm_service.withdraw_quote", resource="quote")
def create_renewal_quote(
    call: Call,
    *,
    subscription_id: UUID,
    term_months: int | None = None,
    discount_percentage: Decimal | None = None,
) -> dict[str, Any]:
    """Offer a subscription's next period, until the current one ends. A period has one live renewal quote, which is returned."""
    quote = service.create_renewal_quote(
        call.session,
        subscription_id=subscription_id,
        key=call.idempotency_key,
        term_months=term_months,
        discount_percentage=discount_percentage or Decimal(0),
    )
    return _made(call, quote)


@OPERATIONS.operation("crm_service.withdraw_quote", resource="quote")
def withdraw_quote(call: Call, *, quote_id: UUID, reason: str = UNDONE) -> dict[str, Any]:
    """Withdraw a quote, whatever has become of it; fails while an order made of it stands. What was accepted is owed no more."""
    return _shown(call, service.undo_quote(call.session, quote_id=quote_id, reason=reason))


@OPERATIONS.operation("crm_service.expire_quote", resource="quote")
def expire_quote(call: Call, *, quote_id: UUID) -> dict[str, Any]:
    """Note that the time of an open quote has passed; one that was answered, or may still be, is returned as it is."""
    service.expire_if_over(call.session, quote_id=quote_id)
    return _shown(call, service.get_quote(call.session, quote_id=quote_id))


@OPERATIONS.operation("crm_service.accept_quote", undone_by="crm_service.reopen_quote", resource="quote")
def accept_quote(call: Call, *, quote_id: UUID, accepted_by: str | None = None) -> dict[str, Any]:
    """Accept an open quote while it is valid: what it costs is owed, its lead's prospect is a customer.

    One that is accepted is returned as it is.
    """
    quote = service.accept_quote(call.session, quote_id=quote_id, key=call.idempotency_key, accepted_by=accepted_by)
    if quote.accepted_for == call.idempotency_key:
        undo = {"quote_id": str(quote.id), "key": call.idempotency_key}
        call.effect("quote acceptance", str(quote.id), f"Quote {quote.quote_number} accepted", undo=undo)
    return _shown(call, quote)


@OPERATIONS.operation("crm_service.reopen_quote", resource="quote")
def reopen_quote(call: Call, *, quote_id: UUID, key: str) -> dict[str, Any]:
    """Open a quote again that the step of that `key` accepted; fails while an order made of it stands."""
    return _shown(call, service.undo_acceptance(call.session, quote_id=quote_id, key=key))


@OPERATIONS.resource("quote")
def read_quote(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A quote as it is now; None when there is none of that id."""
    try:
        found = service.get_quote(call.session, quote_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    shown: dict[str, Any] = _shown(call, found)["quote"]
    return shown


def _made(call: Call, quote: service.Quote) -> dict[str, Any]:
    if quote.made_for == call.idempotency_key:
        # a quote that another step made is not this one's to withdraw
        call.effect("quote", str(quote.id), f"Quote {quote.quote_number}", undo={"quote_id": str(quote.id)})
    return _shown(call, quote)


def _shown(call: Call, quote: service.Quote) -> dict[str, Any]:
    quote_id = str(quote.id)
    return {
        "quote_id": quote_id,
        "quote": {
            "id": quote_id,
            "quote_number": quote.quote_number,
            "kind": quote.kind,
            "status": quote.status,
            "lead_id": _text(quote.lead_id),
            "customer_id": _text(quote.customer_id),
            "customer_name": quote.customer_name,
            "customer_email": quote.customer_email,
            "company_name": quote.company_name,
            "subscription_id": _text(quote.subscription_id),
            "items": [
                {
                    "product_code": item.product_code,
                    "name": item.name,
                    "quantity": item.quantity,
                    "unit_price": _amount(quote, item.unit_price),
                    "total_amount": _amount(quote, item.total_amount),
                }
                for item in quote.items
            ],
            "currency": quote.currency,
            "subtotal": _amount(quote, quote.subtotal),
            "discount_amount": _amount(quote, quote.discount_amount),
            "tax_amount": _amount(quote, quote.tax_amount),
            "total_amount": _amount(quote, quote.total_amount),
            "billing_cycle": quote.billing_cycle,
            "term_months": quote.term_months,
            "period_start": _time(quote.period_start),
            "period_end": _time(quote.period_end),
            "valid_until": _time(quote.valid_until),
            "accepted_by": quote.accepted_by,
            "order_id": quote.order_id,
            "accept_url": service.accept_url(call.session, quote),
        },
    }


def _amount(quote: service.Quote, amount: Decimal) -> str:
    return str(rounded(amount, quote.currency))


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
