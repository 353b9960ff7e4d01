"""An order on its way: what each step of its execution makes of it."""

from __future__ import annotations

from tests.domains.sales.conftest import Shop


def test_an_order_becomes_active(shop: Shop) -> None:
    order = shop.submitted()
    done = shop.run(order)
    order = shop.order(order.id)
    print(done, order.status, order.status_message)
    assert order.status == "active"
