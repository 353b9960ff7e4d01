"""Workflows and executions by HTTP."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.core.world import World

ALL = ("workflow:view", "workflow:execute", "workflow:create", "workflow:delete")


@pytest.fixture
def client(live_client: FlaskClient) -> FlaskClient:
    """What is started here runs on real workers."""
    return live_client


@pytest.fixture
def world(live_world: World) -> World:
    return live_world


@pytest.fixture
def headers(token_for: Callable[..., str], owner: UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(*ALL, owner_id=owner)}"}


def definition(**more: Any) -> dict[str, Any]:
    return {
        "name": f"w_{secrets.token_hex(6)}",
        "version": "1.0.0",
        "input": {"n": {"type": "integer", "required": True}},
        "steps": [
            {"name": "a", "type": "transform", "output": {"n": "${n}"}},
            {"name": "b", "type": "transform", "output": {"n": "${n}"}, "depends_on": ["a"]},
            {"name": "c", "type": "transform", "output": {"n": "${n}"}, "depends_on": ["a"]},
            {"name": "d", "type": "transform", "output": {"n": "${n}"}, "depends_on": ["b", "c"]},
        ],
        **more,
    }


def test_a_workflow_is_saved_shown_and_drawn_as_a_canvas(client: FlaskClient, headers: dict[str, str]) -> None:
    made = client.post("/api/v1/workflows", json=definition(), headers=headers)
    assert made.status_code == 201, made.text
    assert made.headers["Location"] == f"/api/v1/workflows/{made.json['id']}"
    shown = client.get(made.headers["Location"], headers=headers)
    assert shown.json["definition"]["steps"][1]["depends_on"] == ["a"]
    canvas = client.get(f"{made.headers['Location']}/canvas", headers=headers)
    assert canvas.json["canvas"] == "chain(a, chord([b, c], d))"


def test_a_definition_that_cannot_run_is_refused_with_every_fault_and_its_place(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    bad = definition(
        steps=[
            {"name": "a", "type": "service_call", "service": "nobody", "method": "nothing"},
            {"name": "b", "type": "teleport"},
            {"name": "c", "type": "condition", "condition": "1 +", "depends_on": ["z"]},
        ]
    )
    refused = client.post("/api/v1/workflows", json=bad, headers=headers)
    assert refused.status_code == 422
    assert refused.content_type == "application/problem+json"
    messages = {error["pointer"]: error["message"] for error in refused.json["errors"]}
    assert messages["/steps/0/service"] == "Service not found: nobody"
    assert messages["/steps/1/type"] == "Unknown step type: teleport"
    assert "/steps/2/depends_on/0" in messages
    checked = client.post("/api/v1/workflows/validate", json=bad, headers=headers)
    assert checked.status_code == 200
    assert checked.json["valid"] is False
    assert {error["pointer"] for error in checked.json["errors"]} == set(messages)


def test_a_new_version_replaces_the_current_one_and_a_saved_one_is_immutable(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    first = definition()
    made = client.post("/api/v1/workflows", json=first, headers=headers).json
    path = f"/api/v1/workflows/{made['id']}"
    again = client.put(path, json={**first, "description": "other"}, headers=headers)
    assert (again.status_code, again.json["errors"][0]["pointer"]) == (409, "/version")
    second = client.put(path, json={**first, "version": "1.1.0"}, headers=headers)
    assert (second.status_code, second.json["version"]) == (200, "1.1.0")
    versions = client.get(f"{path}/versions", headers=headers)
    assert [version["version"] for version in versions.json] == ["1.1.0", "1.0.0"]
    stale = client.put(path, json={**first, "version": "1.2.0"}, headers={**headers, "If-Match": '"1.0.0"'})
    assert stale.status_code == 412


def test_a_deactivated_workflow_starts_no_more(client: FlaskClient, headers: dict[str, str]) -> None:
    document = definition()
    made = client.post("/api/v1/workflows", json=document, headers=headers).json
    assert client.delete(f"/api/v1/workflows/{made['id']}", headers=headers).status_code == 204
    started = client.post(f"/api/v1/workflows/execute/{document['name']}", json={"n": 1}, headers=headers)
    assert started.status_code == 404
    assert started.json["detail"] == f"Workflow '{document['name']}' not found"


def test_a_started_workflow_ends_and_shows_its_steps_and_history(
    client: FlaskClient, headers: dict[str, str], workers: object
) -> None:
    document = definition()
    client.post("/api/v1/workflows", json=document, headers=headers)
    started = client.post(f"/workflows/execute/{document['name']}?wait=30", json={"n": 7}, headers=headers)
    assert started.status_code == 200, started.text
    assert started.json["status"] == "completed"
    assert started.json["result"]["d"] == {"n": 7}
    path = f"/api/v1/workflows/executions/{started.json['execution_id']}"
    shown = client.get(path, headers=headers).json
    assert [step["step_name"] for step in shown["steps"]] == ["a", "b", "c", "d"]
    assert {step["status"] for step in shown["steps"]} == {"completed"}
    history = client.get(f"{path}/history", headers=headers).json
    assert (history[0]["to_state"], history[0]["released"]) == ("running", [0])
    assert history[-1]["to_state"] == "completed"
    listed = client.get(f"/api/v1/workflows/executions?workflow={document['name']}", headers=headers)
    assert [execution["id"] for execution in listed.json] == [started.json["execution_id"]]


def test_the_event_stream_ends_with_the_execution(
    client: FlaskClient, headers: dict[str, str], workers: object
) -> None:
    document = definition()
    client.post("/api/v1/workflows", json=document, headers=headers)
    started = client.post(f"/api/v1/workflows/execute/{document['name']}", json={"n": 7}, headers=headers).json
    stream = client.get(f"/api/v1/workflows/executions/{started['execution_id']}/events", headers=headers)
    text = stream.get_data(as_text=True)
    *states, end = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    last = json.loads(states[-1])
    assert last["status"] == "completed"
    assert {step["status"] for step in last["steps"]} == {"completed"}
    assert (end, "event: end" in text) == ("{}", True)


def test_one_key_starts_one_execution(client: FlaskClient, headers: dict[str, str]) -> None:
    document = definition()
    client.post("/api/v1/workflows", json=document, headers=headers)
    keyed = {**headers, "Idempotency-Key": secrets.token_hex(8)}
    body = {"workflow_name": document["name"], "context": {"n": 1}}
    first = client.post("/api/v1/workflows/execute", json=body, headers=keyed)
    second = client.post("/api/v1/workflows/execute", json=body, headers=keyed)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json["execution_id"] == second.json["execution_id"]


@pytest.mark.parametrize(
    ("context", "pointer"),
    [({}, "/n"), ({"n": "seven"}, "/n"), ({"n": None}, "/n")],
)
def test_a_context_that_does_not_fit_is_refused(
    client: FlaskClient, headers: dict[str, str], context: dict[str, Any], pointer: str
) -> None:
    document = definition()
    client.post("/api/v1/workflows", json=document, headers=headers)
    refused = client.post(f"/api/v1/workflows/execute/{document['name']}", json=context, headers=headers)
    assert refused.status_code == 422
    assert pointer in {error["pointer"] for error in refused.json["errors"]}


def test_another_tenants_workflow_and_execution_do_not_exist(
    client: FlaskClient, headers: dict[str, str], token_for: Callable[..., str]
) -> None:
    document = definition()
    made = client.post("/api/v1/workflows", json=document, headers=headers).json
    started = client.post(f"/api/v1/workflows/execute/{document['name']}", json={"n": 1}, headers=headers).json
    stranger = {"Authorization": f"Bearer {token_for(*ALL)}"}
    for path in (f"/api/v1/workflows/{made['id']}", f"/api/v1/workflows/executions/{started['execution_id']}"):
        assert client.get(path, headers=stranger).status_code == 404
    named = client.post(f"/api/v1/workflows/execute/{document['name']}", json={"n": 1}, headers=stranger)
    assert named.status_code == 404
    foreign = client.post(
        f"/api/v1/workflows/execute/{document['name']}", json={"n": 1, "tenant_id": "somebody-else"}, headers=headers
    )
    assert foreign.status_code == 404


def test_built_ins_are_seen_by_all_and_changed_by_nobody(client: FlaskClient, headers: dict[str, str]) -> None:
    listed = client.get("/api/v1/workflows?q=order_to_activation", headers=headers).json
    assert [(workflow["name"], workflow["is_builtin"]) for workflow in listed] == [("order_to_activation", True)]
    assert client.delete(f"/api/v1/workflows/{listed[0]['id']}", headers=headers).status_code == 409


def test_operations_are_listed_with_their_schemas(client: FlaskClient, headers: dict[str, str]) -> None:
    listed = {operation["name"]: operation for operation in client.get("/api/v1/operations", headers=headers).json}
    provision = listed["deployment_service.provision_deployment"]
    assert provision["undone_by"] == "deployment_service.deprovision"
    assert "tenant_id" in provision["parameters"]["properties"]


def test_statistics_count_what_ended(client: FlaskClient, headers: dict[str, str], workers: object) -> None:
    document = definition()
    made = client.post("/api/v1/workflows", json=document, headers=headers).json
    client.post(f"/workflows/execute/{document['name']}?wait=30", json={"n": 7}, headers=headers)
    stats = client.get(f"/api/v1/workflows/{made['id']}/stats", headers=headers).json
    assert (stats["total_executions"], stats["successful_executions"], stats["success_rate"]) == (1, 1, 1.0)
    assert stats["p50_duration_seconds"] > 0
