"""Plans over HTTP."""

from __future__ import annotations

import pytest

from app.core.ids import new_id

PLANS = "/api/v1/plans"
MONTHLY = {"currency": "USD", "billing_cycle": "monthly", "amount": 30.5}


@pytest.fixture
def headers(token_for, owner):
    return {"Authorization": f"Bearer {token_for('plan.*', owner_id=owner)}"}


@pytest.fixture
def body():
    return {"code": "pro", "name": "Pro", "currency": "USD", "billing_cycle": "monthly", "prices": [MONTHLY]}


def test_a_plan_is_made_once_per_key_changed_and_deleted(client, headers, body):
    once = {**headers, "Idempotency-Key": str(new_id())}
    made, again = (client.post(PLANS, json=body, headers=once) for _ in range(2))
    assert (made.status_code, made.json) == (201, again.json), made.text
    address = made.headers["Location"]
    shown = client.get(address, headers=headers)
    assert shown.json["prices"] == [MONTHLY]
    dearer = body | {"prices": [MONTHLY | {"amount": 31.0}], "trial_days": 14}
    changed = client.put(address, json=dearer, headers={**headers, "If-Match": shown.headers["ETag"]})
    assert (changed.status_code, changed.json["prices"][0]["amount"], changed.json["trial_days"]) == (200, 31.0, 14)
    stale = client.put(address, json=body, headers={**headers, "If-Match": shown.headers["ETag"]})
    assert stale.status_code == 412
    assert client.delete(address, headers=headers).status_code == 204
    assert client.get(address, headers=headers).status_code == 404


def test_plans_are_listed_newest_first(client, headers, body):
    for code, is_active in (("one", True), ("two", False), ("three", True)):
        made = client.post(PLANS, json=body | {"code": code, "is_active": is_active}, headers=headers)
        assert made.status_code == 201, made.text

    def found(**query):
        return [each["code"] for each in client.get(PLANS, query_string=query, headers=headers).json]

    assert found() == ["three", "two", "one"]
    assert found(is_active="true") == ["three", "one"]
    assert found(limit=1) == ["three"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"code": "Not A Code"}, "/code"),
        ({"prices": []}, "/prices"),
        ({"prices": [MONTHLY | {"amount": 0.001}]}, "/prices/0/amount"),
        ({"trial_days": -1}, "/trial_days"),
        ({"successor_id": str(new_id())}, "/successor_id"),
        ({"owner_id": str(new_id())}, "/owner_id"),
    ],
)
def test_what_is_wrong_is_named(client, headers, body, wrong, pointer):
    refused = client.post(PLANS, json=body | wrong, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_a_taken_code_is_a_conflict(client, headers, body):
    assert client.post(PLANS, json=body, headers=headers).status_code == 201
    refused = client.post(PLANS, json=body, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "plan-code-taken")


def test_permissions_and_other_owners(client, token_for, headers, body, owner):
    address = client.post(PLANS, json=body, headers=headers).headers["Location"]
    reader = {"Authorization": f"Bearer {token_for('plan.read', owner_id=owner)}"}
    assert client.get(address, headers=reader).status_code == 200
    assert client.post(PLANS, json=body, headers=reader).status_code == 403
    stranger = {"Authorization": f"Bearer {token_for('plan.*', owner_id=new_id())}"}
    assert client.get(address, headers=stranger).status_code == 404
    assert client.get(PLANS).status_code == 401
