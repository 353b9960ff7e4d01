"""A lead's wishes are priced and offered: once as long as that offer is open."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.clock import now
from app.core.ids import OPERATOR_ID
from app.domains.catalog import service as catalog
from app.domains.crm import service
from app.domains.crm.errors import LeadNotQualified, QuoteInvalid
from app.domains.tenants import service as tenants
from tests.domains.crm.conftest import Desk


def test_a_quote_is_over_what_is_wanted_at_the_catalogue_s_prices(desk: Desk) -> None:
    lead = desk.qualified()
    quote = desk.offered(lead)
    assert re.fullmatch(r"QUO-[0-9]{8}-[0-9A-HJKMNP-TV-Z]{8}", quote.quote_number)
    assert (quote.kind, quote.status, quote.lead_id, quote.customer_id) == ("new", "open", lead.id, lead.customer_id)
    assert [(item.position, item.product_code, item.quantity, item.unit_price) for item in quote.items] == [
        (1, "subscriber-provisioning", 2, Decimal(99)),
        (2, "billing-invoicing", 1, Decimal(249)),
    ]
    assert (quote.subtotal, quote.tax_amount, quote.total_amount) == (Decimal(447), Decimal(0), Decimal(447))
    assert (quote.customer_email, quote.customer_name, quote.company_name) == (
        lead.email,
        "Ada Lovelace",
        "Engines Ltd",
    )
    with desk.session() as session:
        assert abs(quote.valid_until - now(session) - timedelta(days=30)) < timedelta(minutes=1)


def test_it_is_told_and_noted(desk: Desk) -> None:
    quote = desk.offered()
    ((event_type, data),) = desk.events(f"quote/{quote.id}")
    assert event_type == "quote.created"
    assert (data["kind"], data["total_amount"], data["currency"]) == ("new", "447.00", "USD")
    assert data["products"][0] == {
        "product_code": "subscriber-provisioning",
        "name": "Subscriber Management",
        "quantity": 2,
    }
    (entry,) = desk.audit(f"quote/{quote.id}")
    assert quote.customer_email not in str(entry.after)


def test_tax_and_discounts_are_per_line(desk: Desk) -> None:
    with desk.session() as session:
        catalog.set_price(
            session,
            service_code="billing-invoicing",
            currency="USD",
            unit_price=Decimal("249.99"),
            annual_discount_percent=Decimal(10),
        )
    desk.sql("UPDATE tax_rates SET rate = 19 WHERE region_code IS NULL AND country IS NULL")
    lead = desk.qualified(wanted_products=[{"product_code": "starter"}], billing_cycle="annual")
    quote = desk.offered(lead, discount_percent=Decimal("12.5"))
    provisioning, invoicing = sorted(quote.items, key=lambda item: item.unit_price)
    # 1188.00 - 148.50, and 19 % of 1039.50
    assert (provisioning.discount_amount, provisioning.tax_amount) == (Decimal("148.50"), Decimal("197.51"))
    # 2999.88 - 299.99 (catalogue) - 337.49 (12.5 % of 2699.89), and 19 % of 2362.40
    assert (invoicing.discount_amount, invoicing.tax_amount) == (Decimal("637.48"), Decimal("448.86"))
    assert quote.total_amount == sum(item.total_amount for item in quote.items)
    assert (quote.discount_percent, quote.tax_rate) == (Decimal("12.5"), Decimal(19))


@pytest.mark.parametrize(
    ("changes", "terms", "pointers"),
    [
        ({}, {"valid_days": 0, "discount_percent": Decimal(101)}, ["/valid_days", "/discount"]),
        ({"wanted_products": [{"product_code": "unknown"}]}, {}, ["/wanted_products/0/product_code"]),
        ({"currency": "CHF"}, {}, ["/currency"]),
        ({"deployment_region": "mars-1"}, {}, ["/deployment_region"]),
        ({"wanted_products": [{"product_code": "radius-aaa"}]}, {}, ["/wanted_products"]),
    ],
)
def test_what_cannot_be_offered_is_named(
    desk: Desk, changes: dict[str, Any], terms: dict[str, Any], pointers: list[str]
) -> None:
    lead = desk.qualified(**changes)
    with pytest.raises(QuoteInvalid) as refused:
        desk.offered(lead, **terms)
    assert [fault.pointer for fault in refused.value.faults] == pointers
    assert desk.count("quotes") == 0


def test_what_nobody_could_write_down_is_not_offered(desk: Desk) -> None:
    with desk.session() as session:
        catalog.set_price(session, service_code="billing-invoicing", currency="USD", unit_price=Decimal(10) ** 12)
    lead = desk.qualified(wanted_products=[{"product_code": "starter", "quantity": 1_000_000}])
    with pytest.raises(QuoteInvalid, match="at most"):
        desk.offered(lead)


def test_a_subdomain_that_is_taken_is_not_offered(desk: Desk) -> None:
    lead = desk.qualified()
    assert lead.organization_slug is not None
    with desk.world.database.transaction(OPERATOR_ID) as session:
        tenants.create_tenant(session, name="Somebody", slug=lead.organization_slug)
    with pytest.raises(QuoteInvalid, match="is taken") as refused:
        desk.offered(lead)
    assert [fault.pointer for fault in refused.value.faults] == ["/organization_slug"]


def test_only_who_is_qualified_or_a_customer_is_offered_something(desk: Desk) -> None:
    with pytest.raises(LeadNotQualified):
        desk.offered(desk.lead())
    lead = desk.qualified()
    with desk.session() as session:
        service.convert_lead(session, lead_id=lead.id, key="test")
    assert desk.offered(lead).status == "open"


def test_asking_again_finds_the_quote_by_what_asked_and_by_what_it_offers(desk: Desk) -> None:
    lead = desk.qualified()
    first = desk.offered(lead, key="step")
    assert desk.offered(lead, key="step", discount_percent=Decimal(50)).id == first.id
    assert desk.offered(lead, key="another step").id == first.id
    other = desk.offered(lead, key="a third", discount_percent=Decimal(5))
    assert other.id != first.id
    assert desk.told(f"quote/{first.id}") == ["quote.created"]


def test_asking_at_the_same_time_makes_one_quote(desk: Desk) -> None:
    lead = desk.qualified()
    with ThreadPoolExecutor(4) as pool:
        made = {each.id for each in pool.map(lambda number: desk.offered(lead, key=str(number)), range(8))}
    assert len(made) == 1


def test_what_was_withdrawn_or_has_expired_is_offered_anew(desk: Desk) -> None:
    lead = desk.qualified()
    first = desk.offered(lead, key="step")
    with desk.session() as session:
        service.withdraw_quote(session, quote_id=first.id)
    second = desk.offered(lead, key="step")
    assert second.id != first.id
    desk.let_pass(second)
    third = desk.offered(lead, key="another step")
    assert third.id not in {first.id, second.id}
    assert desk.read_quote(second).status == "expired"
    assert desk.told(f"quote/{second.id}") == ["quote.created", "quote.expired"]


def test_what_was_offered_stays_when_prices_change(desk: Desk) -> None:
    lead = desk.qualified()
    first = desk.offered(lead)
    with desk.session() as session:
        catalog.set_price(session, service_code="billing-invoicing", currency="USD", unit_price=Decimal(300))
    second = desk.offered(lead)
    assert (desk.read_quote(first).total_amount, second.total_amount) == (Decimal(447), Decimal(498))


@pytest.mark.parametrize(
    "change",
    [
        "status = 'somewhere'",
        "status = 'accepted'",
        "status = 'expired'",
        "kind = 'renewal'",
        "lead_id = NULL",
        "customer_id = NULL",
        "discount_amount = subtotal + 1",
        "discount_percent = 101",
    ],
)
def test_the_database_refuses_what_no_quote_can_be(desk: Desk, change: str) -> None:
    quote = desk.offered()
    with pytest.raises(IntegrityError):
        desk.sql(f"UPDATE quotes SET {change} WHERE id = :id", id=quote.id)


def test_an_open_quote_may_be_valid_for_longer(desk: Desk) -> None:
    quote = desk.offered()
    until = quote.valid_until + timedelta(days=30)
    with desk.session() as session:
        changed = service.update_quote(session, quote_id=quote.id, changes={"valid_until": until, "notes": "asked"})
        assert (changed.valid_until, changed.notes) == (until, "asked")
        with pytest.raises(QuoteInvalid):
            service.update_quote(session, quote_id=quote.id, changes={"valid_until": now(session)})
        with pytest.raises(QuoteInvalid):
            service.update_quote(session, quote_id=quote.id, changes={"total_amount": 1})
