"""Tickets by HTTP, as staff see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from app.core.world import World
from tests.domains.ticketing.conftest import Desk, open_desk

Headers = Callable[..., dict[str, str]]
PATH = "/api/v1/tickets"
TARGETS = "/api/v1/sla-targets"


@pytest.fixture
def staff(bearer: Headers) -> dict[str, str]:
    return bearer("ticket.*")


def body(desk: Desk, **changes: Any) -> dict[str, Any]:
    return {"title": "No light", "description": "Since noon.", "customer_id": str(desk.customer.id)} | changes


def opened(client: FlaskClient, desk: Desk, headers: dict[str, str], **changes: Any) -> dict[str, Any]:
    made = client.post(PATH, json=body(desk, **changes), headers=headers)
    assert made.status_code == 201, made.text
    return dict(made.get_json())


def pointers(response: Any) -> set[str]:
    assert response.status_code == 422, response.text
    assert response.content_type == "application/problem+json"
    return {error["pointer"] for error in response.get_json()["errors"]}


def test_a_ticket_is_opened_shown_answered_resolved_and_reopened(
    client: FlaskClient, desk: Desk, staff: dict[str, str]
) -> None:
    made = client.post(PATH, json=body(desk, priority="urgent"), headers=staff)
    assert made.status_code == 201, made.text
    ticket, path = made.get_json(), made.headers["Location"]
    assert path == f"{PATH}/{ticket['id']}"
    assert (ticket["status"], ticket["origin_type"], ticket["target_type"]) == ("open", "customer", "tenant")
    assert (ticket["created_by"], ticket["sla_due_date"][-1]) == ("test@example.com", "Z")
    shown = client.get(path, headers=staff)
    assert (shown.get_json(), shown.headers["ETag"]) == (ticket, made.headers["ETag"])

    said = client.post(f"{path}/messages", json={"body": "We look into it."}, headers=staff)
    assert (said.status_code, said.get_json()["author_type"]) == (201, "tenant")
    resolved = client.post(f"{path}/status", json={"status": "resolved", "reason": "spliced"}, headers=staff)
    assert (resolved.status_code, resolved.get_json()["resolution_time_minutes"]) == (200, 0)
    assert resolved.get_json()["first_response_at"] is not None
    reopened = client.post(f"{path}/status", json={"status": "open"}, headers=staff)
    assert (reopened.get_json()["status"], reopened.get_json()["resolved_at"]) == ("open", None)

    entries = client.get(f"{path}/events", headers=staff).get_json()
    assert [each["type"] for each in entries] == ["status_changed", "status_changed", "message_added", "created"]
    assert entries[1]["data"] == {"before": "open", "after": "resolved", "reason": "spliced"}


def test_the_same_key_is_one_ticket(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    keyed = staff | {"Idempotency-Key": new_id().hex}
    first, second = (client.post(PATH, json=body(desk), headers=keyed) for _ in range(2))
    assert (second.status_code, second.get_json()) == (201, first.get_json())
    assert len(desk.all()) == 1
    assert opened(client, desk, staff)["id"] != first.get_json()["id"]


def test_tickets_are_listed_by_what_they_are(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    dark = opened(client, desk, staff, ticket_type="outage_report", assigned_team="noc", priority="high")
    slow = opened(client, desk, staff, title="50% slower", ticket_type="speed_issue")
    client.post(f"{PATH}/{slow['id']}/status", json={"status": "waiting"}, headers=staff)

    def found(**query: str) -> list[str]:
        answer = client.get(PATH, query_string=query, headers=staff)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.get_json()]

    assert found() == found(customer_id=str(desk.customer.id)) == [slow["id"], dark["id"]]
    assert found(status="waiting") == found(ticket_type="speed_issue") == found(q="0% SLOW") == [slow["id"]]
    assert found(assigned_team="noc") == found(priority="high") == found(q=dark["ticket_number"][4:]) == [dark["id"]]
    assert found(customer_id=str(new_id())) == found(q="nothing like it") == []
    page = client.get(f"{PATH}?limit=1", headers=staff)
    assert [each["id"] for each in page.get_json()] == [slow["id"]]
    assert found(limit="1", cursor=page.headers["X-Next-Cursor"]) == [dark["id"]]


def test_a_ticket_is_changed_by_who_has_read_it(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    path = f"{PATH}/{opened(client, desk, staff)['id']}"
    tag = client.get(path, headers=staff).headers["ETag"]
    changed = client.patch(path, json={"priority": "low", "assigned_team": "noc"}, headers=staff | {"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert (changed.get_json()["priority"], changed.get_json()["context"]["routing"]) == ("low", {"team": "noc"})
    assert changed.headers["ETag"] != tag
    assert client.patch(path, json={"title": "Dark"}, headers=staff | {"If-Match": tag}).status_code == 412
    stale = client.post(f"{path}/status", json={"status": "closed"}, headers=staff | {"If-Match": tag})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"title": ""}, {"/title"}),
        ({"customer_id": True}, {"/customer_id"}),
        ({"customer_id": "nobody"}, {"/customer_id"}),
        ({"customer_id": None}, {"/customer_id"}),
        ({"priority": "asap", "ticket_type": "complaint"}, {"/priority", "/ticket_type"}),
        ({"target_type": "customer"}, {"/target_type"}),
        ({"tenant_id": "nowhere", "affected_services": [""]}, {"/tenant_id", "/affected_services/0"}),
        ({"status": "closed"}, {"/status"}),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, desk: Desk, staff: dict[str, str], changes: dict[str, Any], wrong: set[str]
) -> None:
    assert pointers(client.post(PATH, json=body(desk, **changes), headers=staff)) == wrong


def test_a_customer_is_named_by_number_too(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    for name in (desk.customer.serial, desk.customer.customer_number):
        assert opened(client, desk, staff, customer_id=name)["customer_id"] == str(desk.customer.id)


def test_the_tenant_asks_the_platform_without_a_customer(
    client: FlaskClient, desk: Desk, staff: dict[str, str]
) -> None:
    ticket = opened(client, desk, staff, customer_id=None, target_type="platform")
    assert (ticket["origin_type"], ticket["target_type"], ticket["customer_id"]) == ("tenant", "platform", None)


def test_messages_make_threads(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    path = f"{PATH}/{opened(client, desk, staff)['id']}/messages"
    (first,) = client.get(path, headers=staff).get_json()
    attachment = {"name": "photo.jpg", "url": "https://example.com/photo.jpg", "media_type": None, "size_bytes": 7}
    answer = {"body": "Here it is.", "reply_to_id": first["id"], "attachments": [attachment]}
    said = client.post(path, json=answer | {"author_type": "customer"}, headers=staff)
    assert said.status_code == 201, said.text
    newest, _ = client.get(path, headers=staff).get_json()
    assert newest == said.get_json()
    assert (newest["reply_to_id"], newest["attachments"], newest["author_type"]) == (
        first["id"],
        [attachment],
        "customer",
    )
    wrong = client.post(path, json={"body": " ", "reply_to_id": str(new_id())}, headers=staff)
    assert pointers(wrong) == {"/body", "/reply_to_id"}
    stranger = client.post(path, json={"body": "Hello.", "author_type": "platform"}, headers=staff)
    assert (stranger.status_code, stranger.get_json()["code"]) == (403, "not-a-party")


def test_a_closed_ticket_is_reopened_first(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    path = f"{PATH}/{opened(client, desk, staff)['id']}"
    assert client.post(f"{path}/status", json={"status": "closed"}, headers=staff).status_code == 200
    refused = {
        "illegal-transition": client.post(f"{path}/status", json={"status": "resolved"}, headers=staff),
        "ticket-closed": client.post(f"{path}/messages", json={"body": "Hello?"}, headers=staff),
    }
    assert {answer.get_json()["code"]: answer.status_code for answer in refused.values()} == dict.fromkeys(refused, 409)
    assert client.patch(path, json={"title": "Dark"}, headers=staff).status_code == 409


def test_an_installation_is_approved_once(client: FlaskClient, desk: Desk, staff: dict[str, str]) -> None:
    ticket = opened(
        client,
        desk,
        staff,
        ticket_type="installation_request",
        service_address="Hauptstr. 1, Berlin",
        device_serial_numbers=["SN1"],
    )
    path = f"{PATH}/{ticket['id']}/approve-installation"
    assert pointers(client.post(path, json={}, headers=staff)) == {
        "/bandwidth_plan",
        "/service_location",
        "/config_template",
        "/subscription_id",
    }
    wanted = {"bandwidth_plan": "fiber-500", "service_location": "BER-1", "config_template": "home"}
    wanted |= {"subscription_id": str(new_id()), "installation_date": "2026-05-01"}
    approved = client.post(path, json=wanted, headers=staff)
    assert approved.status_code == 200, approved.text
    assert approved.get_json()["approved_at"] is not None
    again = client.post(path, json=wanted, headers=staff)
    assert (again.status_code, again.get_json()["code"]) == (409, "installation-approved")
    other = client.post(f"{PATH}/{opened(client, desk, staff)['id']}/approve-installation", json=wanted, headers=staff)
    assert (other.status_code, other.get_json()["code"]) == (409, "no-installation")


def test_targets_are_shown_and_set(client: FlaskClient, desk: Desk, bearer: Headers) -> None:
    headers = bearer("ticket.read", "ticket.create", "sla_target.update")
    listed = client.get(TARGETS, headers=headers).get_json()
    assert {each["priority"]: each["first_response_minutes"] for each in listed} == {
        "urgent": 60,
        "high": 240,
        "normal": 480,
        "low": 1440,
    }
    answer = client.put(
        f"{TARGETS}/urgent", json={"first_response_minutes": 5, "resolution_minutes": 30}, headers=headers
    )
    assert (answer.status_code, answer.get_json()["resolution_minutes"]) == (200, 30)
    wrong = {"first_response_minutes": 31, "resolution_minutes": 30}
    assert pointers(client.put(f"{TARGETS}/urgent", json=wrong, headers=headers)) == {"/first_response_minutes"}
    unknown = client.put(f"{TARGETS}/asap", json=wrong, headers=headers)
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "unknown-priority")


def test_permissions_and_other_owners(client: FlaskClient, desk: Desk, bearer: Headers, world: World) -> None:
    reader = bearer("ticket.read")
    path = f"{PATH}/{desk.opened().id}"
    assert client.get(PATH).status_code == 401
    assert client.post(PATH, json=body(desk), headers=reader).status_code == 403
    assert client.post(f"{path}/messages", json={"body": "Hello."}, headers=reader).status_code == 403
    assert client.post(f"{path}/status", json={"status": "closed"}, headers=reader).status_code == 403
    assert client.put(f"{TARGETS}/urgent", json={}, headers=bearer("ticket.*")).status_code == 403
    foreign = client.get(f"{PATH}/{open_desk(world).opened().id}", headers=reader)
    assert (foreign.status_code, foreign.get_json()["code"]) == (404, "ticket-not-found")
