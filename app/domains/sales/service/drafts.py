"""Drafts: made, changed, expired."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.core.audit import ACTOR
from app.core.clock import now
from app.core.errors import Fault
from app.core.ids import dated_number
from app.core.log import masked
from app.domains.catalog import service as catalog
from app.domains.sales import queries
from app.domains.sales.errors import NotADraft, OrderInvalid
from app.domains.sales.models import Order, OrderItem
from app.domains.sales.rules import ALWAYS_EDITABLE, EXPIRED, PRICED, NewOrder, Source, Status
from app.domains.sales.service import checks
from app.domains.sales.service.changes import locked, record, subject, transition

log = logging.getLogger(__name__)

NUMBER_TRIES = 5
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
    if new.external_order_id is not None and (earlier := _earlier(session, new)):
        return earlier
    faults = checks.person_faults({"customer_email": new.customer_email})
    faults += checks.slug_faults(session, new.organization_slug)
    quote = _quote(session, _values(new), faults)
    checks.refuse(faults)
    assert quote is not None
    order, is_new = _inserted(session, new, tax_rate=quote.tax_rate)
    if is_new:
        _fill(session, order, quote)
        record(session, order, before=None)
        audit.record(session, "order.created", subject(order), after=_picture(order))
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
    before = _picture(order)
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
        _fill(session, order, quote)
    session.flush()
    session.refresh(order)
    audit.record(session, "order.updated", subject(order), before=before, after=_picture(order))
    return order


def expire_drafts(session: Session, *, days: int) -> int:
    """Across owners: cancel drafts older than that; returns how many. Safe to run twice and in two places."""
    drafts = queries.old_drafts(session, before=now(session) - timedelta(days=days), limit=DRAFTS_PER_RUN)
    for order in drafts:
        transition(session, order, Status.CANCELLED, message=EXPIRED, reason=f"a draft for more than {days} days")
    return len(drafts)


def _values(new: NewOrder) -> dict[str, Any]:
    return {each.name: getattr(new, each.name) for each in dataclasses.fields(new)}


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


def _earlier(session: Session, new: NewOrder) -> Order | None:
    return queries.order_by_external_id(session, source=new.source.value, external_order_id=new.external_order_id or "")


def _inserted(session: Session, new: NewOrder, *, tax_rate: Any) -> tuple[Order, bool]:
    """The order's row, with a number that nobody has; the other one's when the external number was raced for."""
    values = _values(new) | {"source": new.source.value}
    values |= {name: dict(values[name]) for name in ("billing_address", "service_configuration", "features")}
    values["selected_services"] = [dict(service) for service in new.selected_services]
    for tries_left in reversed(range(NUMBER_TRIES)):
        at = now(session)
        order = Order(
            **values,
            order_number=dated_number("ORD", at),
            status=Status.DRAFT.value,
            tax_rate=tax_rate,
            created_by=session.info.get(ACTOR),
            created_at=at,
        )
        try:
            with session.begin_nested():
                session.add(order)
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise
            if new.external_order_id is not None and (earlier := _earlier(session, new)):
                return earlier, False
            if not tries_left:
                raise
        else:
            return order, True
    raise AssertionError


def _fill(session: Session, order: Order, quote: catalog.Quote) -> None:
    """The items of a priced order; the database sums them up."""
    session.add_all(
        OrderItem(
            order_id=order.id,
            position=position,
            item_type="one_time" if line.billing_cycle == "one_time" else "service",
            service_code=line.service_code,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount_amount=line.discount_amount,
            tax_amount=line.tax_amount,
            configuration=dict(line.configuration),
            billing_cycle=line.billing_cycle,
        )
        for position, line in enumerate(quote.lines, start=1)
    )
    session.flush()
    session.refresh(order)


def _picture(order: Order) -> dict[str, Any]:
    """What the audit log keeps of an order: no personal data beyond the number."""
    return {
        "order_number": order.order_number,
        "status": order.status,
        "package_code": order.package_code,
        "services": [service["service_code"] for service in order.selected_services],
        "billing_cycle": order.billing_cycle,
        "total_amount": str(order.total_amount),
        "currency": order.currency,
    }
