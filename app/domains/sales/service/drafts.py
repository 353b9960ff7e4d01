"""Drafts: made, changed, expired."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault
from app.core.log import masked
from app.domains.catalog import service as catalog
from app.domains.sales import queries
from app.domains.sales.errors import NotADraft, OrderInvalid
from app.domains.sales.models import Order
from app.domains.sales.rules import ALWAYS_EDITABLE, EXPIRED, PRICED, NewOrder, Source, Status
from app.domains.sales.service import checks, dues, rows
from app.domains.sales.service.changes import locked, record, subject, transition

log = logging.getLogger(__name__)

DRAFTS_PER_RUN = 500

QUICK_FIELDS = {
    "/customer_email": "/email",
    "/customer_name": "/name",
    "/company_name": "/company",
    "/deployment_region": "/region",
    "/selected_services": "/package_code",
}
"""Where a quick order has what an order calls otherwise."""


def create_order(session: Session, *, new: NewOrder) -> Order:
    """Make a draft, priced from the catalogue.

    The same external number from the same source returns the order that it made before. Raises OrderInvalid with every
    fault by its place in the order document.
    """
    if first := rows.earlier(session, new):
        return first
    faults = checks.person_faults({"customer_email": new.customer_email})
    faults += checks.slug_faults(session, new.organization_slug)
    quote = _quote(session, rows.values(new), faults)
    checks.refuse(faults)
    assert quote is not None
    order, is_new = rows.inserted(session, new, tax_rate=quote.tax_rate)
    if is_new:
        rows.fill(session, order, quote.lines)
        record(session, order, before=None)
        audit.record(session, "order.created", subject(order), after=rows.picture(order))
        log.info(
            "order created: %s for %s over %s %s",
            order.id,
            masked(order.customer_email),
            order.total_amount,
            order.currency,
        )
    return order


def quick_order(
    session: Session,
    *,
    email: str,
    name: str,
    company: str,
    package_code: str,
    organization_slug: str,
    billing_cycle: str = "monthly",
    region: str | None = None,
) -> Order:
    """Make a draft of a package. Raises OrderInvalid with every fault by its place in the short form."""
    new = NewOrder(
        source=Source.QUICK,
        customer_email=email,
        customer_name=name,
        company_name=company,
        package_code=package_code,
        billing_cycle=billing_cycle,
        deployment_region=region,
        organization_slug=organization_slug,
    )
    try:
        return create_order(session, new=new)
    except OrderInvalid as error:
        faults = [dataclasses.replace(f, pointer=QUICK_FIELDS.get(f.pointer, f.pointer)) for f in error.faults]
        raise OrderInvalid(error.message, faults=faults) from None


def update_draft(session: Session, *, order_id: int, changes: Mapping[str, Any]) -> Order:
    """Change an order: a draft in everything, later only its notes. What has a price is priced anew.

    Raises OrderNotFound, NotADraft, OrderInvalid.
    """
    order = locked(session, order_id)
    if order.status != Status.DRAFT and (fixed := changes.keys() - ALWAYS_EDITABLE):
        message = f"The order is {order.status}: {', '.join(sorted(fixed))} can be changed in a draft only."
        raise NotADraft(
            message, faults=[Fault(f"/{name}", "This can be changed in a draft only.") for name in sorted(fixed)]
        )
    if order.quote_id is not None and (agreed := changes.keys() & PRICED):
        message = "The order was made of a quote: what was agreed there is not changed here."
        raise NotADraft(message, faults=[Fault(f"/{name}", message) for name in sorted(agreed)])
    before = rows.picture(order)
    faults = checks.person_faults(changes)
    if changes.get("organization_slug", order.organization_slug) != order.organization_slug:
        faults += checks.slug_faults(session, changes["organization_slug"])
    for name, value in changes.items():
        setattr(order, name, value)
    quote: catalog.Quote | None = None
    if changes.keys() & PRICED:
        with session.no_autoflush:
            quote = _quote(
                session, {name: getattr(order, name) for name in (*PRICED, "deployment_template_id")}, faults
            )
    checks.refuse(faults)
    if quote is not None:
        order.tax_rate = quote.tax_rate
        order.items.clear()
        session.flush()
        rows.fill(session, order, quote.lines)
    session.flush()
    session.refresh(order)
    dues.follow(session, order)
    audit.record(session, "order.updated", subject(order), before=before, after=rows.picture(order))
    return order


def expire_drafts(session: Session, *, days: int) -> int:
    """Across owners: cancel drafts older than that which nobody will submit; returns how many.

    Those that are paid or being paid, or whose deployment is scheduled, stay. Safe to run twice and in two places.
    """
    drafts = queries.old_drafts(session, before=now(session) - timedelta(days=days), limit=DRAFTS_PER_RUN)
    for order in drafts:
        # what else there is of each is its owner's
        session.info[OWNER] = order.owner_id
        transition(session, order, Status.CANCELLED, message=EXPIRED, reason=f"a draft for more than {days} days")
        dues.let_go(session, order)
    session.info[OWNER] = None
    return len(drafts)


def _quote(session: Session, wanted: Mapping[str, Any], faults: list[Fault]) -> catalog.Quote | None:
    """The price of what is wanted; None when faults were found instead."""
    quote: catalog.Quote | None = None
    with checks.collected(faults):
        quote = catalog.price(
            session,
            lines=checks.lines(session, wanted["selected_services"], wanted["package_code"]),
            currency=wanted["currency"],
            billing_cycle=wanted["billing_cycle"],
            region=wanted["deployment_region"],
        )
        codes = [line.service_code for line in quote.lines]
        faults += checks.dependency_faults(session, codes, template_id=wanted["deployment_template_id"])
    return quote
