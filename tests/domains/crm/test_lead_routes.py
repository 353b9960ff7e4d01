"""Leads over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from tests.domains.crm.conftest import Desk, lead_fields

LEADS = "/api/v1/leads"
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def headers(bearer: Bearer) -> dict[str, str]:
    return bearer("lead.*")


@pytest.fixture
def made(client: FlaskClient, headers: dict[str, str]) -> Any:
    answer = client.post(LEADS, json=lead_fields(), headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_lead_is_made_once_per_idempotency_key(client: FlaskClient, headers: dict[str, str], desk: Desk) -> None:
    once, body = {**headers, "Idempotency-Key": str(new_id())}, lead_fields()
    first, second = (client.post(LEADS, json=body, headers=once) for _ in range(2))
    assert (first.status_code, second.json) == (201, first.json)
    assert client.get(first.headers["Location"], headers=headers).json == first.json
    assert (first.json["status"], first.json["wanted_products"][1]["quantity"]) == ("new", 1)
    assert desk.count("leads") == 1


def test_a_lead_goes_its_way(client: FlaskClient, headers: dict[str, str], made: Any) -> None:
    address = f"{LEADS}/{made['id']}"
    for verb, status in (("contact", "contacted"), ("qualify", "qualified"), ("reopen", "contacted")):
        answer = client.post(f"{address}/{verb}", headers=headers)
        assert (answer.status_code, answer.json["status"]) == (200, status), answer.text
    lost = client.post(f"{address}/lose", json={"reason": "no budget"}, headers=headers)
    assert (lost.json["status"], lost.json["lost_reason"]) == ("lost", "no budget")
    refused = client.post(f"{address}/qualify", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "illegal-transition")


def test_a_qualified_lead_is_converted(client: FlaskClient, headers: dict[str, str], made: Any, desk: Desk) -> None:
    address = f"{LEADS}/{made['id']}"
    early = client.post(f"{address}/convert", headers=headers)
    assert (early.status_code, early.json["code"]) == (409, "lead-not-qualified")
    qualified = client.post(f"{address}/qualify", headers=headers).json
    converted = client.post(f"{address}/convert", headers=headers).json
    assert (converted["status"], converted["customer_id"]) == ("converted", qualified["customer_id"])
    assert desk.count("customers", "status = 'active'") == 1


def test_what_is_missing_to_qualify_is_named(client: FlaskClient, headers: dict[str, str]) -> None:
    made = client.post(LEADS, json={"email": "ada@example.com"}, headers=headers).json
    refused = client.post(f"{LEADS}/{made['id']}/qualify", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (422, "lead-not-qualifiable")
    assert [error["pointer"] for error in refused.json["errors"]] == [
        "/last_name",
        "/company_name",
        "/wanted_products",
    ]


def test_a_change_names_the_version_that_was_read(client: FlaskClient, headers: dict[str, str], made: Any) -> None:
    address = f"{LEADS}/{made['id']}"
    tag = client.get(address, headers=headers).headers["ETag"]
    changed = client.patch(address, json={"notes": "calls back"}, headers={**headers, "If-Match": tag})
    assert (changed.status_code, changed.json["notes"]) == (200, "calls back")
    assert changed.json["company_name"] == made["company_name"]
    late = client.patch(address, json={"notes": "late"}, headers={**headers, "If-Match": tag})
    assert late.status_code == 412


def test_leads_are_listed_by_status_source_and_part_of_their_text(client: FlaskClient, headers: dict[str, str]) -> None:
    word = new_id().hex
    first, second = (
        client.post(LEADS, json=lead_fields(**changes), headers=headers).json
        for changes in ({"company_name": word}, {"source": "referral"})
    )

    def found(**query: Any) -> list[str]:
        answer = client.get(LEADS, query_string=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json]

    assert found() == [second["id"], first["id"]]
    assert found(q=word[5:20].upper()) == [first["id"]]
    assert found(source="referral", status="new") == [second["id"]]
    assert found(email=first["email"]) == [first["id"]]
    page = client.get(LEADS, query_string={"limit": 1}, headers=headers)
    rest = client.get(LEADS, query_string={"limit": 1, "cursor": page.headers["X-Next-Cursor"]}, headers=headers)
    assert [page.json[0]["id"], rest.json[0]["id"]] == [second["id"], first["id"]]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"email": "nobody"}, "/email"),
        ({"source": "heaven"}, "/source"),
        ({"currency": "usd"}, "/currency"),
        ({"wanted_products": [{"product_code": "a", "quantity": 0}]}, "/wanted_products/0/quantity"),
        ({"address": {"line1": "Hauptstr. 1"}}, "/address/city"),
        ({"status": "converted"}, "/status"),
        ({"owner_id": str(new_id())}, "/owner_id"),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, headers: dict[str, str], wrong: dict[str, Any], pointer: str
) -> None:
    refused = client.post(LEADS, json=lead_fields(**wrong), headers=headers)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json["errors"]]


def test_permissions_and_other_owners(
    client: FlaskClient, bearer: Bearer, token_for: Callable[..., str], made: Any
) -> None:
    reader = bearer("lead.read", "lead.update")
    assert client.post(LEADS, json=lead_fields(), headers=reader).status_code == 403
    assert client.post(f"{LEADS}/{made['id']}/qualify", headers=reader).status_code == 403
    stranger = {"Authorization": f"Bearer {token_for('lead.*')}"}
    for verb in ("qualify", "convert", "reopen", "contact"):
        unknown = client.post(f"{LEADS}/{made['id']}/{verb}", headers=stranger)
        assert (unknown.status_code, unknown.json["code"]) == (404, "lead-not-found")
    assert client.get(LEADS).status_code == 401
