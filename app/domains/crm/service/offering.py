"""A lead's wishes are priced and offered: once as long as that offer is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.errors import Fault, Invalid
from app.domains.activation import service as activation
from app.domains.catalog import service as catalog
from app.domains.crm.errors import LeadNotQualified
from app.domains.crm.models import Lead, Quote
from app.domains.crm.queries import quotes as queries
from app.domains.crm.rules.leads import Status, contact_name
from app.domains.crm.rules.pricing import OfferedLine, offered, sum_faults, sums
from app.domains.crm.rules.quotes import VALID_DAYS, Kind, content_hash, is_over, percent_faults, validity_faults
from app.domains.crm.rules.wishes import Wish, as_services
from app.domains.crm.service.expiring import expire_if_over
from app.domains.crm.service.leads import lock_lead
from app.domains.crm.service.quotes import refuse, write_quote
from app.domains.tenants import service as tenants

WISHES = "/wanted_products"
_PRICED = "/selected_services"


def generate_quote(
    session: Session,
    *,
    lead_id: UUID,
    key: str,
    valid_days: int = VALID_DAYS,
    discount_percent: Decimal = Decimal(0),
) -> Quote:
    """Offer a qualified or converted lead what it wants at the catalogue's prices, with tax; emits quote.created.

    `discount_percent`: taken off each line besides the catalogue's own discounts. `key` names what asks, a step of an
    execution, say: asking again finds its quote. An open quote of the lead that offers the same is returned as it is.

    Raises LeadNotFound, LeadNotQualified, QuoteInvalid with every fault at once.
    """
    refuse([*validity_faults(valid_days), *percent_faults(discount_percent, pointer="/discount")])
    lead = lock_lead(session, lead_id=lead_id)
    if lead.status not in {Status.QUALIFIED, Status.CONVERTED}:
        message = f"The lead is {lead.status}: qualify it first."
        raise LeadNotQualified(message)
    if earlier := queries.made_for(session, key):
        return earlier
    tax_rate, lines = _offer(session, lead, discount_percent)
    place = {name: getattr(lead, name) for name in ("organization_slug", "deployment_region", "deployment_type")}
    content = content_hash(lines, currency=lead.currency, billing_cycle=lead.billing_cycle, place=place)
    if same := _still_open(session, lead, content):
        return same
    assert lead.email is not None
    name = contact_name(first_name=lead.first_name, last_name=lead.last_name)
    return write_quote(
        session,
        lines=lines,
        kind=Kind.NEW.value,
        lead_id=lead.id,
        customer_id=lead.customer_id,
        customer_name=name or lead.company_name or lead.email,
        customer_email=lead.email,
        company_name=lead.company_name,
        currency=lead.currency,
        billing_cycle=lead.billing_cycle,
        discount_percent=discount_percent,
        tax_rate=tax_rate,
        content_hash=content,
        made_for=key,
        valid_until=now(session) + timedelta(days=valid_days),
        **place,
    )


def _still_open(session: Session, lead: Lead, content: str) -> Quote | None:
    """The lead's quote of that content which may still be accepted; one whose time has passed expires."""
    same = queries.open_of_content(session, lead_id=lead.id, content_hash=content)
    if same is None or not is_over(same.valid_until, at=now(session)):
        return same
    expire_if_over(session, quote_id=same.id)
    return None


def _offer(session: Session, lead: Lead, discount_percent: Decimal) -> tuple[Decimal, tuple[OfferedLine, ...]]:
    """The tax rate in percent, and what the lead wants at its price. Raises QuoteInvalid."""
    packages = {package.code: package.services for package in catalog.packages(session)}
    services = {service.code for service in catalog.services(session)}
    wishes, unknown = as_services(lead.wanted_products, services=services, packages=packages)
    faults = unknown if lead.wanted_products else [Fault(WISHES, "Nothing is wanted.")]
    if lead.organization_slug and not tenants.slug_is_free(session, slug=lead.organization_slug):
        faults.append(Fault("/organization_slug", f"The subdomain “{lead.organization_slug}” is taken."))
    refuse(faults)
    priced: catalog.Quote | None = None
    with _refusals(faults):
        priced = catalog.price(
            session,
            lines=[_line(wish) for wish in wishes],
            currency=lead.currency,
            billing_cycle=lead.billing_cycle,
            region=lead.deployment_region,
        )
    with _refusals(faults):
        # what could not be ordered is not offered
        sequence = activation.choose_workflow(session, template_id=None).service_sequence
        missing = activation.missing_dependencies(sequence, [wish.service_code for wish in wishes])
        faults += [Fault(WISHES, sentence) for sentence in missing]
    refuse(faults)
    assert priced is not None
    lines = [
        OfferedLine(
            product_code=line.service_code,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount_amount=line.discount_amount,
            configuration=line.configuration,
        )
        for line in priced.lines
    ]
    offer = offered(lines, discount_percent=discount_percent, tax_rate=priced.tax_rate, currency=lead.currency)
    refuse(sum_faults(sums(offer), pointer=WISHES))
    return priced.tax_rate, offer


def _line(wish: Wish) -> catalog.Line:
    return catalog.Line(service_code=wish.service_code, quantity=wish.quantity, configuration=dict(wish.configuration))


@contextmanager
def _refusals(faults: list[Fault]) -> Iterator[None]:
    """Collect what other rooms refuse, at its place in the lead's document."""
    try:
        yield
    except Invalid as error:
        faults += _as_the_lead_s(error.faults or [Fault("", error.message)])


def _as_the_lead_s(faults: Sequence[Fault]) -> list[Fault]:
    # a package is several services, so a service's place is not the wish's; the sentence names it
    return [replace(fault, pointer=WISHES) if fault.pointer.startswith(_PRICED) else fault for fault in faults]
