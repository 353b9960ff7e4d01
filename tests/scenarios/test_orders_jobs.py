"""What beat does with orders and subscriptions as time goes by: run here by hand, under a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from app.core.clock import move_to, utc_now
from app.core.world import World
from app.jobs import JOBS
from tests.scenarios.shop import Shop
from tests.servers import Json

Later = Callable[[timedelta], None]


@pytest.fixture
def later(world: World, workers: object) -> Iterator[Later]:
    """Moves business time on, and back again when the test is over. For what no worker has a part in."""

    def move(by: timedelta) -> None:
        with world.across.transaction() as session:
            move_to(session, utc_now() + by)

    yield move
    with psycopg.connect(world.settings.migration_database_url) as connection:
        connection.execute("UPDATE clock_offset SET seconds = 0")


def run(shop: Shop, job: str) -> str:
    return JOBS[job].run(shop.world)


# --- drafts -----------------------------------------------------------------------------------------------------------


def test_drafts_that_nobody_submits_expire(shop: Shop, later: Later) -> None:
    draft, submitted = shop.draft(), shop.place(begin=False)
    days = shop.settings.draft_order_days
    later(timedelta(days=days, minutes=-5))
    run(shop, "expire_draft_orders")
    assert shop.order(draft)["status"] == "draft"
    later(timedelta(days=days, minutes=5))
    young = shop.draft()
    run(shop, "expire_draft_orders")
    run(shop, "expire_draft_orders")
    expired = shop.order(draft)
    assert expired["status"] == "cancelled"
    assert expired["status_message"] == "The order was not submitted in time and has expired."
    assert shop.history(draft) == ["draft", "cancelled"]
    assert shop.events(draft) == ["order.created", "order.cancelled"]
    assert shop.status(draft)["status"] == "cancelled"
    assert shop.call("POST", f"/{draft['id']}/submit", json={}).status_code == 409
    assert (shop.order(submitted)["status"], shop.order(young)["status"]) == ("submitted", "draft")


# --- statistics -------------------------------------------------------------------------------------------------------


def deltas(shop: Shop) -> int:
    return int(shop.rows("SELECT count(*) FROM order_statistics")[0][0])


def test_folded_statistics_say_the_same_in_fewer_rows(shop: Shop) -> None:
    for _ in range(3):
        shop.cancel(shop.draft())
    shop.over(shop.active(shop.place()))
    before, rows = shop.summary(), deltas(shop)
    run(shop, "fold_statistics")
    assert (shop.summary(), deltas(shop) < rows) == (before, True)
    folded = deltas(shop)
    run(shop, "fold_statistics")
    assert (shop.summary(), deltas(shop)) == (before, folded)
    shop.draft()
    assert shop.summary()["orders_by_status"]["draft"] == 1


# --- subscriptions ----------------------------------------------------------------------------------------------------


def subscription(shop: Shop, order: Json) -> tuple[str, list[str]]:
    """The status of an order's subscription, and its events."""
    [row] = shop.rows("SELECT id, status FROM subscriptions WHERE order_id = :id", id=order["id"])
    events = shop.rows(
        "SELECT type FROM outbox WHERE subject = :subject ORDER BY position", subject=f"subscription/{row.id}"
    )
    return row.status, [event.type for event in events]


def test_a_subscription_is_announced_to_end_and_then_ends(shop: Shop, later: Later) -> None:
    order = shop.over(shop.active(shop.place(billing_cycle="annual")))
    created, soon, expired = "subscription.created", "subscription.expiring_soon", "subscription.expired"
    assert subscription(shop, order) == ("active", [created])

    notice = timedelta(days=shop.settings.renewal_notice_days)
    year = timedelta(days=365)
    later(year - notice - timedelta(days=2))
    run(shop, "announce_expiring_subscriptions")
    run(shop, "expire_subscriptions")
    assert subscription(shop, order) == ("active", [created])

    later(year - notice + timedelta(days=1))
    for _ in range(2):
        run(shop, "announce_expiring_subscriptions")
        run(shop, "expire_subscriptions")
    assert subscription(shop, order) == ("expiring", [created, soon])

    later(year + timedelta(days=2))
    for _ in range(2):
        run(shop, "expire_subscriptions")
        run(shop, "announce_expiring_subscriptions")
    assert subscription(shop, order) == ("expired", [created, soon, expired])
