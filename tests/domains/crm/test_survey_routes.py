"""Site surveys over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from tests.domains.crm.conftest import ADDRESS, Desk

SURVEYS = "/api/v1/site-surveys"
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def headers(bearer: Bearer) -> dict[str, str]:
    return bearer("site_survey.*")


@pytest.fixture
def made(client: FlaskClient, headers: dict[str, str], desk: Desk) -> Any:
    body = {"address": ADDRESS, "lead_id": str(desk.lead().id)}
    answer = client.post(SURVEYS, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json


def test_a_survey_is_planned_and_completed(client: FlaskClient, headers: dict[str, str], made: Any) -> None:
    address = f"{SURVEYS}/{made['id']}"
    assert (made["status"], made["address"]) == ("requested", ADDRESS)
    tag = client.get(address, headers=headers).headers["ETag"]
    plan = {"scheduled_for": "2999-01-01T10:00:00+01:00", "surveyor": "Grace"}
    planned = client.patch(address, json=plan, headers={**headers, "If-Match": tag})
    assert (planned.json["status"], planned.json["scheduled_for"]) == ("scheduled", "2999-01-01T09:00:00Z")
    assert client.patch(address, json=plan, headers={**headers, "If-Match": tag}).status_code == 412
    result = {
        "is_feasible": True,
        "technology": "gpon",
        "fiber_distance_m": 120.5,
        "olt": "olt-1",
        "port": "0/1/3",
        "estimated_cost": 350,
        "currency": "EUR",
        "latitude": 52.520008,
        "longitude": 13.404954,
    }
    done = client.post(f"{address}/complete", json=result, headers=headers)
    assert (done.status_code, done.json["status"]) == (200, "completed"), done.text
    assert {name: done.json[name] for name in result} == result
    assert '"estimated_cost": 350.00' in done.text
    again = client.post(f"{address}/complete", json=result, headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "site-survey-closed")


def test_whoever_says_no_says_why(client: FlaskClient, headers: dict[str, str], made: Any) -> None:
    refused = client.post(f"{SURVEYS}/{made['id']}/complete", json={"is_feasible": False}, headers=headers)
    assert [error["pointer"] for error in refused.json["errors"]] == ["/reason"]


def test_a_survey_is_cancelled(client: FlaskClient, headers: dict[str, str], made: Any) -> None:
    gone = client.post(f"{SURVEYS}/{made['id']}/cancel", json={"reason": "moved"}, headers=headers)
    assert (gone.status_code, gone.json["status"]) == (200, "cancelled")


def test_surveys_are_listed_by_status_lead_and_ticket(client: FlaskClient, headers: dict[str, str], made: Any) -> None:
    ticket_id = str(new_id())
    other = client.post(SURVEYS, json={"address": ADDRESS, "ticket_id": ticket_id}, headers=headers).json

    def found(**query: Any) -> list[str]:
        return [each["id"] for each in client.get(SURVEYS, query_string=query, headers=headers).json]

    assert found() == [other["id"], made["id"]]
    assert found(ticket_id=ticket_id) == [other["id"]]
    assert found(lead_id=made["lead_id"], status="requested") == [made["id"]]
    assert found(status="completed") == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/address"]),
        ({"address": ADDRESS}, ["/customer_id"]),
        ({"address": {"line1": "Hauptstr. 1"}, "ticket_id": str(new_id())}, ["/address/city", "/address/country"]),
        ({"address": ADDRESS, "is_feasible": True}, ["/is_feasible"]),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, headers: dict[str, str], body: dict[str, Any], pointers: list[str]
) -> None:
    refused = client.post(SURVEYS, json=body, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == pointers


def test_permissions_and_other_owners(
    client: FlaskClient, bearer: Bearer, token_for: Callable[..., str], made: Any
) -> None:
    planner = bearer("site_survey.read", "site_survey.update")
    result = {"is_feasible": True, "technology": "gpon"}
    assert client.post(f"{SURVEYS}/{made['id']}/complete", json=result, headers=planner).status_code == 403
    stranger = {"Authorization": f"Bearer {token_for('site_survey.*')}"}
    unknown = client.post(f"{SURVEYS}/{made['id']}/complete", json=result, headers=stranger)
    assert (unknown.status_code, unknown.json["code"]) == (404, "site-survey-not-found")
    assert client.get(SURVEYS).status_code == 401
