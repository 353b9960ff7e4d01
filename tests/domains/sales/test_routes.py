"""Orders by HTTP, as customers and staff see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.domains.sales.conftest import Shop, open_shop, slug

Headers = Callable[..., dict[str, str]]
PUBLIC = "/api/public/orders"
INTERNAL = "/api/v1/orders"


def public_order(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "customer_email": "admin@example.com",
        "customer_name": "John Smith",
        "company_name": "Example ISP Inc.",
        "organization_slug": slug(),
        "deployment_region": "us-east-1",
        "selected_services": [
            {"service_code": "subscriber-provisioning", "name": "Subscriber Management", "quantity": 1},
            {"service_code": "billing-invoicing", "name": "Billing & Invoicing", "quantity": 1},
        ],
        "billing_cycle": "monthly",
    }
    return order | changes


def pointers(response: Any) -> set[str]:
    assert response.status_code == 422, response.get_json()
    assert response.content_type == "application/problem+json"
    return {error["pointer"] for error in response.get_json()["errors"]}


@pytest.fixture
def client(quiet_client: FlaskClient) -> FlaskClient:
    return quiet_client


def test_a_customer_places_an_order_and_follows_it(client: FlaskClient) -> None:
    body = public_order()
    placed = client.post(PUBLIC, json=body)
    assert placed.status_code == 201
    order = placed.get_json()
    assert order.keys() == {
        "id",
        "order_number",
        "status",
        "customer_email",
        "company_name",
        "total_amount",
        "currency",
        "created_at",
    }
    assert (order["status"], order["currency"], order["created_at"][-1]) == ("draft", "USD", "Z")
    assert b'"total_amount": 348.00' in placed.data
    assert placed.headers["Location"] == f"{PUBLIC}/{order['order_number']}/status"

    shown = client.get(placed.headers["Location"])
    assert shown.status_code == 200
    assert shown.get_json() == {
        "order_number": order["order_number"],
        "status": "draft",
        "status_message": None,
        "progress_percent": 0,
        "tenant_subdomain": body["organization_slug"],
        "activation_url": None,
        "created_at": order["created_at"],
        "estimated_completion": None,
    }


def test_a_package_is_ordered_in_the_shortest_form(client: FlaskClient) -> None:
    body = {
        "email": "a@example.com",
        "name": "A",
        "company": "B",
        "package_code": "enterprise",
        "billing_cycle": "annual",
        "region": "eu-west-1",
        "organization_slug": slug(),
    }
    placed = client.post(f"{PUBLIC}/quick", json=body)
    assert placed.status_code == 201
    assert placed.get_json()["total_amount"] == 12 * 894


def test_the_same_key_is_one_order(client: FlaskClient) -> None:
    body, headers = public_order(), {"Idempotency-Key": slug()}
    first = client.post(PUBLIC, json=body, headers=headers)
    second = client.post(PUBLIC, json=body, headers=headers)
    assert (second.status_code, second.get_json()) == (201, first.get_json())
    assert second.headers["Location"] == first.headers["Location"]
    other = client.post(PUBLIC, json=public_order(), headers=headers)
    assert other.status_code == 422


def test_whoever_does_not_know_the_number_learns_nothing(client: FlaskClient) -> None:
    for path in ("status", "events"):
        response = client.get(f"{PUBLIC}/ORD-20260101-00000000/{path}")
        assert (response.status_code, response.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"selected_services": [{"service_code": "teleportation"}]}, {"/selected_services/0/service_code"}),
        ({"selected_services": [{"service_code": "radius-aaa"}]}, {"/selected_services"}),
        ({"selected_services": [{"service_code": "radius-aaa", "quantity": -1}]}, {"/selected_services/0/quantity"}),
        ({"selected_services": "all"}, {"/selected_services"}),
        ({"customer_email": "nobody"}, {"/customer_email"}),
        ({"customer_email": 7}, {"/customer_email"}),
        ({"organization_slug": "Not A Label"}, {"/organization_slug"}),
        ({"organization_slug": "admin"}, {"/organization_slug"}),
        ({"deployment_region": "the-moon"}, {"/deployment_region"}),
        ({"currency": "XXX"}, {"/currency"}),
        ({"billing_cycle": "weekly"}, {"/billing_cycle"}),
        ({"package_code": "platinum"}, {"/package_code"}),
        ({"discount": 99, "tenant_id": "x"}, {"/discount", "/tenant_id"}),
        ({"auto_activate": True}, {"/auto_activate"}),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(client: FlaskClient, changes: dict[str, Any], wrong: set[str]) -> None:
    assert pointers(client.post(PUBLIC, json=public_order(**changes))) == wrong


def test_missing_fields_are_named(client: FlaskClient) -> None:
    assert pointers(client.post(PUBLIC, json={})) == {"/customer_email", "/customer_name", "/organization_slug"}
    quick = {"/email", "/name", "/company", "/package_code", "/organization_slug"}
    assert pointers(client.post(f"{PUBLIC}/quick", json={})) == quick


def test_no_json_wrong_type_and_too_much_are_refused(client: FlaskClient) -> None:
    assert client.post(PUBLIC, data="{", content_type="application/json").status_code == 400
    assert client.post(PUBLIC, data="a=b", content_type="application/x-www-form-urlencoded").status_code == 415
    assert client.post(PUBLIC, data=b"x" * (2 << 20), content_type="application/json").status_code == 413


def test_progress_is_streamed_until_the_order_has_ended(client: FlaskClient, shop: Shop) -> None:
    order = shop.submitted()
    shop.run(order)
    response = client.get(f"{PUBLIC}/{order.order_number}/events")
    assert response.content_type.startswith("text/event-stream")
    events = response.get_data(as_text=True).strip().split("\n\n")
    state = json.loads(
        next(line for line in events[0].splitlines() if line.startswith("data: ")).removeprefix("data: ")
    )
    assert (state["status"], state["progress_percent"]) == ("active", 100)
    assert events[-1].startswith("event: end")


def test_staff_take_an_order_from_draft_to_active(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    headers = bearer("order.read", "order.create", "order.update", "order.submit", "order.process")
    made = client.post(INTERNAL, json=public_order(external_order_id="X-1", deployment_type="none"), headers=headers)
    assert made.status_code == 201
    order = made.get_json()
    path = made.headers["Location"]
    assert path == f"{INTERNAL}/{order['id']}"
    assert (order["source"], order["external_order_id"], order["activations"]) == ("internal", "X-1", [])
    assert [item["total_amount"] for item in order["items"]] == [99, 249]

    changed = client.patch(path, json={"package_code": "professional"}, headers=headers)
    assert (changed.status_code, changed.get_json()["total_amount"]) == (200, 696)

    submitted = client.post(f"{path}/submit", json={"auto_activate": False, "payment_reference": "P1"}, headers=headers)
    assert (submitted.status_code, submitted.get_json()["status"]) == (202, "submitted")
    assert submitted.get_json()["payment_status"] == "paid"
    assert [a["activation_status"] for a in submitted.get_json()["activations"]] == ["pending"] * 4
    assert client.post(f"{path}/submit", json={}, headers=headers).status_code == 409

    begun = client.post(f"{path}/process", headers=headers)
    assert begun.status_code == 202
    assert begun.get_json()["status"] == "running"
    assert begun.headers["Location"].endswith(f"/{begun.get_json()['execution_id']}")
    assert client.post(f"{path}/process", headers=headers).status_code == 409

    progress = client.get(f"{path}/activations/progress", headers=headers).get_json()
    assert progress["overall_status"] == "pending"
    assert (progress["total_services"], progress["pending"], progress["progress_percent"]) == (4, 4, 0)
    assert progress["activations"][0].keys() == {
        "id",
        "service_code",
        "service_name",
        "activation_status",
        "started_at",
        "completed_at",
        "duration_seconds",
        "success",
        "error_message",
        "retry_count",
    }


def test_an_active_order_shows_what_became_of_it(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    order = shop.submitted()
    shop.run(order)
    headers = bearer("order.read", "order.process", "order.delete")
    path = f"{INTERNAL}/{order.id}"
    shown = client.get(path, headers=headers).get_json()
    assert shown["status"] == "active"
    assert shown["activation_url"].startswith(f"http://{order.organization_slug}.")
    assert {a["activation_status"] for a in shown["activations"]} == {"completed"}
    progress = client.get(f"{path}/activations/progress", headers=headers).get_json()
    assert (progress["overall_status"], progress["progress_percent"], progress["completed"]) == ("completed", 100, 2)
    history = client.get(f"{path}/history", headers=headers).get_json()
    assert [row["to_status"] for row in history][-1] == "active"
    assert client.post(f"{path}/activations/retry", headers=headers).status_code == 409
    assert client.post(f"{path}/process", headers=headers).status_code == 409
    refused = client.delete(path, headers=headers)
    assert refused.status_code == 409
    assert refused.get_json()["detail"] == "An order that is active cannot become cancelled."


def test_a_cancelled_order_says_so(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    order = shop.draft()
    response = client.delete(f"{INTERNAL}/{order.id}?reason=twice", headers=bearer("order.delete"))
    assert (response.status_code, response.get_json()["status"]) == (200, "cancelled")


def test_a_retry_of_a_failed_order_points_to_process(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    order = shop.submitted(deployment_type="docker")
    shop.run(order)
    response = client.post(f"{INTERNAL}/{order.id}/activations/retry", headers=bearer("order.process"))
    assert response.status_code == 409
    assert f"{INTERNAL}/{order.id}/process" in response.get_json()["detail"]
    again = client.post(f"{INTERNAL}/{order.id}/process", headers=bearer("order.process"))
    assert again.status_code == 202


def test_a_change_of_what_somebody_else_changed_is_refused(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    headers = bearer("order.read", "order.update")
    path = f"{INTERNAL}/{shop.draft().id}"
    tag = client.get(path, headers=headers).headers["ETag"]
    assert client.patch(path, json={"notes": "a"}, headers=headers | {"If-Match": tag}).status_code == 200
    assert client.patch(path, json={"notes": "b"}, headers=headers | {"If-Match": tag}).status_code == 412
    assert client.get(path, headers=headers).get_json()["notes"] == "a"


def test_the_list_is_filtered_and_paged_newest_first(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    headers = bearer("order.read")
    orders = [shop.draft(company_name=f"Company No{number}") for number in range(3)]
    shop.submitted(auto_activate=False)

    def ids(query: str) -> list[int]:
        response = client.get(f"{INTERNAL}{query}", headers=headers)
        assert response.status_code == 200
        return [order["id"] for order in response.get_json()]

    drafts = [order.id for order in reversed(orders)]
    assert ids("?status=draft") == drafts
    assert ids("?q=company%20no1") == [orders[1].id]
    assert ids("?q=no%25") == []
    assert ids(f"?q={orders[0].order_number[4:]}") == [orders[0].id]
    assert ids(f"?customer_email={orders[2].customer_email}") == [orders[2].id]
    assert ids(f"?status=draft&created_after={orders[0].created_at.isoformat().replace('+00:00', 'Z')}") == drafts[:2]
    first = client.get(f"{INTERNAL}?status=draft&limit=2", headers=headers)
    assert [order["id"] for order in first.get_json()] == drafts[:2]
    assert ids(f"?status=draft&limit=2&cursor={first.headers['X-Next-Cursor']}") == drafts[2:]
    assert client.get(f"{INTERNAL}?status=lost", headers=headers).status_code == 422
    assert client.get(f"{INTERNAL}?colour=red", headers=headers).status_code == 422


def test_the_summary_has_every_state(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    shop.run(shop.submitted())
    response = client.get(f"{INTERNAL}/stats/summary", headers=bearer("order.read"))
    summary = response.get_json()
    assert summary["orders_by_status"]["active"] == 1
    assert summary["orders_by_status"].keys() >= {"draft", "cancelled", "failed"}
    assert summary["revenue"] == {"total": 348.0, "average": 348.0, "currency": "USD", "by_currency": {"USD": 348.0}}
    assert (summary["success_rate"], summary["total_processed"], summary["successful"]) == (100, 1, 1)
    assert b'"success_rate": 100.00' in response.data


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "", "order.read"),
        ("POST", "", "order.create"),
        ("GET", "/1", "order.read"),
        ("PATCH", "/1", "order.update"),
        ("POST", "/1/submit", "order.submit"),
        ("POST", "/1/process", "order.process"),
        ("DELETE", "/1", "order.delete"),
        ("GET", "/1/history", "order.read"),
        ("GET", "/1/activations/progress", "order.read"),
        ("POST", "/1/activations/retry", "order.process"),
        ("GET", "/stats/summary", "order.read"),
    ],
)
def test_each_call_needs_its_own_permission(
    client: FlaskClient, bearer: Headers, method: str, path: str, permission: str
) -> None:
    everything = {"order.read", "order.create", "order.update", "order.submit", "order.process", "order.delete"}
    others = bearer(*(everything - {permission}))
    assert client.open(f"{INTERNAL}{path}", method=method).status_code == 401
    assert client.open(f"{INTERNAL}{path}", method=method, headers=others).status_code == 403
    assert client.open(f"{INTERNAL}{path}", method=method, headers=bearer(permission)).status_code not in {
        401,
        403,
        500,
    }


def test_a_foreign_order_does_not_exist(client: FlaskClient, shop: Shop, bearer: Headers) -> None:
    foreign = open_shop(shop.world).submitted(auto_activate=False)
    headers = bearer("order.read", "order.update", "order.submit", "order.process", "order.delete")
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/submit"),
        ("POST", "/process"),
        ("GET", "/history"),
        ("GET", "/activations/progress"),
        ("POST", "/activations/retry"),
    ):
        response = client.open(f"{INTERNAL}/{foreign.id}{path}", method=method, headers=headers)
        assert response.status_code == 404, (method, path)
    assert client.get(INTERNAL, headers=headers).get_json() == []
