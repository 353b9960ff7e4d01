"""Licenses over HTTP, and a product that checks one offline."""

from __future__ import annotations

import jwt
import pytest

from app.core.ids import OPERATOR_ID, new_id
from app.domains.customers import service as customers
from app.domains.licensing import service

LICENSES = "/api/v1/licenses"
TEMPLATES = "/api/v1/license-templates"


@pytest.fixture
def headers(token_for, seller):
    return {"Authorization": f"Bearer {token_for('license.*', owner_id=seller)}"}


@pytest.fixture
def body(customer):
    return {"customer_id": str(customer), "license_template_id": "standard"}


@pytest.fixture
def issued(client, headers, body):
    made = client.post(LICENSES, json=body, headers=headers)
    assert made.status_code == 201, made.text
    return made.json


def test_a_license_is_issued_once_per_idempotency_key(client, headers, body):
    once = {**headers, "Idempotency-Key": str(new_id())}
    first, second = (client.post(LICENSES, json=body, headers=once) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert client.get(first.headers["Location"], headers=headers).json["license_key"] == first.json["license_key"]
    assert client.post(LICENSES, json=body, headers=headers).json["id"] != first.json["id"]


def test_a_product_checks_a_license_with_nothing_but_the_published_keys(client, headers, issued, seller):
    token = client.get(f"{LICENSES}/{issued['id']}", headers=headers).json["token"]
    issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
    published = client.get(f"{LICENSES}/public-keys?issuer={issuer}")
    assert published.status_code == 200
    key = jwt.PyJWKSet.from_dict(published.json)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], issuer=str(seller), options={"verify_iat": False})
    assert (claims["license_key"], claims["products"]) == (issued["license_key"], ["isp-platform"])
    assert set(published.json["keys"][0]) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_without_an_issuer_the_operator_s_keys_are_shown(client, database):
    with database.transaction(OPERATOR_ID) as session:
        new = customers.NewCustomer(email=f"{new_id().hex}@example.com", name="Example ISP")
        customer_id = customers.create_customer(session, new=new).id
        service.issue_license(session, customer_id=customer_id, key=str(new_id()), template="standard")
        expected = list(service.public_keys(session))
    assert client.get(f"{LICENSES}/public-keys").json == {"keys": expected}
    assert client.get(f"{LICENSES}/public-keys?issuer={new_id()}").json == {"keys": []}


def test_a_rotated_key_is_published_beside_the_former(client, headers, issued, seller):
    address = f"{LICENSES}/public-keys"
    before = client.get(f"{address}?issuer={seller}").json["keys"]
    made = client.post(address, headers=headers)
    assert made.status_code == 201
    assert client.get(f"{address}?issuer={seller}").json["keys"] == [made.json, *before]


def test_licenses_are_listed_by_customer_status_and_part_of_the_key(client, headers, body, issued, new_customer):
    other = client.post(LICENSES, json=body | {"customer_id": str(new_customer())}, headers=headers).json
    assert client.post(f"{LICENSES}/{other['id']}/revoke", json={"reason": "test"}, headers=headers).status_code == 200

    def found(**query):
        return [each["id"] for each in client.get(LICENSES, query_string=query, headers=headers).json]

    assert found() == [other["id"], issued["id"]]
    assert found(customer_id=issued["customer_id"]) == found(status="active") == [issued["id"]]
    assert found(q=other["license_key"][3:14].lower()) == [other["id"]]
    assert found(q="%") == []


def test_a_license_is_suspended_resumed_and_revoked(client, headers, issued):
    address = f"{LICENSES}/{issued['id']}"
    for verb, status in (("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")):
        json = None if verb == "resume" else {"reason": "test"}
        answer = client.post(f"{address}/{verb}", json=json, headers=headers)
        assert (answer.status_code, answer.json["status"]) == (200, status)
    refused = client.post(f"{address}/resume", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "license-state-forbids")
    assert client.get(address, headers=headers).json["revoke_reason"] == "test"


def test_a_key_is_verified_as_it_was_typed(client, headers, issued):
    def said(typed):
        return client.post(f"{LICENSES}/verify", json={"license_key": typed}, headers=headers).json

    valid = said(issued["license_key"].lower())
    assert (valid["is_valid"], valid["finding"], valid["license"]["id"]) == (True, "valid", issued["id"])
    assert said("ABC") == {"is_valid": False, "finding": "malformed", "license": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"seats": 0},
        {"products": []},
        {"expires_at": "2999-01-01T00:00:00"},
        {"owner_id": str(OPERATOR_ID)},
        {"term_months": 1.5},
    ],
)
def test_what_is_wrong_is_named(client, headers, body, wrong):
    refused = client.post(LICENSES, json=body | wrong, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{next(iter(wrong))}"]


def test_permissions_and_other_owners(client, token_for, headers, body, issued):
    reader = {"Authorization": f"Bearer {token_for('license.read')}"}
    assert client.post(LICENSES, json=body, headers=reader).status_code == 403
    assert client.get(f"{LICENSES}/{issued['id']}", headers=reader).status_code == 404
    assert client.get(LICENSES).status_code == 401
    unknown = client.post(f"{LICENSES}/{new_id()}/revoke", json={"reason": "x"}, headers=headers)
    assert (unknown.status_code, unknown.json["code"]) == (404, "license-not-found")


def test_a_template_is_made_listed_changed_and_deleted(client, headers):
    made = client.post(
        TEMPLATES, json={"code": "edge", "name": "Edge", "products": ["router-os"], "term_months": 12}, headers=headers
    )
    assert made.status_code == 201, made.text
    address = f"{TEMPLATES}/{made.json['id']}"
    tag = client.get(address, headers=headers).headers["ETag"]
    changed = {"code": "edge", "name": "Edge", "products": ["router-os"], "seats": 9}
    answer = client.put(address, json=changed, headers={**headers, "If-Match": tag})
    assert (answer.status_code, answer.json["seats"], answer.json["term_months"]) == (200, 9, None)
    assert client.put(address, json=changed, headers={**headers, "If-Match": tag}).status_code == 412
    assert [each["code"] for each in client.get(TEMPLATES, headers=headers).json] == ["edge", "standard"]
    assert client.delete(address, headers=headers).status_code == 204
    assert client.get(address, headers=headers).status_code == 404


def test_a_template_that_was_issued_from_stays(client, headers, issued):
    refused = client.delete(f"{TEMPLATES}/{issued['license_template_id']}", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "license-template-in-use")


def test_a_taken_code_is_a_conflict(client, headers):
    taken = {"code": "standard", "name": "Another", "products": ["router-os"]}
    assert client.post(TEMPLATES, json=taken, headers=headers).status_code == 409
