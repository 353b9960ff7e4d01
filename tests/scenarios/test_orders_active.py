"""Orders that become active services: placed, submitted, followed, told, counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from app.adapters.bus.redis_streams import STREAM
from tests.scenarios.remains import STARTED, remains, tenant_answer
from tests.scenarios.shop import (
    CONFIRMED,
    PUBLIC,
    STARTER,
    WELCOME,
    Shop,
    fresh_slug,
    order_document,
    set_sequence,
    text_of,
)
from tests.servers import Json, eventually

STANDARD = {
    "subscriber-provisioning": (),
    "billing-invoicing": ("subscriber-provisioning",),
    "radius-aaa": ("subscriber-provisioning",),
    "network-monitoring": ("radius-aaa",),
    "analytics-reporting": ("billing-invoicing", "network-monitoring"),
    "automation-workflows": ("subscriber-provisioning",),
}
PACKAGES = {
    "starter": (348, STARTER),
    "professional": (696, (*STARTER, "radius-aaa", "network-monitoring")),
    "enterprise": (894, tuple(STANDARD)),
}
LEFT_BY = {
    "radius-aaa": {"radius_realms", "radius_nas_clients", "sealed_secrets"},
    "network-monitoring": {"monitoring_targets", "monitoring_checks"},
    "analytics-reporting": {"report_sets"},
    "automation-workflows": {"enabled_triggers"},
}


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def placed(operator: Shop, path: str, document: Json) -> Json:
    """An order of a customer, as staff see it."""
    response = operator.client.post(f"{PUBLIC}{path}", json=document)
    assert response.status_code == 201, response.get_data(as_text=True)
    order: Json = operator.order(response.get_json())
    return order


@pytest.mark.parametrize("package", PACKAGES)
def test_an_order_by_the_public_api_becomes_an_active_service(operator: Shop, package: str) -> None:
    total, services = PACKAGES[package]
    slug = fresh_slug()
    if package == "starter":
        draft = placed(operator, "", order_document(organization_slug=slug))
    else:
        document = {
            "email": f"{slug}@example.com",
            "name": "John Smith",
            "company": f"Example {slug}",
            "package_code": package,
            "billing_cycle": "monthly",
            "region": "eu-west-1",
            "organization_slug": slug,
        }
        draft = placed(operator, "/quick", document)
    assert (draft["status"], draft["total_amount"]) == ("draft", total)

    assert operator.submit(draft)["status"] == "submitted"
    order = operator.active(draft)

    assert operator.activation_states(order) == dict.fromkeys(services, "completed")
    activations = operator.activations(order)
    for code in services:
        needed = [activations[other] for other in STANDARD[code]]
        assert activations[code]["depends_on"] == list(STANDARD[code])
        assert all(at(each["completed_at"]) <= at(activations[code]["started_at"]) for each in needed)

    answer = tenant_answer(operator.settings, slug)
    assert (answer.status_code, f"Example {slug}" in answer.text) == (200, True)
    expected = STARTED.union(*(LEFT_BY.get(code, set()) for code in services))
    assert remains(operator.settings, order) == expected
    shown = operator.status(order)
    assert (shown["status"], shown["progress_percent"]) == ("active", 100)
    assert shown["activation_url"] == f"http://{slug}.localhost"


def test_what_does_not_depend_on_each_other_is_at_work_at_the_same_time(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"}, {"service": "test-beta"})
    meeting = shop.services(alpha={"meet": "activate_test_beta"}, beta={"meet": "activate_test_alpha"})
    order = shop.active(shop.place(**meeting))
    alpha, beta = (shop.activations(order)[code] for code in ("test-alpha", "test-beta"))
    assert at(alpha["started_at"]) < at(beta["completed_at"])
    assert at(beta["started_at"]) < at(alpha["completed_at"])
    assert len(set(shop.call_pids(order, "effect"))) == 2


def test_an_order_goes_through_its_states_with_their_times_and_events(shop: Shop) -> None:
    order = shop.active(shop.place())
    states = ["draft", "submitted", "validating", "approved", "provisioning", "activating", "active"]
    assert shop.history(order) == states
    assert shop.events(order) == [
        "order.created",
        *(f"order.{state}" for state in states[1:-1]),
        "order.completed",
    ]
    times = ["created_at", "submitted_at", "approved_at", "provisioning_started_at", "activated_at"]
    moments = [at(order[name]) for name in times]
    assert moments == sorted(moments)
    assert order["processing_seconds"] == pytest.approx((moments[-1] - moments[1]).total_seconds(), abs=0.002)


def test_events_of_an_order_reach_the_stream_in_order(shop: Shop) -> None:
    order = shop.active(shop.place())
    subject = f"order/{order['id']}"

    def published() -> list[Json] | None:
        entries: Any = shop.world.redis.xrange(STREAM)
        found = [json.loads(fields[b"event"]) for _, fields in entries if fields[b"subject"].decode() == subject]
        return found if any(event["type"] == "order.completed" for event in found) else None

    events = eventually(published, what="the events to be published")
    assert events is not None
    assert [event["type"] for event in events if event["type"].startswith("order.")] == shop.events(order)
    assert {event["type"] for event in events} >= {"service.activated"}
    last = next(event for event in events if event["type"] == "order.completed")
    assert last["tenantid"] == str(shop.owner_id)
    assert last["data"]["activation_url"] == order["activation_url"]
    assert len({event["id"] for event in events}) == len(events)


def test_customer_and_operations_are_told(shop: Shop) -> None:
    order = shop.active(shop.place())
    confirmation, welcome = sorted(shop.mails(order), key=lambda mail: "Welcome" in str(mail["Subject"]))
    assert shop.subjects(order) == [CONFIRMED, WELCOME]
    assert "348.00 USD" in text_of(confirmation)
    assert order["order_number"] in text_of(confirmation)
    assert order["activation_url"] in text_of(welcome)
    notices = eventually(lambda: shop.notices(order["company_name"]), what="the notice to operations")
    assert [str(notice["Subject"]) for notice in notices] == [f"New Tenant Deployed: {order['company_name']}"]
    assert f"Order {order['order_number']} completed." in text_of(notices[0])


def test_progress_is_streamed_until_the_order_is_active(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"})
    flag = fresh_slug()
    draft = shop.draft(**shop.services(alpha={"block": flag}))
    stream = shop.client.get(f"{PUBLIC}/{draft['order_number']}/events")
    assert stream.content_type.startswith("text/event-stream")
    seen = follow(stream.iter_encoded())
    states = [next(seen)]
    shop.submit(draft)
    for state in seen:
        states.append(state)
        if state["status"] == "activating":
            shop.raise_flag(flag)
    assert (states[0]["status"], states[-1]["status"]) == ("draft", "active")
    assert "activating" in {state["status"] for state in states}
    percents = [state["progress_percent"] for state in states]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert [state["activation_url"] is None for state in states] == [True] * (len(states) - 1) + [False]


def follow(chunks: Iterator[bytes]) -> Iterator[Json]:
    """The states of a stream until it says that nothing follows."""
    for chunk in chunks:
        for event in chunk.decode().strip().split("\n\n"):
            if event.startswith("event: end"):
                return
            data = [line.removeprefix("data: ") for line in event.splitlines() if line.startswith("data: ")]
            if data:
                yield json.loads(data[0])
    raise AssertionError("the stream broke off")


def test_a_service_that_needs_no_deployment_gets_none(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha", "depends_on": []})
    wanted = shop.services(base=(), alpha={})
    order = shop.active(shop.place(deployment_type="none", **wanted))
    assert shop.activation_states(order) == {"test-alpha": "completed"}
    assert remains(shop.settings, order) == {"tenant", "deployment_instance", "effects"}
    assert shop.subjects(order) == [CONFIRMED, WELCOME]


def test_the_summary_counts_exactly(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"})
    monthly = shop.active(shop.place())
    annual = shop.active(shop.place(billing_cycle="annual"))
    broken = shop.services(alpha={"fail": 9, "permanent": True})
    failed = shop.until(shop.place(**broken), "failed")
    shop.cancel(shop.draft())
    shop.draft()
    assert shop.summary() == {
        "orders_by_status": {
            **dict.fromkeys(("submitted", "validating", "approved", "provisioning", "activating"), 0),
            "draft": 1,
            "active": 2,
            "failed": 1,
            "cancelled": 1,
        },
        "revenue": {
            "total": 348 + 12 * 348,
            "average": (348 + 12 * 348) / 2,
            "currency": "USD",
            "by_currency": {"USD": 348 + 12 * 348},
        },
        "success_rate": 66.67,
        "total_processed": 3,
        "successful": 2,
        "average_processing_seconds": pytest.approx(
            (monthly["processing_seconds"] + annual["processing_seconds"]) / 2, abs=0.006
        ),
    }
    assert failed["total_amount"] == 358


def test_a_second_order_is_estimated_by_the_first(shop: Shop) -> None:
    set_sequence(shop, {"service": "test-alpha"})
    shop.active(shop.place(**shop.services(alpha={})))
    flag = fresh_slug()
    order = shop.place(**shop.services(alpha={"block": flag}))
    assert shop.status(order)["estimated_completion"] is not None
    shop.until_at_work(order, "test-alpha")
    shown = shop.status(order)
    assert at(shown["estimated_completion"]) > at(shown["created_at"])
    shop.raise_flag(flag)
    shop.active(order)
    assert shop.status(order)["estimated_completion"] is None
