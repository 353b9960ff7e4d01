"""Orders made from quotes: what was agreed is what is ordered, at the price that was agreed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.domains.sales import queries
from app.domains.sales.models import Order
from app.domains.sales.rules import AgreedItem, NewOrder, Source, Status, external_id_of
from app.domains.sales.service import checks, rows
from app.domains.sales.service.changes import locked, record, subject

log = logging.getLogger(__name__)


def order_of_quote(session: Session, *, quote_number: str) -> Order | None:
    """The order that was made of a quote, unless it was cancelled."""
    order = queries.order_by_external_id(
        session, source=Source.CRM_QUOTE.value, external_order_id=external_id_of(quote_number)
    )
    return None if order is None or order.status == Status.CANCELLED else order


def create_from_quote(
    session: Session,
    *,
    quote_id: UUID,
    quote_number: str,
    customer_email: str,
    customer_name: str,
    organization_slug: str,
    items: Sequence[AgreedItem],
    currency: str,
    billing_cycle: str,
    tax_rate: Decimal = Decimal(0),
    company_name: str | None = None,
    customer_phone: str | None = None,
    billing_address: Mapping[str, Any] | None = None,
    organization_name: str | None = None,
    deployment_region: str | None = None,
    deployment_type: str | None = None,
    deployment_template_id: UUID | None = None,
    notes: str | None = None,
) -> Order:
    """A draft at a quote's prices. The second call for a quote returns the first one's order; a cancelled one is none.

    `tax_rate`: percent; amounts in units of `currency`. Raises OrderInvalid for an address or a subdomain that cannot be.
    """
    if first := order_of_quote(session, quote_number=quote_number):
        return first
    _give_up_number(session, quote_number)
    new = NewOrder(
        source=Source.CRM_QUOTE,
        external_order_id=external_id_of(quote_number),
        quote_id=quote_id,
        customer_email=customer_email,
        customer_name=customer_name,
        company_name=company_name,
        customer_phone=customer_phone,
        billing_address=billing_address or {},
        organization_slug=organization_slug,
        organization_name=organization_name,
        deployment_region=deployment_region,
        deployment_type=deployment_type,
        deployment_template_id=deployment_template_id,
        selected_services=[_selected(item) for item in items],
        currency=currency,
        billing_cycle=billing_cycle,
        notes=notes,
    )
    checks.refuse(
        [
            *checks.person_faults({"customer_email": customer_email}),
            *checks.slug_faults(session, organization_slug),
        ]
    )
    order, is_new = rows.inserted(session, new, tax_rate=tax_rate)
    if is_new:
        rows.fill(session, order, items)
        record(session, order, before=None)
        audit.record(session, "order.created", subject(order), after=rows.picture(order))
        log.info("order %s made of quote %s over %s %s", order.id, quote_number, order.total_amount, currency)
    return order


def _selected(item: AgreedItem) -> dict[str, Any]:
    return {
        "service_code": item.service_code,
        "name": item.name,
        "quantity": item.quantity,
        "configuration": dict(item.configuration),
    }


def _give_up_number(session: Session, quote_number: str) -> None:
    """A cancelled order keeps where it came from, but no longer stands in the way of the one that is made in its place."""
    external = external_id_of(quote_number)
    cancelled = queries.order_by_external_id(session, source=Source.CRM_QUOTE.value, external_order_id=external)
    if cancelled is not None:
        order = locked(session, cancelled.id)
        order.external_order_id = f"{external}/{order.order_number}"
        session.flush()
