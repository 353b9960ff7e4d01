"""Orders cancelled in each of their states."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.scenarios.holding import insert_of_slug, provisioner, table, until_somebody_waits
from tests.scenarios.remains import STARTED, remains
from tests.scenarios.shop import CANCELLED, CONFIRMED, FAILED, Shop, fresh_slug, set_sequence
from tests.servers import Json

REMOVING = "Your order is being cancelled. What was already set up is being removed."
CANCELLED_MESSAGE = "Your order has been cancelled."


def cancelled_after_rollback(shop: Shop, order: Json) -> Json:
    """The order once it is cancelled: nothing is left, and the customer was told once."""
    done = shop.until(order, "cancelled")
    assert done["status_message"] == CANCELLED_MESSAGE
    assert remains(shop.settings, done) == set()
    assert shop.events(done)[-1] == "order.cancelled"
    assert shop.subjects(done) == [CONFIRMED, CANCELLED]
    assert shop.call("DELETE", f"/{order['id']}").status_code == 409
    assert shop.subjects(done) == [CONFIRMED, CANCELLED]
    return done


def test_a_draft_is_cancelled_at_once(shop: Shop) -> None:
    order = shop.cancel(shop.draft())
    assert (order["status"], order["execution_id"]) == ("cancelled", None)
    assert shop.history(order) == ["draft", "cancelled"]
    assert shop.mails(order) == []


def test_what_is_submitted_and_not_begun_is_cancelled_at_once(shop: Shop) -> None:
    order = shop.cancel(shop.place(begin=False))
    assert order["status"] == "cancelled"
    assert shop.executions(order) == [("cancelled", "none")]
    assert set(shop.activation_states(order).values()) == {"skipped"}
    cancelled_after_rollback(shop, order)
    assert shop.call("POST", f"/{order['id']}/process").status_code == 409


def test_an_order_is_cancelled_while_it_is_validated(shop: Shop) -> None:
    submitted = shop.place(begin=False)
    with table(shop.settings, "deployment_templates"):
        shop.process(submitted)
        order = shop.until(submitted, "validating")
        assert shop.cancel(order)["status_message"] == REMOVING
    cancelled_after_rollback(shop, order)
    assert shop.executions(order) == [("cancelled", "none")]
    assert shop.history(order) == ["draft", "submitted", "validating", "cancelled"]


def test_an_approved_order_is_cancelled_while_its_tenant_is_made(shop: Shop) -> None:
    draft = shop.draft()
    with ThreadPoolExecutor() as threads:
        with insert_of_slug(shop.settings, draft["organization_slug"]):
            order = shop.until(shop.submit(draft), "approved")
            answer = threads.submit(shop.call, "DELETE", f"/{order['id']}")
            # the step has the order's row, the cancel has the execution's: neither may wait for the other for ever
            until_somebody_waits(shop.settings, "SELECT orders.id%")
        assert answer.result(timeout=30).status_code == 200
    cancelled_after_rollback(shop, order)
    assert shop.executions(order) == [("cancelled", "done")]


def test_an_order_is_cancelled_while_it_is_provisioned(shop: Shop) -> None:
    draft = shop.draft()
    with provisioner(shop.settings, draft["organization_slug"]):
        order = shop.until(shop.submit(draft), "provisioning")
        assert shop.cancel(order)["status"] == "provisioning"
        assert shop.call("DELETE", f"/{order['id']}").status_code == 409
        assert shop.status(order)["status_message"] == REMOVING
    cancelled_after_rollback(shop, order)
    assert set(shop.activation_states(order).values()) == {"skipped"}
    assert shop.executions(order) == [("cancelled", "done")]


def test_an_order_is_cancelled_while_its_services_are_activated(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"}, {"service": "test-beta", "depends_on": ["test-alpha"]})
    flag = fresh_slug()
    order = shop.place(**shop.services(alpha={"block": flag}, beta={}))
    shop.until_at_work(order, "test-alpha")
    assert remains(shop.settings, order) == STARTED
    assert shop.cancel(order)["status"] == "activating"
    shop.raise_flag(flag)
    cancelled_after_rollback(shop, order)
    assert shop.activation_states(order) == {
        "subscriber-provisioning": "rolled_back",
        "billing-invoicing": "rolled_back",
        "test-alpha": "rolled_back",
        "test-beta": "skipped",
    }
    assert (shop.calls(order, "effect"), shop.calls(order, "undo")) == (["activate_test_alpha"],) * 2
    assert shop.summary()["orders_by_status"]["cancelled"] == 1


def test_a_cancel_while_an_activation_is_tried_again_does_not_wait_for_its_retries(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha", "max_retries": 20})
    order = shop.place(**shop.services(alpha={"fail": 99}))
    shop.until_at_work(order, "test-alpha")
    shop.cancel(order)
    cancelled_after_rollback(shop, order)
    assert len(shop.calls(order, "attempt")) < 4


def test_a_failed_order_is_cancelled_at_once(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"})
    broken = shop.services(alpha={"fail": 9, "permanent": True})
    failed = shop.until(shop.place(**broken), "failed")
    order = shop.cancel(failed)
    assert (order["status"], shop.history(order)[-2:]) == ("cancelled", ["failed", "cancelled"])
    assert shop.subjects(order) == [CONFIRMED, FAILED, CANCELLED]
    assert remains(shop.settings, order) == set()
    assert shop.call("POST", f"/{order['id']}/process").status_code == 409
    summary = shop.summary()["orders_by_status"]
    assert (summary["failed"], summary["cancelled"]) == (0, 1)


def test_an_active_order_is_not_cancelled(shop: Shop) -> None:
    order = shop.over(shop.active(shop.place()))
    refused = shop.call("DELETE", f"/{order['id']}")
    assert (refused.status_code, refused.content_type) == (409, "application/problem+json")
    assert shop.order(order)["status"] == "active"
    assert remains(shop.settings, order) == STARTED


def test_the_reason_of_a_cancel_is_kept(shop: Shop) -> None:
    order = shop.place(begin=False)
    shop.ask("DELETE", f"/{order['id']}?reason=moved%20away")
    assert shop.ask("GET", f"/{order['id']}/history")[-1]["reason"] == "moved away"
    with psycopg.connect(shop.settings.migration_database_url) as connection:
        query = "SELECT reason FROM audit_log WHERE object = %s AND action = 'order.cancelled'"
        assert connection.execute(query, (f"order/{order['id']}",)).fetchall() == [("moved away",)]
