"""Subscriptions over HTTP."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.core.ids import new_id
from app.domains.billing import service

SUBSCRIPTIONS = "/api/v1/subscriptions"


@pytest.fixture
def headers(token_for, owner):
    return {"Authorization": f"Bearer {token_for('subscription.*', owner_id=owner)}"}


@pytest.fixture
def body(customer, sell):
    return {"customer_id": str(customer), "plan_id": sell().code}


@pytest.fixture
def running(client, headers, body):
    """The address of a subscription whose service runs."""
    made = client.post(SUBSCRIPTIONS, json=body, headers=headers)
    assert made.status_code == 201, made.text
    address = made.headers["Location"]
    activated = client.post(f"{address}/activate", headers=headers)
    assert (activated.status_code, activated.json["status"]) == (200, "active"), activated.text
    return address


def test_a_customer_subscribes_once_per_key(client, headers, body):
    once = {**headers, "Idempotency-Key": str(new_id())}
    first, second = (client.post(SUBSCRIPTIONS, json=body, headers=once) for _ in range(2))
    assert (first.status_code, first.json) == (201, second.json), first.text
    assert (first.json["status"], first.json["amount"], first.json["currency"]) == ("pending", 30.0, "USD")
    assert client.post(SUBSCRIPTIONS, json=body, headers=headers).json["id"] != first.json["id"]


def test_subscriptions_are_listed_by_customer_plan_and_status(client, headers, body, running, new_customer):
    other = client.post(SUBSCRIPTIONS, json=body | {"customer_id": str(new_customer())}, headers=headers).json
    mine = client.get(running, headers=headers).json

    def found(**query):
        return [each["id"] for each in client.get(SUBSCRIPTIONS, query_string=query, headers=headers).json]

    assert found() == found(plan_id=mine["plan_id"]) == [other["id"], mine["id"]]
    assert found(customer_id=mine["customer_id"]) == found(status="active") == [mine["id"]]
    assert found(tenant_id=str(new_id())) == []


def test_it_is_suspended_resumed_and_cancelled(client, headers, running):
    for verb, said, status in (
        ("suspend", {"reason": "not paid"}, "suspended"),
        ("resume", None, "active"),
        ("cancel", {"at_period_end": True}, "active"),
        ("cancel", {}, "cancelled"),
    ):
        answer = client.post(f"{running}/{verb}", json=said, headers=headers)
        assert (answer.status_code, answer.json["status"]) == (200, status), answer.text
    refused = client.post(f"{running}/resume", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "subscription-state-forbids")


def test_how_it_goes_on_is_changed_by_who_saw_it(client, headers, running):
    tag = client.get(running, headers=headers).headers["ETag"]
    changed = client.patch(
        running, json={"renews_automatically": False, "is_set_to_end": True}, headers={**headers, "If-Match": tag}
    )
    assert (changed.status_code, changed.json["renews_automatically"], changed.json["is_set_to_end"]) == (
        200,
        False,
        True,
    )
    stale = client.patch(running, json={"is_set_to_end": False}, headers={**headers, "If-Match": tag})
    assert stale.status_code == 412


def test_what_a_renewal_would_be(client, headers, running):
    answer = client.get(f"{running}/renewal?term_months=12&discount_percentage=25", headers=headers)
    assert answer.status_code == 200, answer.text
    offered = answer.json
    assert (offered["list_price"], offered["discount_amount"], offered["amount"]) == (360.0, 90.0, 270.0)
    assert offered["is_eligible"] is (offered["reasons"] == [])
    refused = client.get(f"{running}/renewal?term_months=0", headers=headers)
    assert refused.status_code == 422


def test_its_renewals_are_listed(database, owner, client, headers, running):
    quote = new_id()
    subscription_id = UUID(running.rpartition("/")[2])
    with database.transaction(owner) as session:
        service.extend_subscription(session, subscription_id=subscription_id, quote_id=quote)
    (listed,) = client.get(f"{running}/extensions", headers=headers).json
    assert (listed["quote_id"], listed["term_months"], listed["restored_at"]) == (str(quote), 1, None)
    assert listed["period_start"] == listed["former_period_end"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"quantity": 0}, "/quantity"),
        ({"billing_cycle": "weekly"}, "/billing_cycle"),
        ({"trial_days": -1}, "/trial_days"),
        ({"start_date": "tomorrow"}, "/start_date"),
        ({"owner_id": str(new_id())}, "/owner_id"),
    ],
)
def test_what_is_wrong_is_named(client, headers, body, wrong, pointer):
    refused = client.post(SUBSCRIPTIONS, json=body | wrong, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_an_unknown_plan_is_not_found(client, headers, body):
    refused = client.post(SUBSCRIPTIONS, json=body | {"plan_id": "none"}, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (404, "plan-not-found")


def test_permissions_and_other_owners(client, token_for, body, running, owner):
    reader = {"Authorization": f"Bearer {token_for('subscription.read', owner_id=owner)}"}
    assert client.get(running, headers=reader).status_code == 200
    assert client.post(SUBSCRIPTIONS, json=body, headers=reader).status_code == 403
    assert client.post(f"{running}/cancel", json={}, headers=reader).status_code == 403
    stranger = {"Authorization": f"Bearer {token_for('subscription.*', owner_id=new_id())}"}
    for address in (running, f"{running}/renewal", f"{running}/extensions"):
        assert client.get(address, headers=stranger).status_code == 404
    assert client.get(SUBSCRIPTIONS).status_code == 401
