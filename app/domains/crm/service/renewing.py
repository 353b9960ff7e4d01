"""A subscription's next period is offered: once as long as that offer is open or was accepted."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.errors import Fault
from app.domains.billing import service as billing
from app.domains.catalog import service as catalog
from app.domains.crm.errors import NotRenewable
from app.domains.crm.models import Quote
from app.domains.crm.queries import quotes as queries
from app.domains.crm.rules.pricing import OfferedLine, offered
from app.domains.crm.rules.quotes import Kind, Status, content_hash, is_over, percent_faults
from app.domains.crm.service.expiring import expire_if_over
from app.domains.crm.service.quotes import refuse, write_quote
from app.domains.customers import service as customers
from app.domains.customers.service import Customer

_NO_PLAN = "subscription"


def create_renewal_quote(
    session: Session,
    *,
    subscription_id: UUID,
    key: str,
    term_months: int | None = None,
    discount_percentage: Decimal = Decimal(0),
) -> Quote:
    """Offer a subscription's customer its next period, valid until the current one ends; emits quote.created.

    `term_months`: calendar months, default as many as the billing cycle has. Billing says what it costs; the tax is that of
    where the customer is billed. `key` names what asks, a step of an execution, say: asking again finds its quote, and so
    does anybody for a period that has a quote which is open or was accepted.

    Raises NotFound for the subscription, NotRenewable with every reason, Invalid for a term or discount that cannot be.
    """
    refuse(percent_faults(discount_percentage, pointer="/discount_percentage"))
    subscription = billing.lock_subscription(session, subscription_id=subscription_id)
    if earlier := queries.made_for(session, key):
        return earlier
    if subscription.customer_id is None:
        message = "The subscription is a tenant's, not a customer's: nobody can be offered its renewal."
        raise NotRenewable(message)
    offer = billing.renewal_offer(
        session,
        subscription_id=subscription_id,
        term_months=term_months,
        discount_percentage=discount_percentage,
    )
    if live := _still_live(session, offer):
        return live
    if not offer.eligibility.is_eligible:
        reasons = offer.eligibility.reasons
        raise NotRenewable(
            " ".join(reason.message for reason in reasons),
            faults=[Fault("/subscription_id", reason.message) for reason in reasons],
        )
    customer = customers.get_customer(session, customer_id=subscription.customer_id)
    tax_rate = catalog.tax_rate(session, country=_country(customer))
    lines = offered([_line(offer)], discount_percent=Decimal(0), tax_rate=tax_rate, currency=offer.currency)
    period = {"subscription": str(subscription_id), "from": offer.period_start.isoformat()}
    return write_quote(
        session,
        lines=lines,
        kind=Kind.RENEWAL.value,
        customer_id=customer.id,
        subscription_id=subscription_id,
        customer_name=customer.name,
        customer_email=customer.email,
        company_name=customer.company_name,
        currency=offer.currency,
        billing_cycle=subscription.billing_cycle,
        discount_percent=discount_percentage,
        tax_rate=tax_rate,
        term_months=offer.term_months,
        period_start=offer.period_start,
        period_end=offer.period_end,
        content_hash=content_hash(
            lines, currency=offer.currency, billing_cycle=subscription.billing_cycle, place=period
        ),
        made_for=key,
        valid_until=offer.period_start,
    )


def _still_live(session: Session, offer: billing.RenewalOffer) -> Quote | None:
    """The quote of that period which was accepted or still may be; one whose time has passed expires."""
    live = queries.live_renewal(session, subscription_id=offer.subscription.id, period_start=offer.period_start)
    if live is None or live.status == Status.ACCEPTED or not is_over(live.valid_until, at=now(session)):
        return live
    expire_if_over(session, quote_id=live.id)
    return None


def _line(offer: billing.RenewalOffer) -> OfferedLine:
    """The whole term and quantity as one line: its price need not be a multiple of a month's."""
    what = offer.plan.name if offer.plan else ", ".join(offer.subscription.service_codes) or "Subscription"
    if offer.subscription.quantity > 1:
        what = f"{offer.subscription.quantity} × {what}"  # noqa: RUF001 - times
    months = "1 month" if offer.term_months == 1 else f"{offer.term_months} months"
    return OfferedLine(
        product_code=offer.plan.code if offer.plan else _NO_PLAN,
        name=f"{what}, {months} from {offer.period_start:%Y-%m-%d}",
        quantity=1,
        unit_price=offer.list_price,
        discount_amount=offer.discount_amount,
    )


def _country(customer: Customer) -> str | None:
    """Where the customer is billed: the country of the primary billing address, else the customer's own."""
    billed_at = (each for each in customer.addresses if each.is_primary and each.kind == customers.Kind.BILLING)
    address = next(billed_at, None)
    return address.country if address else customer.country
