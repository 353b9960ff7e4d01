"""Activations that fail: for a while, for good, critical or not; and orders that get through in the end."""

from __future__ import annotations

from itertools import pairwise

from tests.scenarios.remains import STARTED, remains, tenant_answer
from tests.scenarios.shop import CONFIRMED, FAILED, WELCOME, Shop, fresh_slug, set_sequence, text_of
from tests.servers import Json, eventually

BROKEN = {"fail": 99, "permanent": True}
REASON = "The service Test Alpha could not be activated. Nothing of it remains, and nothing will be charged."


def test_an_activation_that_fails_twice_is_tried_again_after_growing_waits(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha", "max_retries": 3})
    order = shop.active(shop.place(**shop.services(alpha={"fail": 2})))
    activation = shop.activations(order)["test-alpha"]
    assert (activation["activation_status"], activation["retry_count"]) == ("completed", 2)
    assert (activation["success"], activation["error_message"]) == (True, None)
    attempts = shop.call_times(order, "attempt")
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(attempts)]
    assert len(waits) == 2
    assert waits[0] < waits[1]
    assert shop.calls(order, "effect") == ["activate_test_alpha"]
    assert shop.subjects(order) == [CONFIRMED, WELCOME]


def test_while_it_is_tried_again_everybody_can_see_why(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha", "max_retries": 3})
    flag = fresh_slug()
    order = shop.place(**shop.services(alpha={"broken_until": flag}))
    shown = eventually(lambda: seen_retrying(shop, order), what="a failed attempt to be seen")
    assert shown is not None
    assert (shown["activation_status"], shown["retry_count"]) == ("in_progress", 1)
    assert "fails on purpose" in shown["error_message"]
    assert shop.status(order)["status"] == "activating"
    shop.raise_flag(flag)
    shop.active(order)


def seen_retrying(shop: Shop, order: Json) -> Json | None:
    activation = shop.activations(order)["test-alpha"]
    return activation if activation["error_message"] else None


def test_a_critical_activation_that_fails_for_good_undoes_everything_in_reverse(shop: Shop) -> None:
    set_sequence(
        shop,
        {"service": "test-beta"},
        {"service": "test-gamma", "depends_on": ["test-beta"]},
        {"service": "test-alpha", "depends_on": ["test-gamma", "network-monitoring"]},
    )
    wanted = shop.services("radius-aaa", "network-monitoring", beta={}, gamma={}, alpha=BROKEN)
    order = shop.until(shop.place(**wanted), "failed")

    assert remains(shop.settings, order) == set()
    assert tenant_answer(shop.settings, order["organization_slug"]).status_code == 404
    assert order["tenant_id"] is None
    assert shop.activation_states(order) == {
        "subscriber-provisioning": "rolled_back",
        "billing-invoicing": "rolled_back",
        "radius-aaa": "rolled_back",
        "network-monitoring": "rolled_back",
        "test-beta": "rolled_back",
        "test-gamma": "rolled_back",
        "test-alpha": "failed",
    }
    assert shop.calls(order, "effect") == ["activate_test_beta", "activate_test_gamma"]
    # what had begun of the failed one is undone too, and before what it stood on
    assert shop.calls(order, "undo") == ["activate_test_alpha", "activate_test_gamma", "activate_test_beta"]
    undone = undo_order(shop, order)
    assert undone.index("activate_test_beta") < undone.index("activate_billing_invoicing")
    assert undone.index("activate_network_monitoring") < undone.index("activate_radius_aaa")
    assert undone[-3:] == ["activate_subscriber_provisioning", "provision_deployment", "create_tenant"]
    assert shop.executions(order) == [("failed", "done")]


def undo_order(shop: Shop, order: Json) -> list[str]:
    """The steps of an order in the order in which they were undone."""
    query = """
        SELECT v.step_name FROM execution_events v JOIN workflow_executions e ON e.id = v.execution_id
        WHERE e.correlation_id = :number AND v.to_state = 'compensated' ORDER BY v.id
        """
    return [row.step_name for row in shop.rows(query, number=order["order_number"])]


def test_the_customer_is_told_in_words_and_operators_in_detail(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"})
    order = shop.until(shop.place(**shop.services(alpha=BROKEN)), "failed")
    assert order["status_message"] == REASON
    assert shop.status(order)["status_message"] == REASON
    assert shop.subjects(order) == [CONFIRMED, FAILED]
    told = text_of(next(mail for mail in shop.mails(order) if "could not" in str(mail["Subject"])))
    assert " ".join(told.split()).count(REASON) == 1
    assert "0xBAD" not in told
    activation = shop.activations(order)["test-alpha"]
    assert (activation["success"], activation["error_message"]) == (False, "attempt 1 fails on purpose: code 0xBAD")
    [execution] = shop.rows("SELECT error FROM workflow_executions WHERE id = :id", id=order["execution_id"])
    assert execution.error["step"] == "activate_test_alpha"
    assert "0xBAD" in execution.error["message"]
    assert shop.events(order)[-1] == "order.failed"
    assert shop.notices(order["company_name"]) == []
    summary = shop.summary()
    assert (summary["orders_by_status"]["failed"], summary["success_rate"]) == (1, 0)
    assert summary["revenue"]["total"] == 0


def test_what_failed_gets_through_when_it_is_mended_and_processed_again(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"})
    flag = fresh_slug()
    broken = {"broken_until": flag, "permanent": True}
    failed = shop.until(shop.place(**shop.services(alpha=broken)), "failed")
    retry = shop.call("POST", f"/{failed['id']}/activations/retry")
    assert (retry.status_code, retry.content_type) == (409, "application/problem+json")
    assert f"/api/v1/orders/{failed['id']}/process" in retry.get_json()["detail"]

    shop.raise_flag(flag)
    again = shop.process(failed)
    assert again != failed["execution_id"]
    order = shop.over(shop.active(failed))
    assert order["execution_id"] == again
    assert set(shop.activation_states(order).values()) == {"completed"}
    assert remains(shop.settings, order) >= STARTED
    assert tenant_answer(shop.settings, order["organization_slug"]).status_code == 200
    assert shop.executions(order) == [("failed", "done"), ("completed", "none")]
    assert shop.history(order)[-6:] == ["submitted", "validating", "approved", "provisioning", "activating", "active"]
    assert shop.subjects(order) == [CONFIRMED, WELCOME, FAILED]
    summary = shop.summary()
    assert (summary["orders_by_status"]["failed"], summary["orders_by_status"]["active"]) == (0, 1)
    assert (summary["success_rate"], summary["total_processed"]) == (100, 1)


def test_an_order_is_not_processed_again_while_it_is_being_undone(shop: Shop) -> None:
    flag = fresh_slug()
    set_sequence(shop, {"service": "test-beta"}, {"service": "test-alpha", "depends_on": ["test-beta"]})
    order = shop.place(**shop.services(beta={"undo_block": flag}, alpha=BROKEN))
    removing = eventually(
        lambda: "is being removed" in str((now := shop.order(order))["status_message"]) and now,
        what="the rollback to be seen",
    )
    assert isinstance(removing, dict)
    assert removing["status"] == "activating"
    for method, path in (("POST", "/process"), ("POST", "/activations/retry"), ("DELETE", "")):
        assert shop.call(method, f"/{order['id']}{path}").status_code == 409
    shop.raise_flag(flag)
    shop.until(order, "failed")
    assert remains(shop.settings, order) == set()


def test_an_order_is_active_with_a_warning_when_what_failed_is_not_critical(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha", "critical": False}, {"service": "test-beta"})
    flag = fresh_slug()
    broken = {"broken_until": flag, "permanent": True}
    order = shop.active(shop.place(**shop.services(alpha=broken, beta={})))
    assert order["status_message"] == "Your services are ready, except for Test Alpha: we are working on it."
    assert shop.activation_states(order)["test-alpha"] == "failed"
    assert shop.activation_states(order)["test-beta"] == "completed"
    assert tenant_answer(shop.settings, order["organization_slug"]).status_code == 200
    progress = shop.ask("GET", f"/{order['id']}/activations/progress")
    assert (progress["overall_status"], progress["failed"], progress["completed"]) == ("partial", 1, 3)
    assert shop.subjects(order) == [CONFIRMED, WELCOME]

    shop.raise_flag(flag)
    begun = shop.ask("POST", f"/{order['id']}/activations/retry", expect=202)
    assert begun["total_services"] == 4
    mended = eventually(
        lambda: (now := shop.order(order))["status_message"] == "Your services are ready." and now,
        what="the warning to be taken back",
    )
    assert isinstance(mended, dict)
    assert (mended["status"], mended["execution_id"]) == ("active", order["execution_id"])
    assert set(shop.activation_states(order).values()) == {"completed"}
    progress = shop.ask("GET", f"/{order['id']}/activations/progress")
    assert (progress["overall_status"], progress["progress_percent"]) == ("completed", 100)
    assert shop.calls(order, "effect").count("activate_test_beta") == 1
    assert shop.executions(order) == [("completed", "none")]
    assert shop.subjects(order) == [CONFIRMED, WELCOME]
    assert shop.call("POST", f"/{order['id']}/activations/retry").status_code == 409


def test_a_retry_that_fails_again_leaves_the_order_active(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha", "critical": False})
    order = shop.over(shop.active(shop.place(**shop.services(alpha=BROKEN))))
    shop.ask("POST", f"/{order['id']}/activations/retry", expect=202)
    after = shop.over(order)
    assert len(shop.calls(order, "attempt")) == 2
    assert (after["status"], shop.activation_states(order)["test-alpha"]) == ("active", "failed")
    assert after["status_message"] == "Your services are ready, except for Test Alpha: we are working on it."


def test_what_depends_on_a_failed_service_that_is_not_critical_still_runs(shop: Shop) -> None:
    set_sequence(
        shop,
        {"service": "test-alpha", "critical": False},
        {"service": "test-beta", "depends_on": ["test-alpha"]},
    )
    order = shop.active(shop.place(**shop.services(alpha=BROKEN, beta={})))
    assert shop.activation_states(order)["test-beta"] == "completed"


def test_without_rollback_a_failed_order_keeps_what_it_has_until_it_is_processed_again(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"}, rollback_on_failure=False)
    flag = fresh_slug()
    broken = {"broken_until": flag, "permanent": True}
    failed = shop.until(shop.place(**shop.services(alpha=broken)), "failed")
    assert shop.executions(failed) == [("failed", "none")]
    assert remains(shop.settings, failed) >= STARTED
    kept = shop.rows("SELECT id FROM subscriptions WHERE order_id = :id", id=failed["id"])
    shop.raise_flag(flag)
    shop.process(failed)
    order = shop.active(failed)
    assert order["tenant_id"] == failed["tenant_id"]
    assert shop.rows("SELECT id FROM subscriptions WHERE order_id = :id", id=order["id"]) == kept
