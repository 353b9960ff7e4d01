"""Drafts: priced, checked, changed, expired; and what the database itself keeps right."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.core import lists
from app.core.clock import now
from app.core.ids import new_id
from app.domains.billing import service as billing
from app.domains.catalog import service as catalog
from app.domains.deployments import service as deployments
from app.domains.sales import service as sales
from app.domains.sales.errors import NotADraft, OrderInvalid, OrderNotFound
from tests.domains.sales.conftest import Shop, new_order, open_shop


def faults(shop: Shop, **changes: Any) -> dict[str, str]:
    with pytest.raises(OrderInvalid) as caught:
        shop.draft(**changes)
    return {fault.pointer: fault.message for fault in caught.value.faults}


def sql(shop: Shop, statement: str, **values: Any) -> None:
    with shop.session() as session:
        session.execute(text(statement), values)


def put(shop: Shop, source: tuple[str, str]) -> billing.Payable:
    with shop.session() as session:
        return billing.put_payable(
            session,
            source_type=source[0],
            source_id=source[1],
            amount=Decimal("348.00"),
            currency="USD",
            description="Order",
        )


def pay(shop: Shop, source: tuple[str, str], *, method: str) -> billing.Payment:
    return billing.take_payment(
        shop.world,
        owner_id=shop.owner_id,
        payable_id=put(shop, source).id,
        requested_by=f"test/{source[1]}",
        payment_method=method,
    )


def test_a_draft_costs_what_its_services_cost(shop: Shop) -> None:
    order = shop.draft()
    assert (order.status, order.total_amount, order.currency) == ("draft", Decimal("348.00"), "USD")
    assert order.execution_id is None
    assert shop.events(order) == ["order.created"]
    with shop.session() as session:
        items = sales.get_order(session, order_id=order.id).items
        assert [(i.service_code, i.name, i.quantity, i.total_amount) for i in items] == [
            ("subscriber-provisioning", "Subscriber Management", 1, Decimal(99)),
            ("billing-invoicing", "Billing & Invoicing", 1, Decimal(249)),
        ]


def test_a_package_and_more_are_ordered_together(shop: Shop) -> None:
    order = shop.draft(
        package_code="starter", selected_services=[{"service_code": "subscriber-provisioning", "quantity": 3}]
    )
    assert order.total_amount == Decimal(3 * 99 + 249)


def test_discount_and_tax_are_summed_from_the_lines(shop: Shop) -> None:
    with shop.session() as session:
        catalog.set_price(
            session,
            service_code="billing-invoicing",
            currency="USD",
            unit_price=Decimal("249.00"),
            annual_discount_percent=Decimal(10),
        )
        session.execute(text("UPDATE tax_rates SET rate = 19"))
    order = shop.draft(billing_cycle="annual")
    assert order.subtotal == Decimal(12 * (99 + 249))
    assert order.discount_amount == Decimal("298.80")
    assert order.tax_amount == Decimal("225.72") + Decimal("510.95")
    assert order.total_amount == order.subtotal - order.discount_amount + order.tax_amount
    assert order.tax_rate == 19


def test_everything_wrong_is_told_at_once(shop: Shop) -> None:
    found = faults(
        shop,
        customer_email="nobody",
        organization_slug="www",
        deployment_region="the-moon",
        selected_services=[
            {"service_code": "teleportation", "quantity": 1},
            {"service_code": "radius-aaa", "quantity": 0},
        ],
    )
    assert found.keys() == {
        "/customer_email",
        "/organization_slug",
        "/deployment_region",
        "/selected_services/0/service_code",
        "/selected_services/1/quantity",
    }
    assert found["/selected_services/0/service_code"] == "“teleportation” is not in the catalogue."


def test_a_missing_dependency_is_refused_by_name(shop: Shop) -> None:
    found = faults(shop, selected_services=[{"service_code": "radius-aaa"}])
    assert found == {"/selected_services": "radius-aaa needs subscriber-provisioning, which is not in the order"}


def test_unknown_currency_package_and_empty_order_are_refused(shop: Shop) -> None:
    assert faults(shop, currency="XXX") == {"/currency": "Nothing is sold in the currency “XXX”."}
    assert "/package_code" in faults(shop, package_code="platinum")
    assert faults(shop, selected_services=[]) == {"/selected_services": "An order has at least one service."}


def test_a_subdomain_that_somebody_has_is_refused(shop: Shop) -> None:
    first = shop.submitted()
    shop.run(first)
    assert faults(shop, organization_slug=first.organization_slug).keys() == {"/organization_slug"}


def test_a_quick_order_is_faulted_in_its_own_words(shop: Shop) -> None:
    with shop.session() as session, pytest.raises(OrderInvalid) as caught:
        sales.quick_order(
            session,
            email="no",
            name="N",
            company="C",
            package_code="platinum",
            organization_slug="www",
            region="mars",
        )
    assert {fault.pointer for fault in caught.value.faults} >= {"/email", "/organization_slug", "/package_code"}


def test_one_external_number_is_one_order_however_often_it_comes(shop: Shop) -> None:
    new = new_order(external_order_id="Q-1")

    def create(_: int) -> int:
        with shop.session() as session:
            return sales.create_order(session, new=new).id

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(create, range(4)))
    assert len(ids) == 1
    assert shop.count("orders", "external_order_id = 'Q-1'") == 1
    assert shop.count("order_items", f"order_id = {ids.pop()}") == 2


def test_order_numbers_are_not_to_be_guessed(shop: Shop) -> None:
    numbers = {shop.draft().order_number for _ in range(3)}
    assert len(numbers) == 3
    with shop.session() as session:
        today = f"{now(session):%Y%m%d}"
    for number in numbers:
        prefix, day, rest = number.split("-")
        assert (prefix, day, len(rest)) == ("ORD", today, 8)


def test_a_draft_that_is_changed_is_priced_anew(shop: Shop) -> None:
    order = shop.draft()
    with shop.session() as session:
        changed = sales.update_draft(
            session,
            order_id=order.id,
            changes={"package_code": "professional", "selected_services": [], "notes": "big"},
        )
        assert (changed.total_amount, len(changed.items), changed.notes) == (Decimal(696), 4, "big")
        assert changed.version > order.version


def test_after_the_draft_only_the_notes_change(shop: Shop) -> None:
    order = shop.submitted(auto_activate=False)
    with shop.session() as session, pytest.raises(NotADraft) as caught:
        sales.update_draft(session, order_id=order.id, changes={"package_code": "starter", "notes": "x"})
    assert [fault.pointer for fault in caught.value.faults] == ["/package_code"]
    with shop.session() as session:
        assert sales.update_draft(session, order_id=order.id, changes={"notes": "x"}).notes == "x"


def test_a_change_that_cannot_be_fulfilled_changes_nothing(shop: Shop) -> None:
    order = shop.draft()
    with pytest.raises(OrderInvalid), shop.session() as session:
        sales.update_draft(session, order_id=order.id, changes={"currency": "XXX", "customer_email": "no"})
    assert shop.order(order.id).currency == "USD"


def test_old_drafts_expire_once_and_nothing_else_does(shop: Shop) -> None:
    old, young, submitted = shop.draft(), shop.draft(), shop.submitted(auto_activate=False)
    with shop.session() as session:
        for order in (old, submitted):
            found = sales.get_order(session, order_id=order.id)
            found.created_at = now(session) - timedelta(days=31)
    for _ in range(2):
        with shop.world.across.transaction() as session:
            sales.expire_drafts(session, days=30)
    assert [shop.order(each.id).status for each in (old, young, submitted)] == ["cancelled", "draft", "submitted"]
    assert shop.order(old.id).status_message == "The order was not submitted in time and has expired."
    assert shop.events(old) == ["order.created", "order.cancelled"]
    assert shop.mails(old) == []


def test_a_draft_that_is_paid_or_being_paid_or_waits_for_its_time_does_not_expire(shop: Shop) -> None:
    paid, pending, quoted, scheduled, unscheduled, asked = (shop.draft() for _ in range(6))
    quote_id = new_id()
    for source, method in ((("order", str(paid.id)), "pm_card_visa"), (("quote", str(quote_id)), "pm_card_visa")):
        pay(shop, source, method=method)
    assert pay(shop, ("order", str(pending.id)), method="pm_card_authenticationRequired").status == "pending"
    put(shop, ("order", str(asked.id)))
    with shop.session() as session:
        for order in (scheduled, unscheduled):
            at = (now(session) + timedelta(days=20)).isoformat()
            plan = deployments.schedule_deployment(session, order_id=order.id, key=f"test/{order.id}", at=at)
        deployments.cancel_scheduled_deployment(session, schedule_id=plan.id)
    sql(shop, "UPDATE orders SET quote_id = :quote WHERE id = :id", quote=quote_id, id=quoted.id)
    sql(shop, "UPDATE orders SET created_at = now() - interval '31 days'")
    with shop.world.across.transaction() as session:
        sales.expire_drafts(session, days=30)
    for order in (paid, pending, quoted, scheduled):
        assert shop.order(order.id).status == "draft"
    for order in (unscheduled, asked):
        assert shop.order(order.id).status == "cancelled"


def test_a_draft_whose_time_has_just_come_is_left_to_what_submits_it(shop: Shop) -> None:
    order = shop.draft()
    with shop.session() as session:
        deployments.schedule_deployment(session, order_id=order.id, key=f"test/{order.id}")
    sql(shop, "UPDATE orders SET created_at = now() - interval '31 days'")
    sql(shop, "UPDATE scheduled_deployments SET state = 'started', started_at = now()")
    for days_ago, status in ((0, "draft"), (31, "cancelled")):
        sql(shop, "UPDATE scheduled_deployments SET started_at = now() - make_interval(days => :days)", days=days_ago)
        with shop.world.across.transaction() as session:
            sales.expire_drafts(session, days=30)
        assert shop.order(order.id).status == status


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET status = 'active' WHERE id = :id",
        "UPDATE orders SET status = 'nonsense' WHERE id = :id",
        "UPDATE order_items SET quantity = 0 WHERE order_id = :id",
        (
            "INSERT INTO orders (order_number, status, customer_email, customer_name, organization_slug, currency, billing_cycle,"
            " source, owner_id) SELECT 'ORD-X', 'active', 'a', 'a', 'a', 'USD', 'monthly', 'internal', owner_id FROM orders"
            " WHERE id = :id"
        ),
    ],
)
def test_the_database_refuses_what_the_rules_refuse(shop: Shop, statement: str) -> None:
    order = shop.draft()
    with pytest.raises(IntegrityError, match=r"cannot become|violates check|begins as a draft"):
        sql(shop, statement, id=order.id)


@pytest.mark.parametrize(
    ("statement", "total"),
    [
        ("UPDATE orders SET subtotal = 1, tax_amount = 1 WHERE id = :id", 348),
        ("UPDATE order_items SET quantity = 2 WHERE order_id = :id AND position = 1", 447),
        ("DELETE FROM order_items WHERE order_id = :id AND position = 2", 99),
        ("UPDATE order_items SET discount_amount = 9, tax_amount = 1 WHERE order_id = :id AND position = 1", 340),
    ],
)
def test_totals_stay_right_under_direct_sql(shop: Shop, statement: str, total: int) -> None:
    order = shop.draft()
    sql(shop, statement, id=order.id)
    after = shop.order(order.id)
    assert after.total_amount == total
    assert after.version > order.version
    assert after.updated_at > order.updated_at


def test_computed_amounts_cannot_be_written(shop: Shop) -> None:
    order = shop.draft()
    with pytest.raises(DBAPIError, match=r"generated column|can only be updated to DEFAULT"):
        sql(shop, "UPDATE orders SET total_amount = 1 WHERE id = :id", id=order.id)


def test_another_owner_sees_and_changes_nothing(shop: Shop) -> None:
    order, other = shop.submitted(auto_activate=False), open_shop(shop.world)
    verbs: list[Callable[..., Any]] = [
        sales.get_order,
        sales.order_to_change,
        sales.submit_order,
        sales.process_order,
        sales.cancel_order,
        sales.retry_activations,
        sales.order_status,
        sales.activation_progress,
        sales.order_history,
    ]
    for verb in verbs:
        with other.session() as session, pytest.raises(OrderNotFound):
            verb(session, order_id=order.id)
    for table in ("orders", "order_items", "order_history", "order_statistics", "service_activations", "messages"):
        assert other.count(table) == 0


def test_the_tenant_of_an_order_reads_it_and_changes_nothing(shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order)
    tenant_id = shop.order(order.id).tenant_id
    assert tenant_id is not None
    own = Shop(shop.world, tenant_id)
    assert len(own.activations(order.id)) == 2
    with own.session() as session:
        assert len(sales.get_order(session, order_id=order.id).items) == 2
    assert own.count("orders") == 1
    assert own.count("order_history") == 0
    with own.session() as session, pytest.raises(OrderNotFound):
        sales.update_draft(session, order_id=order.id, changes={"notes": "mine"})
    with own.session() as session:
        assert session.execute(text("UPDATE orders SET notes = 'mine'")).rowcount == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("rare", [1, lists.RARE])
def test_a_search_finds_own_orders_and_the_one_that_made_the_tenant_newest_first_and_no_others(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    """Also where what is searched for is too frequent to be named by its ids."""
    monkeypatch.setattr(lists, "RARE", rare)
    word, own = f"w_{secrets.token_hex(6)}", open_shop(shop.world)
    made_it, not_it = shop.draft(company_name=word), shop.draft(company_name=word)
    drafts = [own.draft(company_name=f"{word} {n}") for n in range(3)]
    with shop.session() as session:
        session.execute(
            text("UPDATE orders SET tenant_id = :id WHERE id = :order"), {"id": own.owner_id, "order": made_it.id}
        )

    def found(by: Shop, q: str, limit: int = 10) -> list[int]:
        with by.session() as session:
            return [order.id for order in lists.newest(session, sales.list_orders(session, q=q), limit=limit)]

    mine = [*(draft.id for draft in reversed(drafts)), made_it.id]
    assert found(own, word[1:].upper()) == mine
    assert found(own, word, limit=2) == mine[:2]
    assert found(shop, word) == [not_it.id, made_it.id]
    assert found(open_shop(shop.world), word) == []
    assert found(own, word.replace("_", "%")) == found(own, word.replace("_", "x")) == []
