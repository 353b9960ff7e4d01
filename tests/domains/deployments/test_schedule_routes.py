"""Maintenance windows and scheduled deployments over HTTP."""

from __future__ import annotations

import pytest

from app.core.ids import OPERATOR_ID, new_id

WINDOWS = "/api/v1/maintenance-windows"
SCHEDULES = "/api/v1/scheduled-deployments"
NIGHTS = {
    "name": "Nights",
    "weekdays": ["sat", "sun"],
    "starts_at": "23:30",
    "duration_minutes": 120,
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def headers(token_for, owner):
    return {"Authorization": f"Bearer {token_for('deployment.*', owner_id=owner)}"}


def test_a_window_is_made_listed_changed_and_deleted(client, headers):
    made = client.post(WINDOWS, json=NIGHTS, headers=headers)
    assert made.status_code == 201, made.text
    assert {name: made.json[name] for name in NIGHTS} == NIGHTS
    assert (made.json["region"], made.json["is_active"]) == (None, True)
    address = made.headers["Location"]
    tag = client.get(address, headers=headers).headers["ETag"]
    changed = client.put(address, json=NIGHTS | {"region": "north"}, headers={**headers, "If-Match": tag})
    assert (changed.status_code, changed.json["region"]) == (200, "north")
    assert client.put(address, json=NIGHTS, headers={**headers, "If-Match": tag}).status_code == 412
    assert [each["id"] for each in client.get(WINDOWS, headers=headers).json] == [made.json["id"]]
    assert client.delete(address, headers=headers).status_code == 204
    assert client.get(address, headers=headers).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"weekdays": []},
        {"starts_at": "25:00"},
        {"duration_minutes": 5},
        {"time_zone": "Mars/Base"},
        {"name": ""},
        {"owner_id": str(OPERATOR_ID)},
    ],
)
def test_what_is_wrong_with_a_window_is_named(client, headers, wrong):
    refused = client.post(WINDOWS, json=NIGHTS | wrong, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{next(iter(wrong))}"]


def test_a_deployment_is_scheduled_moved_and_called_off(client, headers):
    once = {**headers, "Idempotency-Key": str(new_id())}
    first, second = (client.post(SCHEDULES, json={"order_id": 42}, headers=once) for _ in range(2))
    assert first.status_code == second.status_code == 201, first.text
    assert first.json == second.json
    assert (first.json["order_id"], first.json["state"]) == (42, "scheduled")
    address = first.headers["Location"]
    again = client.post(SCHEDULES, json={"order_id": 42}, headers=headers)
    assert again.json["id"] == first.json["id"]
    refused = client.post(f"{address}/reschedule", json={"scheduled_at": "2001-01-01"}, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (422, "time-refused")
    assert client.post(f"{address}/reschedule", json={}, headers=headers).status_code == 200
    cancelled = client.post(f"{address}/cancel", headers=headers)
    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    over = client.post(f"{address}/reschedule", json={}, headers=headers)
    assert (over.status_code, over.json["code"]) == (409, "schedule-over")
    assert client.get(address, headers=headers).json["state"] == "cancelled"


def test_scheduled_deployments_are_listed_by_order_and_state(client, headers):
    made = [client.post(SCHEDULES, json={"order_id": each}, headers=headers).json["id"] for each in (1, 2)]
    client.post(f"{SCHEDULES}/{made[0]}/cancel", headers=headers)

    def found(**query):
        return [each["id"] for each in client.get(SCHEDULES, query_string=query, headers=headers).json]

    assert found() == made[::-1]
    assert found(order_id=1) == found(state="cancelled") == made[:1]
    assert found(state="started") == []


@pytest.mark.parametrize("wrong", [{"order_id": 0}, {"order_id": "1"}, {"region": ""}, {"scheduled_at": "soon"}])
def test_what_is_wrong_with_a_schedule_is_named(client, headers, wrong):
    refused = client.post(SCHEDULES, json={"order_id": 1} | wrong, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{next(iter(wrong))}"]


def test_permissions_and_other_owners(client, token_for, headers):
    reader = {"Authorization": f"Bearer {token_for('deployment.read')}"}
    assert client.post(WINDOWS, json=NIGHTS, headers=reader).status_code == 403
    assert client.post(SCHEDULES, json={"order_id": 1}, headers=reader).status_code == 403
    window = client.post(WINDOWS, json=NIGHTS, headers=headers).json["id"]
    scheduled = client.post(SCHEDULES, json={"order_id": 1}, headers=headers).json["id"]
    for address in (f"{WINDOWS}/{window}", f"{SCHEDULES}/{scheduled}", f"{SCHEDULES}/{new_id()}"):
        assert client.get(address, headers=reader).status_code == 404
    assert client.get(SCHEDULES).status_code == 401


def test_how_long_a_template_lets_its_deployments_take(client, headers):
    body = {"name": "slow", "display_name": "Slow", "deployment_type": "awx"}
    made = client.post("/api/v1/deployment-templates", json=body | {"provision_seconds": 1200}, headers=headers)
    assert (made.status_code, made.json["provision_seconds"]) == (201, 1200)
    refused = client.post("/api/v1/deployment-templates", json=body | {"provision_seconds": 1801}, headers=headers)
    assert [error["pointer"] for error in refused.json["errors"]] == ["/provision_seconds"]
