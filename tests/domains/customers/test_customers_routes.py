"""Customers by HTTP, as staff see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from tests.domains.customers.conftest import Books, open_books

Headers = Callable[..., dict[str, str]]
PATH = "/api/v1/customers"
EVERYTHING = ("customer.read", "customer.create", "customer.update", "customer.delete")


def body(**changes: Any) -> dict[str, Any]:
    return {
        "email": f"{new_id().hex}@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "country": "DE",
        "phone": "030 1234567",
        "addresses": [
            {"kind": "service", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}
            | {"latitude": 52.520008, "longitude": 13.404954}
        ],
    } | changes


def pointers(response: Any) -> set[str]:
    assert response.status_code == 422, response.get_json()
    assert response.content_type == "application/problem+json"
    return {error["pointer"] for error in response.get_json()["errors"]}


def test_a_customer_is_made_shown_changed_and_deleted(client: FlaskClient, bearer: Headers) -> None:
    headers = bearer(*EVERYTHING)
    made = client.post(PATH, json=body(labels={"segment": "home"}), headers=headers)
    assert made.status_code == 201, made.get_json()
    customer, path = made.get_json(), made.headers["Location"]
    assert path == f"{PATH}/{customer['id']}"
    assert (customer["name"], customer["status"], customer["phone"]) == ("Ada Lovelace", "prospect", "+49301234567")
    assert (customer["labels"], customer["settings"], customer["version"]) == ({"segment": "home"}, {}, 1)
    (address,) = customer["addresses"]
    assert (address["kind"], address["is_primary"], address["latitude"]) == ("service", True, 52.520008)

    shown = client.get(path, headers=headers)
    assert (shown.status_code, shown.get_json()) == (200, customer)
    assert shown.headers["ETag"] == made.headers["ETag"] == '"1"'

    changed = client.patch(path, json={"company_name": "Engines Ltd", "phone": None}, headers=headers)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert (changed.get_json()["company_name"], changed.get_json()["phone"]) == ("Engines Ltd", None)
    assert changed.get_json()["addresses"] == customer["addresses"]

    gone = client.delete(path, headers=headers)
    assert (gone.status_code, gone.get_json()) == (200, {"id": customer["id"], "outcome": "deleted"})
    assert client.get(path, headers=headers).status_code == 404
    assert client.delete(path, headers=headers).status_code == 404


def test_the_same_key_is_one_customer(client: FlaskClient, bearer: Headers, books: Books) -> None:
    headers, wanted = bearer("customer.create"), body()
    keyed = headers | {"Idempotency-Key": new_id().hex}
    first, second = (client.post(PATH, json=wanted, headers=keyed) for _ in range(2))
    assert (second.status_code, second.get_json()) == (201, first.get_json())
    assert books.count("customers") == 1
    again = client.post(PATH, json=wanted, headers=headers)
    assert (again.status_code, again.get_json()["code"]) == (409, "customer-exists")
    assert again.get_json()["errors"][0]["pointer"] == "/email"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"email": "nobody"}, {"/email"}),
        ({"email": 7}, {"/email"}),
        ({"first_name": None, "last_name": ""}, {"/name"}),
        ({"phone": "call me"}, {"/phone"}),
        ({"country": "ZZ", "currency": "x", "phone": None}, {"/country", "/currency"}),
        ({"status": "inactive"}, {"/status"}),
        ({"status": "dormant"}, {"/status"}),
        ({"addresses": [{"kind": "billing"}]}, {f"/addresses/0/{name}" for name in ("line1", "city", "country")}),
        (
            {"addresses": [{"kind": "billing", "line1": " ", "city": "x", "country": "x", "latitude": 91}]},
            {f"/addresses/0/{name}" for name in ("line1", "country", "latitude", "longitude")},
        ),
        ({"labels": {"a": 1}}, {"/labels/a/value"}),
        ({"partner_id": str(new_id()), "owner_id": "x"}, {"/partner_id", "/owner_id"}),
    ],
    ids=lambda each: ",".join(sorted(each)),
)
def test_what_is_wrong_is_refused_by_its_place(
    client: FlaskClient, bearer: Headers, changes: dict[str, Any], wrong: set[str]
) -> None:
    assert pointers(client.post(PATH, json=body(**changes), headers=bearer("customer.create"))) == wrong


def test_missing_fields_are_named(client: FlaskClient, bearer: Headers) -> None:
    assert pointers(client.post(PATH, json={}, headers=bearer("customer.create"))) == {"/email"}


def test_what_is_wrong_with_a_change_is_refused_by_its_place(
    client: FlaskClient, bearer: Headers, books: Books
) -> None:
    path, headers = f"{PATH}/{books.made().id}", bearer("customer.update")
    assert pointers(client.patch(path, json={"email": "nobody", "country": "ZZ"}, headers=headers)) == {
        "/email",
        "/country",
    }
    assert pointers(client.patch(path, json={"status": "active"}, headers=headers)) == {"/status"}
    assert pointers(client.patch(path, json={"addresses": [{"city": "x"}]}, headers=headers)) == {
        f"/addresses/0/{name}" for name in ("kind", "line1", "country")
    }
    taken = books.made().email
    assert client.patch(path, json={"email": taken}, headers=headers).status_code == 409


def test_a_change_of_what_somebody_else_changed_is_refused(client: FlaskClient, bearer: Headers, books: Books) -> None:
    headers, path = bearer("customer.read", "customer.update"), f"{PATH}/{books.made().id}"
    seen = headers | {"If-Match": client.get(path, headers=headers).headers["ETag"]}
    assert client.patch(path, json={"tier": "gold"}, headers=seen).status_code == 200
    assert client.patch(path, json={"tier": "silver"}, headers=seen).status_code == 412
    assert client.post(f"{path}/activate", headers=seen).status_code == 412
    assert client.post(f"{path}/deactivate", headers=seen).status_code == 412
    shown = client.get(path, headers=headers).get_json()
    assert (shown["tier"], shown["status"]) == ("gold", "prospect")


def test_a_customer_is_activated_and_deactivated(client: FlaskClient, bearer: Headers, books: Books) -> None:
    customer, headers = books.made(), bearer("customer.update")
    path = f"{PATH}/{customer.id}"
    for _ in range(2):
        answer = client.post(f"{path}/activate", headers=headers)
        assert (answer.status_code, answer.get_json()["status"]) == (200, "active")
    current = headers | {"If-Match": answer.headers["ETag"]}
    answer = client.post(f"{path}/deactivate", json={"reason": "moved away"}, headers=current)
    assert (answer.status_code, answer.get_json()["status"]) == (200, "inactive")
    assert books.audit(customer)[-1].reason == "moved away"
    assert client.post(f"{path}/deactivate", headers=headers).status_code == 200


def test_the_list_is_filtered_and_paged_newest_first(client: FlaskClient, bearer: Headers, books: Books) -> None:
    headers, partner_id = bearer("customer.read"), new_id()
    customers = [books.made(company_name=f"Company No{number}", partner_id=partner_id) for number in range(3)]
    active = books.made(status="active")

    def ids(query: str) -> list[str]:
        response = client.get(f"{PATH}{query}", headers=headers)
        assert response.status_code == 200, response.get_json()
        return [customer["id"] for customer in response.get_json()]

    prospects = [str(customer.id) for customer in reversed(customers)]
    assert ids("") == [str(active.id), *prospects]
    assert ids("?status=prospect") == prospects
    assert ids("?status=active") == [str(active.id)]
    assert ids("?q=company%20no1") == [prospects[1]]
    assert ids("?q=no%25") == []
    assert ids(f"?email={customers[0].email.upper()}") == [prospects[2]]
    assert ids(f"?partner_id={partner_id}") == prospects
    first = client.get(f"{PATH}?status=prospect&limit=2", headers=headers)
    assert [customer["id"] for customer in first.get_json()] == prospects[:2]
    assert ids(f"?status=prospect&limit=2&cursor={first.headers['X-Next-Cursor']}") == prospects[2:]
    assert client.get(f"{PATH}?status=lost", headers=headers).status_code == 422
    assert client.get(f"{PATH}?colour=red", headers=headers).status_code == 422


CALLS = [
    ("GET", "", "customer.read"),
    ("POST", "", "customer.create"),
    ("GET", "/{id}", "customer.read"),
    ("PATCH", "/{id}", "customer.update"),
    ("POST", "/{id}/activate", "customer.update"),
    ("POST", "/{id}/deactivate", "customer.update"),
    ("DELETE", "/{id}", "customer.delete"),
]


@pytest.mark.parametrize(("method", "path", "permission"), CALLS)
def test_each_call_needs_its_own_permission(
    client: FlaskClient, bearer: Headers, method: str, path: str, permission: str
) -> None:
    address = PATH + path.format(id=new_id())
    others = bearer(*(set(EVERYTHING) - {permission}))
    assert client.open(address, method=method).status_code == 401
    assert client.open(address, method=method, headers=others).status_code == 403
    assert client.open(address, method=method, headers=bearer(permission)).status_code in {200, 404, 422}


def test_a_foreign_customer_does_not_exist(client: FlaskClient, bearer: Headers, books: Books) -> None:
    foreign = open_books(books.world).made()
    headers = bearer(*EVERYTHING)
    for method, path, _ in CALLS:
        if "{id}" in path:
            answer = client.open(PATH + path.format(id=foreign.id), method=method, headers=headers)
            assert answer.status_code == 404, (method, path)
    assert client.get(PATH, headers=headers).get_json() == []
