"""Accounts and numbers, on the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.core.clock import now, utc_now
from app.core.events import OutboxEvent
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import AccountNotFound
from app.domains.billing.models import InvoiceSeries
from app.domains.billing.rules import period_end


def open_for(session, tenant_id, **fields):
    return service.open_account(
        session,
        **{
            "tenant_id": tenant_id,
            "slug": "example-isp",
            "name": "Example ISP Inc.",
            "email": "billing@example.com",
            "currency": "USD",
            "amount": Decimal("348.00"),
            "billing_cycle": "monthly",
            "order_id": 42,
            "service_codes": ["billing-invoicing"],
            **fields,
        },
    )


def told(session, subscription_id):
    return session.scalars(
        select(OutboxEvent.type)
        .where(OutboxEvent.subject == f"subscription/{subscription_id}")
        .order_by(OutboxEvent.position)
    ).all()


def test_opening_twice_finds_the_first(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        first = open_for(session, tenant_id)
    with database.transaction(owner) as session:
        second = open_for(session, tenant_id, amount=Decimal(1))
        assert (second.account.id, second.series.id, second.subscription.id) == (
            first.account.id,
            first.series.id,
            first.subscription.id,
        )
        assert told(session, first.subscription.id) == ["subscription.created"]
    subscription = first.subscription
    assert (subscription.amount, subscription.currency, subscription.status) == (Decimal("348.00"), "USD", "active")
    assert not subscription.renews_automatically
    assert subscription.current_period_end == period_end(
        subscription.current_period_start, months=1, anchor_day=subscription.anchor_day
    )


def test_opening_at_the_same_time_makes_one(database, owner):
    tenant_id = new_id()

    def opened(_):
        with database.transaction(owner) as session:
            return open_for(session, tenant_id).subscription.id

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(opened, range(4)))) == 1


def test_closing_leaves_nothing_and_twice_does_no_harm(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        opened = open_for(session, tenant_id)
    with database.transaction(owner) as session:
        assert service.close_account(session, tenant_id=tenant_id)
        assert not service.close_account(session, tenant_id=tenant_id)
        with pytest.raises(AccountNotFound):
            service.find_account(session, tenant_id=tenant_id)
        assert session.scalar(select(InvoiceSeries).where(InvoiceSeries.id == opened.series.id)) is None
        assert service.subscriptions_of(session, tenant_id=tenant_id) == []
        assert told(session, opened.subscription.id)[-1] == "subscription.cancelled"


def test_an_account_that_has_numbered_invoices_is_kept_closed_and_opens_again(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        first = open_for(session, tenant_id)
        assert service.next_invoice_number(session, tenant_id=tenant_id) == f"INV-EXAMPLEI-{now(session).year}-000001"
    with database.transaction(owner) as session:
        assert service.close_account(session, tenant_id=tenant_id)
        assert not service.close_account(session, tenant_id=tenant_id)
        assert service.find_account(session, tenant_id=tenant_id).status == "closed"
    with database.transaction(owner) as session:
        again = open_for(session, tenant_id)
        assert (again.account.id, again.account.status) == (first.account.id, "open")
        assert again.subscription.id != first.subscription.id
        assert service.next_invoice_number(session, tenant_id=tenant_id) == f"INV-EXAMPLEI-{now(session).year}-000002"


def test_invoice_numbers_have_no_gaps_and_no_doubles(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        open_for(session, tenant_id)

    def number(_):
        with database.transaction(owner) as session:
            return service.next_invoice_number(session, tenant_id=tenant_id)

    with ThreadPoolExecutor(5) as threads:
        numbers = sorted(threads.map(number, range(20)))
    assert numbers == [f"INV-EXAMPLEI-{utc_now().year}-{n:06d}" for n in range(1, 21)]


def test_another_owner_sees_no_account(database, owner):
    tenant_id = new_id()
    with database.transaction(owner) as session:
        open_for(session, tenant_id)
    with database.transaction(new_id()) as session, pytest.raises(AccountNotFound):
        service.find_account(session, tenant_id=tenant_id)
