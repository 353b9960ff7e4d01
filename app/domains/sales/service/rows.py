"""An order's rows: its own, under a number that nobody has, and those of its items."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.audit import ACTOR
from app.core.clock import now
from app.core.ids import dated_number
from app.domains.catalog import service as catalog
from app.domains.sales import queries
from app.domains.sales.models import Order, OrderItem
from app.domains.sales.rules import AgreedItem, NewOrder, Status

NUMBER_TRIES = 5


def values(new: NewOrder) -> dict[str, Any]:
    """The fields of a new order by name."""
    return {each.name: getattr(new, each.name) for each in dataclasses.fields(new)}


def earlier(session: Session, new: NewOrder) -> Order | None:
    """The order that came before under the external number of this one, from the same source."""
    if new.external_order_id is None:
        return None
    return queries.order_by_external_id(session, source=new.source.value, external_order_id=new.external_order_id)


def inserted(session: Session, new: NewOrder, *, tax_rate: Decimal) -> tuple[Order, bool]:
    """A draft's row and True; the other one's and False when the external number was raced for. `tax_rate`: percent."""
    fields = values(new) | {"source": new.source.value}
    fields |= {name: dict(fields[name]) for name in ("billing_address", "service_configuration", "features")}
    fields["selected_services"] = [dict(service) for service in new.selected_services]
    for tries_left in reversed(range(NUMBER_TRIES)):
        at = now(session)
        order = Order(
            **fields,
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
            if first := earlier(session, new):
                return first, False
            if not tries_left:
                raise
        else:
            return order, True
    raise AssertionError


def fill(session: Session, order: Order, lines: Iterable[catalog.PricedLine | AgreedItem]) -> None:
    """The items of an order, in this order and at these prices; the database sums them up."""
    session.add_all(
        OrderItem(
            order_id=order.id,
            position=position,
            item_type="one_time" if order.billing_cycle == "one_time" else "service",
            service_code=line.service_code,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            discount_amount=line.discount_amount,
            tax_amount=line.tax_amount,
            configuration=dict(line.configuration),
            billing_cycle=order.billing_cycle,
        )
        for position, line in enumerate(lines, start=1)
    )
    session.flush()
    session.refresh(order)


def picture(order: Order) -> dict[str, Any]:
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
