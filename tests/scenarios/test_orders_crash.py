"""Worker children that die in the middle of an order."""

from __future__ import annotations

import os
import signal

import pytest

from tests.scenarios.remains import STARTED, remains
from tests.scenarios.shop import CONFIRMED, FAILED, WELCOME, Shop, fresh_slug, set_sequence
from tests.servers import Json, eventually


def kill_who_activates(shop: Shop, order: Json, *, deaths: int = 1) -> None:
    """SIGKILL, again and again, the worker's child that runs the order's test service."""
    for number in range(1, deaths + 1):
        pids = eventually(
            lambda count=number: len(found := shop.call_pids(order, "attempt")) >= count and found,
            what=f"attempt {number} of the activation",
        )
        assert isinstance(pids, list)
        os.kill(pids[-1], signal.SIGKILL)


def effects(shop: Shop, order: Json) -> list[str]:
    """The kinds of the effects that the order's executions had, each as often as it was had."""
    query = """
        SELECT f.kind FROM execution_effects f JOIN workflow_executions e ON e.id = f.execution_id
        WHERE e.correlation_id = :number
        """
    return sorted(row.kind for row in shop.rows(query, number=order["order_number"]))


def test_a_killed_worker_child_costs_an_order_nothing(shop: Shop) -> None:
    set_sequence(
        shop, {"service": "test-alpha", "max_retries": 3}, {"service": "test-beta", "depends_on": ["test-alpha"]}
    )
    flag = fresh_slug()
    order = shop.place(**shop.services("radius-aaa", alpha={"block": flag}, beta={}))
    kill_who_activates(shop, order)
    shop.raise_flag(flag)
    active = shop.over(shop.active(order))
    assert set(shop.activation_states(active).values()) == {"completed"}
    assert shop.calls(active, "attempt") == ["activate_test_alpha", "activate_test_alpha", "activate_test_beta"]
    assert shop.calls(active, "effect") == ["activate_test_alpha", "activate_test_beta"]
    assert effects(shop, active) == [
        "billing_account",
        "deployment",
        "message",
        "notification",
        "radius_realm",
        "subscriber_realm",
        "tenant",
        "test_service",
        "test_service",
    ]
    assert remains(shop.settings, active) == STARTED | {"radius_realms", "radius_nas_clients", "sealed_secrets"}
    assert shop.history(active).count("activating") == 1
    assert shop.subjects(active) == [CONFIRMED, WELCOME]
    assert len(eventually(lambda: shop.notices(order["company_name"]))) == 1
    summary = shop.summary()
    assert (summary["total_processed"], summary["revenue"]["total"]) == (1, active["total_amount"])


@pytest.mark.parametrize("critical", [True, False])
def test_an_activation_that_kills_every_worker_fails_like_any_other(shop: Shop, critical: bool) -> None:
    set_sequence(shop, {"service": "test-alpha", "max_retries": 1, "critical": critical})
    order = shop.place(**shop.services(alpha={"block": fresh_slug()}))
    kill_who_activates(shop, order, deaths=2)
    if critical:
        failed = shop.until(order, "failed")
        assert remains(shop.settings, failed) == set()
        assert shop.subjects(failed) == [CONFIRMED, FAILED]
    else:
        active = shop.over(shop.active(order))
        assert remains(shop.settings, active) == STARTED
        assert "except for Test Alpha" in active["status_message"]
    assert shop.activations(order)["test-alpha"]["error_message"] == "worker lost"
    # what was begun is undone, though nobody lived to say that it was done
    assert (shop.calls(order, "effect"), shop.calls(order, "undo")) == ([], ["activate_test_alpha"])


def test_a_worker_child_killed_while_it_undoes_costs_nothing_either(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-beta"}, {"service": "test-alpha", "depends_on": ["test-beta"]})
    flag = fresh_slug()
    broken = {"fail": 9, "permanent": True}
    order = shop.place(**shop.services(beta={"undo_block": flag}, alpha=broken))
    pids = eventually(lambda: shop.call_pids(order, "undo_attempt"), what="the undo to begin")
    os.kill(pids[-1], signal.SIGKILL)
    shop.raise_flag(flag)
    failed = shop.until(order, "failed")
    assert shop.executions(failed) == [("failed", "done")]
    assert remains(shop.settings, failed) == set()
    assert shop.calls(failed, "undo").count("activate_test_beta") == 1
    assert shop.subjects(failed) == [CONFIRMED, FAILED]
