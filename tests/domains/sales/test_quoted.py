"""Orders made from quotes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from app.core.clock import utc_now
from app.core.ids import dated_number, new_id
from app.domains.billing import service as billing
from app.domains.sales import service as sales
from app.domains.sales.errors import NotADraft, OrderInvalid
from tests.domains.sales.conftest import Shop, slug

ITEMS = [
    sales.AgreedItem(
        service_code="subscriber-provisioning",
        name="Subscribers",
        quantity=2,
        unit_price=Decimal("90.00"),
        discount_amount=Decimal("18.00"),
        tax_amount=Decimal("16.20"),
    ),
    sales.AgreedItem(service_code="billing-invoicing", name="Billing", unit_price=Decimal("200.00")),
]


def quoted(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "quote_id": new_id(),
        "quote_number": dated_number("QUO", utc_now()),
        "customer_email": "ada@example.com",
        "customer_name": "Ada Lovelace",
        "organization_slug": slug(),
        "items": ITEMS,
        "currency": "USD",
        "billing_cycle": "monthly",
        "tax_rate": Decimal(10),
        "deployment_type": "none",
    }
    return fields | changes


def made(shop: Shop, fields: dict[str, Any]) -> sales.Order:
    with shop.session() as session:
        return sales.create_from_quote(session, **fields)


def test_what_was_agreed_is_what_is_ordered_at_the_price_that_was_agreed(shop: Shop) -> None:
    fields = quoted()
    order = shop.order(made(shop, fields).id)
    assert (order.status, order.source, order.quote_id) == ("draft", "crm_quote", fields["quote_id"])
    assert order.external_order_id == f"QUOTE-{fields['quote_number']}"
    assert [(item.service_code, item.quantity, item.unit_price, item.total_amount) for item in order.items] == [
        ("subscriber-provisioning", 2, Decimal("90.000"), Decimal("178.200")),
        ("billing-invoicing", 1, Decimal("200.000"), Decimal("200.000")),
    ]
    assert (order.subtotal, order.discount_amount, order.tax_amount, order.total_amount) == (
        Decimal("380.000"),
        Decimal("18.000"),
        Decimal("16.200"),
        Decimal("378.200"),
    )


def test_a_quote_makes_one_order(shop: Shop) -> None:
    fields = quoted()
    assert made(shop, fields).id == made(shop, fields).id
    assert shop.count("orders") == 1


def test_an_order_that_was_cancelled_does_not_stand_in_the_way_of_another(shop: Shop) -> None:
    fields = quoted()
    first = made(shop, fields)
    with shop.session() as session:
        sales.cancel_order(session, order_id=first.id)
    second = made(shop, fields)
    assert second.id != first.id
    with shop.session() as session:
        found = sales.order_of_quote(session, quote_number=fields["quote_number"])
        assert found is not None
        assert found.id == second.id
    assert shop.order(first.id).external_order_id == f"QUOTE-{fields['quote_number']}/{first.order_number}"


def test_the_agreed_is_not_changed_in_the_order_but_the_rest_of_the_draft_is(shop: Shop) -> None:
    order = made(shop, quoted())
    with shop.session() as session, pytest.raises(NotADraft, match="was made of a quote"):
        sales.update_draft(session, order_id=order.id, changes={"billing_cycle": "annual"})
    with shop.session() as session:
        changed = sales.update_draft(session, order_id=order.id, changes={"customer_phone": "+4930123456"})
        assert changed.total_amount == order.total_amount


def test_a_subdomain_that_cannot_be_is_refused(shop: Shop) -> None:
    with pytest.raises(OrderInvalid, match="reserved"):
        made(shop, quoted(organization_slug="admin"))


def test_quote_and_order_are_one_payable_also_after_the_order_has_failed(shop: Shop) -> None:
    fields = quoted()
    quote = ("quote", str(fields["quote_id"]))
    with shop.session() as session:
        billing.put_payable(
            session,
            source_type=quote[0],
            source_id=quote[1],
            amount=Decimal("378.20"),
            currency="USD",
            description="Quote",
        )
    order = made(shop, fields)
    with shop.session() as session:
        sales.submit_order(session, order_id=order.id, auto_activate=False)
    with shop.session() as session:
        of_order = billing.find_payable(session, source_type="order", source_id=str(order.id))
        of_quote = billing.find_payable(session, source_type=quote[0], source_id=quote[1])
        assert of_order is not None
        assert of_quote is not None
        assert of_order.id == of_quote.id
    with shop.session() as session:
        sales.cancel_order(session, order_id=order.id)
    with shop.session() as session:
        # what is paid for the quote is still owed by whoever accepted it
        assert billing.find_payable(session, source_type=quote[0], source_id=quote[1]) is not None
        assert billing.find_payable(session, source_type="order", source_id=str(order.id)) is None
