"""Statistics: what transitions leave behind adds up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from sqlalchemy import text

from app.domains.sales import service as sales
from tests.domains.sales.conftest import Shop


def summary(shop: Shop) -> sales.Summary:
    with shop.session() as session:
        return sales.summary(session)


def fold(shop: Shop) -> int:
    with shop.world.across.transaction() as session:
        return sales.fold_statistics(session)


def test_without_orders_everything_is_zero(shop: Shop) -> None:
    found = summary(shop)
    assert set(found.orders_by_status) == {status.value for status in sales.Status}
    assert set(found.orders_by_status.values()) == {0}
    assert (found.total, found.success_rate, found.average_processing_seconds) == (0, 0, None)


def test_the_summary_counts_every_state_and_the_revenue_of_active_orders(shop: Shop) -> None:
    active = [shop.submitted(), shop.submitted(selected_services=[{"service_code": "subscriber-provisioning"}])]
    failed = shop.submitted(deployment_type="docker")
    for order in (*active, failed):
        shop.run(order)
    shop.draft()
    found = summary(shop)
    wanted = dict.fromkeys(sales.Status, 0) | {"active": 2, "failed": 1, "draft": 1}
    assert found.orders_by_status == {status.value: count for status, count in wanted.items()}
    assert (found.total, found.average, found.currency) == (Decimal("447.00"), Decimal("223.50"), "USD")
    assert found.by_currency == {"USD": Decimal("447.00")}
    assert found.success_rate == Decimal("66.67")
    assert (found.total_processed, found.successful) == (3, 2)
    assert found.average_processing_seconds is not None


def test_folding_changes_no_total_however_often_it_runs(shop: Shop) -> None:
    for _ in range(3):
        shop.run(shop.submitted())
    before = summary(shop)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fold(shop), range(4)))
    fold(shop)
    assert summary(shop) == before
    keys = "SELECT count(DISTINCT (day, status, currency)) FROM order_statistics"
    with shop.session() as session:
        assert shop.count("order_statistics") == session.execute(text(keys)).scalar_one()


def test_the_statistics_agree_with_the_orders(shop: Shop) -> None:
    orders = [shop.submitted(auto_activate=False), shop.draft(), shop.submitted()]
    shop.run(orders[2])
    with shop.session() as session:
        sales.cancel_order(session, order_id=orders[0].id)
    counted = summary(shop).orders_by_status
    for status in sales.Status:
        assert counted[status.value] == shop.count("orders", f"status = '{status.value}'")
