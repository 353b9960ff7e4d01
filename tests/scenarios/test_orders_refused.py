"""What is refused, and how it is told: problem documents, by the wired API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.scenarios.shop import API, PUBLIC, Shop, order_document
from tests.servers import Json

Token = Callable[..., str]


def problem(response: TestResponse, status: int) -> Json:
    """The problem document of a refusal; fails for any other answer."""
    assert (response.status_code, response.content_type) == (status, "application/problem+json"), response.get_data()
    document: Json = response.get_json()
    assert document["status"] == status
    assert document.keys() >= {"type", "title", "detail", "code", "trace_id"}
    assert "Traceback" not in response.get_data(as_text=True)
    return document


def pointers(document: Json) -> set[str]:
    assert all(error["message"] for error in document["errors"])
    return {error["pointer"] for error in document["errors"]}


def lines(*services: Any) -> Json:
    return {"selected_services": [{"service_code": code} if isinstance(code, str) else code for code in services]}


WRONG = {
    "unknown service": (lines("teleportation"), "/selected_services/0/service_code"),
    "missing dependency": (lines("radius-aaa"), "/selected_services"),
    "negative quantity": (
        lines({"service_code": "subscriber-provisioning", "quantity": -1}),
        "/selected_services/0/quantity",
    ),
    "half a quantity": (
        lines({"service_code": "subscriber-provisioning", "quantity": 1.5}),
        "/selected_services/0/quantity",
    ),
    "no service": (lines(), "/selected_services"),
    "bad e-mail": ({"customer_email": "john@"}, "/customer_email"),
    "several e-mails": ({"customer_email": "a@example.com, b@example.com"}, "/customer_email"),
    "bad slug": ({"organization_slug": "Not A Label"}, "/organization_slug"),
    "slug with a way out": ({"organization_slug": "../../etc"}, "/organization_slug"),
    "reserved slug": ({"organization_slug": "admin"}, "/organization_slug"),
    "unknown region": ({"deployment_region": "the-moon"}, "/deployment_region"),
    "unknown currency": ({"currency": "XXX"}, "/currency"),
    "unknown cycle": ({"billing_cycle": "weekly"}, "/billing_cycle"),
    "unknown package": ({"package_code": "platinum"}, "/package_code"),
    "unknown field": ({"discount_amount": 300}, "/discount_amount"),
    "a tenant's id": ({"tenant_id": "x"}, "/tenant_id"),
    "an own price": (
        lines({"service_code": "subscriber-provisioning", "unit_price": 0.01}),
        "/selected_services/0/unit_price",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("internal", [False, True], ids=["public", "internal"])
def test_what_is_wrong_is_named_by_its_place(shop: Shop, wrong: str, internal: bool) -> None:
    changes, pointer = WRONG[wrong]
    document = order_document(organization_slug="fine-" + "x" * 8) | changes
    answer = shop.call("POST", "", json=document) if internal else shop.client.post(PUBLIC, json=document)
    refused = problem(answer, 422)
    assert pointers(refused) == {pointer}
    if wrong == "missing dependency":
        [error] = refused["errors"]
        assert error["message"] == "radius-aaa needs subscriber-provisioning, which is not in the order"
    assert shop.ask("GET", "") == []


def test_all_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    document = order_document() | {
        "customer_email": "nobody",
        "organization_slug": "admin",
        "currency": "XXX",
        **lines("teleportation", "subscriber-provisioning"),
    }
    assert pointers(problem(shop.call("POST", "", json=document), 422)) >= {
        "/customer_email",
        "/organization_slug",
        "/selected_services/0/service_code",
    }


def test_a_slug_that_is_taken_is_refused_at_once(shop: Shop) -> None:
    active = shop.active(shop.place())
    document = order_document(organization_slug=active["organization_slug"])
    refused = problem(shop.client.post(PUBLIC, json=document), 422)
    assert pointers(refused) == {"/organization_slug"}
    assert "taken" in refused["detail"]


BODIES = {
    "broken JSON": (b'{"customer_email": ', "application/json", 400),
    "nothing at all": (b"", "application/json", 422),
    "not an object": (b"[]", "application/json", 422),
    "not UTF-8": (b'{"customer_name": "\xff"}', "application/json", 400),
    "a form": (b"customer_email=a%40example.com", "application/x-www-form-urlencoded", 415),
    "2 MiB": (json.dumps({"notes": "x" * (2 << 20)}).encode(), "application/json", 413),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", [PUBLIC, f"{PUBLIC}/quick", API])
def test_a_body_that_cannot_be_read_is_refused(shop: Shop, body: str, path: str) -> None:
    data, content_type, status = BODIES[body]
    headers = {"Authorization": f"Bearer {shop.token}"}
    problem(shop.client.post(path, data=data, content_type=content_type, headers=headers), status)


# --- who may ----------------------------------------------------------------------------------------------------------

CALLS = {
    "list": ("GET", "", "order.read"),
    "create": ("POST", "", "order.create"),
    "show": ("GET", "/{id}", "order.read"),
    "update": ("PATCH", "/{id}", "order.update"),
    "submit": ("POST", "/{id}/submit", "order.submit"),
    "process": ("POST", "/{id}/process", "order.process"),
    "cancel": ("DELETE", "/{id}", "order.delete"),
    "history": ("GET", "/{id}/history", "order.read"),
    "progress": ("GET", "/{id}/activations/progress", "order.read"),
    "retry": ("POST", "/{id}/activations/retry", "order.process"),
    "summary": ("GET", "/stats/summary", "order.read"),
}
OF_ONE_ORDER = [name for name, (_, path, _) in CALLS.items() if "{id}" in path]


def request(client: FlaskClient, name: str, order: Json, token: str | None) -> TestResponse:
    method, path, _ = CALLS[name]
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    bodies = {"create": order_document(), "update": {"notes": "mine"}, "submit": {}}
    more = {"json": bodies[name]} if name in bodies else {}
    return client.open(f"{API}{path.format(id=order['id'])}", method=method, headers=headers, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CALLS)
def test_without_a_right_token_nothing_is_answered(shop: Shop, token_for: Token, name: str) -> None:
    draft = shop.draft()
    forged = token_for(CALLS[name][2], owner_id=shop.owner_id)[:-4] + "AAAA"
    for token in (None, "nonsense", forged):
        refused = request(shop.client, name, draft, token)
        problem(refused, 401)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert shop.order(draft)["status"] == "draft"


@pytest.mark.parametrize("name", CALLS)
def test_without_the_permission_nothing_is_done(shop: Shop, token_for: Token, name: str) -> None:
    draft = shop.draft()
    needed = CALLS[name][2]
    others = {permission for _, _, permission in CALLS.values()} - {needed}
    problem(request(shop.client, name, draft, token_for(*others, owner_id=shop.owner_id)), 403)
    assert (shop.order(draft)["status"], shop.order(draft)["notes"]) == ("draft", None)
    assert request(shop.client, name, draft, token_for(needed, owner_id=shop.owner_id)).status_code not in {401, 403}


@pytest.mark.parametrize("name", OF_ONE_ORDER)
def test_of_another_tenants_order_nobody_learns_anything(shop: Shop, owner: Any, token_for: Token, name: str) -> None:
    draft = shop.draft()
    stranger = token_for(CALLS[name][2], owner_id=owner)
    theirs = problem(request(shop.client, name, draft, stranger), 404)
    nobodys = problem(request(shop.client, name, {"id": 10**12}, stranger), 404)
    assert {**theirs, "trace_id": ""} == {**nobodys, "trace_id": ""}
    assert shop.order(draft)["status"] == "draft"


def test_the_public_status_asks_for_the_whole_number(shop: Shop) -> None:
    draft = shop.draft()
    number = draft["order_number"]
    for wrong in (str(draft["id"]), number[:-1], f"{number[:-1]}%25", number.lower(), "ORD-20260101-00000000"):
        for path in ("status", "events"):
            problem(shop.client.get(f"{PUBLIC}/{wrong}/{path}"), 404)


# --- states -----------------------------------------------------------------------------------------------------------


def test_illegal_transitions_are_refused_and_change_nothing(shop: Shop) -> None:
    draft = shop.draft()
    for path in ("process", "activations/retry"):
        problem(shop.call("POST", f"/{draft['id']}/{path}"), 409)
    waiting = shop.submit(draft, begin=False)
    problem(shop.call("POST", f"/{draft['id']}/submit", json={}), 409)
    problem(shop.call("POST", f"/{draft['id']}/activations/retry"), 409)
    refused = problem(shop.call("PATCH", f"/{draft['id']}", json={"currency": "USD"}), 409)
    assert pointers(refused) == {"/currency"}
    assert shop.order(draft)["status"] == waiting["status"] == "submitted"

    shop.process(draft)
    active = shop.over(shop.active(draft))
    for method, path in (("POST", "/submit"), ("POST", "/process"), ("DELETE", "")):
        more: Json = {"json": {}} if path == "/submit" else {}
        problem(shop.call(method, f"/{draft['id']}{path}", **more), 409)
    assert shop.history(active)[-1] == "active"

    cancelled = shop.cancel(shop.draft())
    for method, path in (("POST", "/submit"), ("POST", "/process"), ("DELETE", "")):
        more = {"json": {}} if path == "/submit" else {}
        problem(shop.call(method, f"/{cancelled['id']}{path}", **more), 409)
    assert shop.history(cancelled) == ["draft", "cancelled"]


def test_an_update_of_an_older_version_is_refused(shop: Shop) -> None:
    shown = shop.call("GET", f"/{shop.draft()['id']}")
    order, tag = shown.get_json(), shown.headers["ETag"]
    first = shop.call("PATCH", f"/{order['id']}", json={"notes": "first"}, headers={"If-Match": tag})
    assert (first.status_code, first.get_json()["notes"]) == (200, "first")
    problem(shop.call("PATCH", f"/{order['id']}", json={"notes": "late"}, headers={"If-Match": tag}), 412)
    assert shop.order(order)["notes"] == "first"
