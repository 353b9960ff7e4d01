"""An accepted quote becomes an order, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from app.core.ids import OPERATOR_ID, new_id
from app.domains.billing import service as billing
from app.domains.crm import service
from app.domains.crm.errors import QuoteNotAccepted
from app.domains.sales import service as sales
from app.domains.sales.errors import OrderInvalid
from app.domains.tenants import service as tenants
from tests.domains.crm.conftest import ADDRESS, Desk


def order(desk: Desk, quote: service.Quote, *, key: str = "test") -> sales.Order:
    with desk.session() as session:
        return service.create_order_from_quote(session, quote_id=quote.id, key=key)[1]


def read(desk: Desk, made: sales.Order) -> sales.Order:
    with desk.session() as session:
        return sales.get_order(session, order_id=made.id)


def test_the_order_is_what_was_agreed_at_the_price_that_was_agreed(desk: Desk) -> None:
    lead = desk.qualified(phone="030 1234567")
    quote = desk.accepted(desk.offered(lead, discount_percent=Decimal(10)))
    desk.sql("UPDATE prices SET unit_price = 1")
    made = read(desk, order(desk, quote))
    assert (made.status, made.source, made.external_order_id) == ("draft", "crm_quote", f"QUOTE-{quote.quote_number}")
    assert (made.total_amount, made.currency, made.billing_cycle) == (quote.total_amount, "USD", "monthly")
    assert [(item.service_code, item.quantity, item.unit_price, item.discount_amount) for item in made.items] == [
        (item.product_code, item.quantity, item.unit_price, item.discount_amount) for item in quote.items
    ]
    assert (made.customer_email, made.customer_name, made.company_name) == (lead.email, "Ada Lovelace", "Engines Ltd")
    assert (made.customer_phone, made.organization_slug, made.deployment_region) == (
        "+49301234567",
        lead.organization_slug,
        "us-east-1",
    )
    assert made.billing_address == ADDRESS
    assert desk.read_quote(quote).order_id == made.id


def test_quote_and_order_are_one_payable(desk: Desk) -> None:
    quote = desk.accepted()
    made = order(desk, quote)
    with desk.session() as session:
        of_order = billing.find_payable(session, source_type="order", source_id=str(made.id))
    owed = desk.owed(quote)
    assert owed is not None
    assert of_order is not None
    assert of_order.id == owed.id
    assert desk.count("payables") == 1


def test_the_second_call_returns_the_same_order(desk: Desk) -> None:
    quote = desk.accepted()
    first = order(desk, quote)
    assert order(desk, quote, key="another").id == first.id
    assert desk.count("orders") == 1


def test_many_at_once_make_one_order_and_one_of_them_has_made_it(desk: Desk) -> None:
    quote = desk.accepted()

    def ordered(number: int) -> tuple[int, bool]:
        with desk.session() as session:
            found, made = service.create_order_from_quote(session, quote_id=quote.id, key=str(number))
            return made.id, found.ordered_for == str(number)

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(ordered, range(8)))
    assert len({order_id for order_id, _ in told}) == 1
    assert sum(is_own for _, is_own in told) == 1
    assert desk.count("orders") == 1


def test_a_cancelled_order_makes_room_for_another_under_the_same_payable(desk: Desk) -> None:
    quote = desk.accepted()
    first = order(desk, quote)
    with desk.session() as session:
        sales.cancel_order(session, order_id=first.id)
    second = order(desk, quote)
    assert second.id != first.id
    owed = desk.owed(quote)
    assert owed is not None
    assert (owed.status, desk.count("payables")) == ("open", 1)


@pytest.mark.parametrize("status", ["open", "withdrawn"])
def test_only_what_was_accepted_is_ordered(desk: Desk, status: str) -> None:
    quote = desk.offered()
    if status == "withdrawn":
        with desk.session() as session:
            service.withdraw_quote(session, quote_id=quote.id)
    with pytest.raises(QuoteNotAccepted, match=f"is {status}"):
        order(desk, quote)
    assert desk.count("orders") == 0


def test_who_has_not_asked_for_a_subdomain_gets_one_by_the_company_s_name(desk: Desk) -> None:
    company = f"Größe {new_id().hex[-12:]} GmbH"
    slug = f"groesse-{company.split()[1]}-gmbh"
    with desk.world.database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name="Somebody", slug=slug)
    quote = desk.accepted(desk.offered(desk.qualified(organization_slug=None, company_name=company)))
    assert order(desk, quote).organization_slug == f"{slug}-2"


def test_a_subdomain_that_somebody_else_got_meanwhile_is_named(desk: Desk) -> None:
    quote = desk.accepted()
    assert quote.organization_slug is not None
    with desk.world.database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name="Somebody", slug=quote.organization_slug)
    with pytest.raises(OrderInvalid, match="is taken"):
        order(desk, quote)
    assert desk.read_quote(quote).order_id is None
