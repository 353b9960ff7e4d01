"""Invoice numbers: each series by the year, without gaps or doubles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.core.clock import now
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.rules.numbering import missing, read


@pytest.fixture
def bill(database, owner, subscribe):
    """A function that bills a customer's new subscription."""

    def make(_=None):
        subscription = subscribe()
        with database.transaction(owner) as session:
            return service.bill_period(
                session,
                subscription=subscription,
                period_start=subscription.current_period_start,
                period_end=subscription.current_period_end,
            )

    return make


@pytest.fixture
def account(database, owner):
    """A tenant with a billing account."""
    tenant_id = new_id()
    with database.transaction(owner) as session:
        service.open_account(
            session,
            tenant_id=tenant_id,
            slug="example-isp",
            name="Example ISP Inc.",
            email="billing@example.com",
            currency="USD",
            amount=Decimal(348),
            billing_cycle="monthly",
        )
    return tenant_id


def test_the_owner_has_a_series_of_its_own(bill, database, owner):
    numbers = [bill().invoice_number for _ in range(3)]
    with database.transaction(owner) as session:
        year = now(session).year
    assert [read(number)[1].number for number in numbers] == [1, 2, 3]
    assert {read(number)[1].year for number in numbers} == {year}
    assert len({read(number)[0] for number in numbers}) == 1


def test_at_once_there_are_neither_gaps_nor_doubles(bill):
    bill()
    with ThreadPoolExecutor(4) as threads:
        places = [read(invoice.invoice_number)[1] for invoice in threads.map(bill, range(12))]
    assert len(set(places)) == 12
    assert sorted(place.number for place in places) == list(range(2, 14))


def test_what_is_rolled_back_leaves_no_gap(bill, database, owner, subscribe):
    first = bill()
    subscription = subscribe()
    with pytest.raises(ZeroDivisionError), database.transaction(owner) as session:
        service.bill_period(
            session,
            subscription=subscription,
            period_start=subscription.current_period_start,
            period_end=subscription.current_period_end,
        )
        1 / 0  # noqa: B018
    places = [read(each.invoice_number)[1] for each in (first, bill())]
    assert missing(places) == []


def test_a_tenant_s_account_has_its_own_series_and_each_year_begins_at_1(clock, database, owner, account):
    def number():
        with database.transaction(owner) as session:
            return service.next_invoice_number(session, tenant_id=account)

    clock(datetime(2026, 12, 31, 23, 59, 0, tzinfo=UTC))
    assert [number(), number()] == ["INV-EXAMPLEI-2026-000001", "INV-EXAMPLEI-2026-000002"]
    clock(datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert number() == "INV-EXAMPLEI-2027-000001"
    clock(datetime(2026, 12, 31, 12, 0, 0, tzinfo=UTC))
    assert number() == "INV-EXAMPLEI-2027-000002"
