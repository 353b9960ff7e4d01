"""An accepted quote becomes an order, once: what was agreed, at the price that was agreed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.domains.billing import service as billing
from app.domains.crm.errors import QuoteNotAccepted, QuoteOrdersNothing
from app.domains.crm.models import Quote
from app.domains.crm.rules.leads import ADDRESS_PARTS
from app.domains.crm.rules.quotes import Kind, Status
from app.domains.crm.rules.slugs import numbered, slug_of
from app.domains.crm.service.answering import SOURCE
from app.domains.crm.service.quotes import lock_quote
from app.domains.crm.service.stating import subject
from app.domains.customers import service as customers
from app.domains.customers.service import Customer
from app.domains.sales import service as sales
from app.domains.sales.service import Order
from app.domains.tenants import service as tenants

ORDER = "order"
"""By this, and its id, billing knows an order."""
SLUG_TRIES = 100


def create_order_from_quote(session: Session, *, quote_id: UUID, key: str) -> tuple[Quote, Order]:
    """The draft order of an accepted quote; the second call returns the first one's, unless that was cancelled.

    Quote and order are one payable. `key` names what asks, a step of an execution, say. Raises QuoteNotFound,
    QuoteNotAccepted, QuoteOrdersNothing for a renewal, and OrderInvalid where the wanted subdomain is not to be had.
    """
    quote = lock_quote(session, quote_id=quote_id)
    if quote.kind == Kind.RENEWAL:
        raise QuoteOrdersNothing(quote.quote_number)
    if quote.status != Status.ACCEPTED:
        raise QuoteNotAccepted(quote.quote_number, quote.status)
    if earlier := sales.order_of_quote(session, quote_number=quote.quote_number):
        return quote, earlier
    assert quote.customer_id is not None
    customer = customers.get_customer(session, customer_id=quote.customer_id)
    order = sales.create_from_quote(
        session,
        quote_id=quote.id,
        quote_number=quote.quote_number,
        customer_email=quote.customer_email,
        customer_name=quote.customer_name,
        company_name=quote.company_name,
        customer_phone=customer.phone,
        billing_address=_billing_address(customer),
        organization_slug=quote.organization_slug or _free_slug(session, quote),
        organization_name=quote.company_name,
        deployment_region=quote.deployment_region,
        deployment_type=quote.deployment_type,
        items=[
            sales.AgreedItem(
                service_code=item.product_code,
                name=item.name,
                quantity=item.quantity,
                unit_price=item.unit_price,
                discount_amount=item.discount_amount,
                tax_amount=item.tax_amount,
                configuration=item.configuration,
            )
            for item in quote.items
        ],
        currency=quote.currency,
        billing_cycle=quote.billing_cycle,
        tax_rate=quote.tax_rate,
        notes=quote.notes,
    )
    quote.order_id, quote.ordered_for = order.id, key
    session.flush()
    billing.link_payable(session, source=(SOURCE, str(quote.id)), to=(ORDER, str(order.id)))
    audit.record(session, "quote.ordered", subject(quote), after={"order_number": order.order_number})
    return quote, order


def _free_slug(session: Session, quote: Quote) -> str:
    """A subdomain by the company's name, for a customer who has not asked for one."""
    slug = slug_of(quote.company_name or quote.customer_name)
    for number in range(1, SLUG_TRIES):
        candidate = numbered(slug, number)
        if tenants.slug_fault(candidate) is None and tenants.slug_is_free(session, slug=candidate):
            return candidate
    return f"{slug}-{quote.quote_number.rpartition('-')[2].lower()}"


def _billing_address(customer: Customer) -> dict[str, Any]:
    billed_at = (each for each in customer.addresses if each.is_primary and each.kind == customers.Kind.BILLING)
    address = next(billed_at, None)
    return {} if address is None else {part: value for part in ADDRESS_PARTS if (value := getattr(address, part))}
