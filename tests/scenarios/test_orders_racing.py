"""The same thing wanted twice, one after the other and at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.core.ids import new_id
from tests.scenarios.holding import provisioner
from tests.scenarios.remains import STARTED, remains, tenant_answer
from tests.scenarios.shop import CONFIRMED, FAILED, PUBLIC, WELCOME, Shop, fresh_slug, order_document
from tests.servers import Json

Call = Callable[[], TestResponse]


def at_once(*calls: Call) -> list[TestResponse]:
    """What these calls answer when they begin together."""
    barrier = Barrier(len(calls))

    def begin(call: Call) -> TestResponse:
        barrier.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(begin, calls))


def statuses(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def orders_of(shop: Shop, email: str) -> list[Json]:
    found: list[Json] = shop.ask("GET", f"?customer_email={email}")
    return found


# --- one slug ---------------------------------------------------------------------------------------------------------


def test_of_two_orders_for_one_subdomain_one_gets_it_and_the_other_is_told(shop: Shop) -> None:
    slug = fresh_slug()
    wanted: dict[str, Any] = {"organization_slug": slug}
    orders = [
        shop.place(begin=False, customer_email=f"{n}-{slug}@example.com", company_name=f"{n} {slug}", **wanted)
        for n in ("one", "two")
    ]
    at_once(*(lambda each=order: shop.call("POST", f"/{each['id']}/process") for order in orders))
    ended = [shop.over(shop.until(order, "active", "failed")) for order in orders]
    [winner] = [order for order in ended if order["status"] == "active"]
    [loser] = [order for order in ended if order["status"] == "failed"]
    assert loser["status_message"] == f"The subdomain “{slug}” is taken."
    assert loser["tenant_id"] is None
    assert winner["company_name"] in tenant_answer(shop.settings, slug).text
    assert remains(shop.settings, winner) == STARTED
    assert shop.subjects(winner) == [CONFIRMED, WELCOME]
    assert shop.subjects(loser) == [CONFIRMED, FAILED]

    again = shop.process(loser)  # it is still taken: the winner keeps everything
    refused = shop.over(shop.until(loser, "failed"))
    assert refused["execution_id"] == again
    assert remains(shop.settings, winner) == STARTED


def test_who_loses_after_validation_leaves_what_the_winner_has(shop: Shop) -> None:
    slug = fresh_slug()
    first = shop.draft(organization_slug=slug)
    second = shop.draft(organization_slug=slug, customer_email=f"second-{slug}@example.com")
    with provisioner(shop.settings, slug):
        shop.until(shop.submit(first), "provisioning")
        loser = shop.until(shop.submit(second), "failed")
    assert loser["status_message"] == f"The subdomain “{slug}” is taken."
    assert remains(shop.settings, shop.active(first)) == STARTED


# --- one order --------------------------------------------------------------------------------------------------------


def test_the_same_post_twice_with_one_key_is_one_order(operator: Shop) -> None:
    document, key = order_document(), {"Idempotency-Key": str(new_id())}
    first, second = (operator.client.post(PUBLIC, json=document, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.get_data() == first.get_data()
    assert second.headers["Location"] == first.headers["Location"]
    assert len(orders_of(operator, document["customer_email"])) == 1
    other = operator.client.post(PUBLIC, json=order_document(), headers=key)
    assert (other.status_code, other.content_type) == (422, "application/problem+json")


def test_the_same_post_at_once_with_one_key_is_one_order(operator: Shop) -> None:
    document, key = order_document(), {"Idempotency-Key": str(new_id())}
    post = lambda: operator.client.application.test_client().post(PUBLIC, json=document, headers=key)  # noqa: E731
    answers = at_once(post, post, post, post)
    made = [answer for answer in answers if answer.status_code == 201]
    assert made
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.get_data() for answer in made}) == 1
    assert len(orders_of(operator, document["customer_email"])) == 1
    assert post().get_data() == made[0].get_data()


def test_without_a_key_the_same_post_twice_is_two_orders(operator: Shop) -> None:
    document = order_document()
    assert [operator.client.post(PUBLIC, json=document).status_code for _ in range(2)] == [201, 201]
    assert len(orders_of(operator, document["customer_email"])) == 2


def test_one_external_number_is_one_order_also_at_once(shop: Shop) -> None:
    document = order_document(external_order_id="PO-1", source="crm_quote")
    post = lambda: shop.call("POST", "", json=document)  # noqa: E731
    answers = at_once(post, post, post)
    assert statuses(answers) == [201, 201, 201]
    assert len({answer.get_json()["id"] for answer in answers}) == 1


# --- one execution ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyed", [False, True])
def test_submitted_twice_at_once_it_has_one_execution(shop: Shop, keyed: bool) -> None:
    draft = shop.draft()
    key = {"Idempotency-Key": str(new_id())} if keyed else {}
    submit = lambda: shop.call(  # noqa: E731
        "POST", f"/{draft['id']}/submit", json={"auto_activate": True}, headers=key
    )
    answers = at_once(submit, submit, submit)
    assert statuses(answers)[0] == 202
    assert {answer.status_code for answer in answers} <= {202, 409}
    if not keyed:
        assert statuses(answers) == [202, 409, 409]
    order = shop.over(shop.active(draft))
    assert shop.executions(order) == [("completed", "none")]
    assert shop.subjects(order) == [CONFIRMED, WELCOME]
    assert shop.call("POST", f"/{draft['id']}/submit", json={}).status_code == 409


def test_processed_twice_at_once_it_is_begun_once(shop: Shop) -> None:
    order = shop.place(begin=False)
    process = lambda: shop.call("POST", f"/{order['id']}/process")  # noqa: E731
    assert statuses(at_once(process, process, process)) == [202, 409, 409]
    shop.over(shop.active(order))
    assert shop.executions(order) == [("completed", "none")]
    assert shop.history(order).count("validating") == 1


def test_processed_again_twice_at_once_it_has_one_new_execution(shop: Shop) -> None:
    draft = shop.draft()
    (shop.settings.var_dir / "tenants" / draft["organization_slug"] / "tenant.json").mkdir(parents=True)
    failed = shop.until(shop.submit(draft), "failed")
    process = lambda: shop.call("POST", f"/{failed['id']}/process")  # noqa: E731
    assert statuses(at_once(process, process, process)) == [202, 409, 409]
    shop.over(shop.active(failed))
    assert shop.executions(failed) == [("failed", "done"), ("completed", "none")]


def test_cancelled_and_processed_at_once_it_is_one_or_the_other(shop: Shop) -> None:
    order = shop.place(begin=False)
    process = lambda: shop.call("POST", f"/{order['id']}/process")  # noqa: E731
    cancel = lambda: shop.call("DELETE", f"/{order['id']}")  # noqa: E731
    processed, cancelled = at_once(process, cancel)
    assert {processed.status_code, cancelled.status_code} <= {200, 202, 409}
    ended = shop.over(shop.until(order, "active", "cancelled"))
    if cancelled.status_code == 200:
        assert ended["status"] == "cancelled"
        assert remains(shop.settings, ended) == set()
    else:
        assert ended["status"] == "active"
        assert remains(shop.settings, ended) == STARTED
