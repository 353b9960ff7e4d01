"""A subscription's next period is offered, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from app.core.errors import NotFound
from app.core.ids import new_id
from app.domains.billing import service as billing
from app.domains.crm import service
from app.domains.crm.errors import NotRenewable, QuoteInvalid, QuoteOrdersNothing
from tests.domains.crm.conftest import Desk


def renewed(desk: Desk, subscription: billing.Subscription, **terms: Any) -> service.Quote:
    wanted = {"key": f"test/{new_id()}", **terms}
    with desk.session() as session:
        return service.create_renewal_quote(session, subscription_id=subscription.id, **wanted)


def test_a_renewal_is_offered_at_the_plan_s_price_until_the_period_ends(desk: Desk) -> None:
    subscription = desk.subscribed()
    quote = renewed(desk, subscription)
    assert (quote.kind, quote.status, quote.lead_id) == ("renewal", "open", None)
    assert (quote.subscription_id, quote.customer_id) == (subscription.id, subscription.customer_id)
    assert quote.valid_until == quote.period_start == subscription.current_period_end
    assert (quote.term_months, quote.total_amount, quote.currency) == (12, Decimal(4176), "USD")
    (item,) = quote.items
    assert (item.product_code, item.quantity) == ("standard", 1)
    assert item.name.startswith("Standard, 12 months from ")
    ((event_type, data),) = desk.events(f"quote/{quote.id}")
    assert (event_type, data["kind"], data["subscription_id"]) == ("quote.created", "renewal", str(subscription.id))


def test_term_discount_and_the_tax_of_the_customer_s_country_are_in_the_price(desk: Desk) -> None:
    with desk.session() as session:
        session.execute(
            text("INSERT INTO tax_rates (id, owner_id, country, rate) VALUES (:id, :owner, 'DE', 19)"),
            {"id": new_id(), "owner": desk.owner_id},
        )
    quote = renewed(desk, desk.subscribed(), term_months=24, discount_percentage=Decimal(10))
    # 8352.00 less 835.20, and 19 % of 7516.80
    assert (quote.subtotal, quote.discount_amount, quote.tax_amount) == (
        Decimal("8352.00"),
        Decimal("835.20"),
        Decimal("1428.19"),
    )
    assert (quote.term_months, quote.discount_percent, quote.tax_rate) == (24, Decimal(10), Decimal(19))
    assert quote.period_start is not None
    assert quote.period_end is not None
    assert quote.period_end.year == quote.period_start.year + 2


def test_a_period_has_one_live_quote_however_many_ask(desk: Desk) -> None:
    subscription = desk.subscribed()
    with ThreadPoolExecutor(4) as pool:
        made = {each.id for each in pool.map(lambda _: renewed(desk, subscription), range(8))}
    assert len(made) == 1
    accepted = desk.accepted(renewed(desk, subscription))
    assert renewed(desk, subscription, discount_percentage=Decimal(50)).id == accepted.id


def test_what_was_withdrawn_or_has_expired_is_offered_anew(desk: Desk) -> None:
    subscription = desk.subscribed()
    first = renewed(desk, subscription, key="step")
    with desk.session() as session:
        service.withdraw_quote(session, quote_id=first.id)
    second = renewed(desk, subscription, key="step")
    assert second.id != first.id
    desk.let_pass(second)
    assert renewed(desk, subscription, key="another").id not in {first.id, second.id}
    assert desk.read_quote(second).status == "expired"


def test_who_cannot_renew_is_told_every_reason_and_offered_nothing(desk: Desk) -> None:
    subscription = desk.subscribed(days_left=200)
    with desk.session() as session:
        billing.cancel_subscription(session, subscription_id=subscription.id, at_period_end=True)
    with pytest.raises(NotRenewable) as refused:
        renewed(desk, subscription)
    assert len(refused.value.faults) == 2
    assert "can be renewed from" in refused.value.message
    assert "was cancelled for the end" in refused.value.message
    assert desk.count("quotes") == 0


def test_a_discount_is_a_percentage(desk: Desk) -> None:
    subscription = desk.subscribed()
    for percent in (Decimal(101), Decimal("0.0001")):
        with pytest.raises(QuoteInvalid) as refused:
            renewed(desk, subscription, discount_percentage=percent)
        assert [fault.pointer for fault in refused.value.faults] == ["/discount_percentage"]


def test_there_is_no_subscription_of_others(desk: Desk) -> None:
    with pytest.raises(NotFound), desk.session() as session:
        service.create_renewal_quote(session, subscription_id=new_id(), key="test")


def test_an_accepted_renewal_is_owed_by_the_customer_and_orders_nothing(desk: Desk) -> None:
    subscription = desk.subscribed()
    quote = desk.accepted(renewed(desk, subscription))
    owed = desk.owed(quote)
    assert owed is not None
    assert (owed.amount, owed.customer_id) == (quote.total_amount, subscription.customer_id)
    with pytest.raises(QuoteOrdersNothing, match=quote.quote_number), desk.session() as session:
        service.create_order_from_quote(session, quote_id=quote.id, key="test")
    assert desk.count("orders") == 0


def test_an_accepted_renewal_taken_back_is_open_again(desk: Desk) -> None:
    quote = desk.accepted(renewed(desk, desk.subscribed()), key="step")
    with desk.session() as session:
        service.undo_acceptance(session, quote_id=quote.id, key="step")
    assert desk.read_quote(quote).status == "open"
    assert desk.owed(quote) is None
