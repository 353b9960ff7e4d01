"""Operators' verbs by HTTP: their answers, refusals and permissions, on a world whose messages go nowhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core.ids import new_id
from app.core.settings import Settings
from app.domains.workflows import service
from app.factory import create_app
from app.http.principal import Principal
from app.http.tokens import Tokens
from pipelines.errors import StepFailed
from pipelines.operations import Call, Catalogue
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

ROUTED = Catalogue()
BROKEN: set[str] = set()
ALL = ("workflow:view", "workflow:execute", "workflow:create")


@ROUTED.operation("routed.pay", undone_by="routed.refund", moves_money=True)
def pay(call: Call) -> dict[str, Any]:
    """Pay."""
    if call.step_name in BROKEN:
        message = "no money there"
        raise StepFailed(message, permanent=True)
    call.effect("payment", call.step_name, f"Payment of {call.step_name}", system="bank", undo={"name": call.step_name})
    return {}


@ROUTED.operation("routed.refund")
def refund(call: Call, *, name: str) -> dict[str, Any]:
    """Pay back."""
    return {}


@ROUTED.operation("routed.tell", effects=True)
def tell(call: Call) -> dict[str, Any]:
    """Tell somebody; it cannot be undone."""
    call.effect("mail", call.step_name, "A mail", system="mail")
    return {}


def routed(name: str, method: str = "pay", **more: Any) -> dict[str, Any]:
    return step(name, method, service_name="routed", **more)


@pytest.fixture(scope="session")
def routed_settings(worker_id: str) -> Settings:
    return replace(prepared(f"turnup_routed_{worker_id}", 15), resend_after=5.0)


@dataclass
class Desk:
    """An operator's desk over an engine in this process."""

    lab: Lab
    http: FlaskClient
    headers: dict[str, str]

    def post(self, execution_id: int, verb: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        path = f"/api/v1/workflows/executions/{execution_id}/{verb}"
        answer = self.http.post(path, json=body or {}, headers=self.headers | headers)
        if answer.status_code < 300:
            self.lab.drain()
        return answer

    def get(self, path: str) -> Any:
        answer = self.http.get(f"/api/v1{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def shown(self, execution_id: int) -> Any:
        return self.get(f"/workflows/executions/{execution_id}")


@pytest.fixture
def desk(routed_settings: Settings) -> Iterator[Desk]:
    BROKEN.clear()
    with opened(routed_settings, ROUTED) as lab:
        http = create_app(routed_settings, lab.world).test_client()
        yield Desk(lab, http, _headers(routed_settings, lab.owner, *ALL))


def _headers(settings: Settings, owner: UUID, *permissions: str) -> dict[str, str]:
    principal = Principal(new_id(), owner, "op@example.com", permissions=frozenset(permissions))
    return {"Authorization": f"Bearer {Tokens(settings).issue(principal)}"}


def test_an_execution_is_paused_shown_and_resumed(desk: Desk) -> None:
    execution_id = desk.lab.start([routed("a"), routed("b")])
    paused = desk.post(execution_id, "pause", {"reason": "a look"})
    assert (paused.status_code, paused.json["status"]) == (202, "paused")
    refused = desk.post(execution_id, "pause")
    assert (refused.status_code, refused.json["detail"]) == (409, f"Execution {execution_id} is paused.")
    assert desk.post(execution_id, "resume").status_code == 202
    assert desk.shown(execution_id)["status"] == "completed"


def test_one_key_does_a_verb_once(desk: Desk) -> None:
    execution_id = desk.lab.start([routed("a")])
    key = {"Idempotency-Key": secrets.token_hex(8)}
    foreign = {"context": {"tenant_id": str(new_id())}}
    refused = [desk.post(execution_id, "replay", foreign), desk.post(execution_id, "rerun", {"step": "a", **foreign})]
    assert [each.status_code for each in refused] == [404, 404]
    first = desk.post(execution_id, "replay", **key)
    second = desk.post(execution_id, "replay", **key)
    assert (first.status_code, first.json["id"]) == (202, second.json["id"])
    assert first.headers["Location"] == f"/api/v1/workflows/executions/{first.json['id']}"


def test_terminating_needs_its_own_permission(desk: Desk) -> None:
    execution_id = desk.lab.start([{"name": "w", "type": "wait", "event": "it.happens"}])
    assert desk.post(execution_id, "terminate").status_code == 403
    bulk = {"verb": "terminate", "filters": {"status": "waiting"}}
    assert desk.http.post("/api/v1/workflows/bulk", json=bulk, headers=desk.headers).status_code == 403
    without = desk.headers
    desk.headers = _headers(desk.lab.world.settings, desk.lab.owner, *ALL, "workflow:terminate")
    bulk_id = desk.http.post("/api/v1/workflows/bulk", json=bulk, headers=desk.headers).json["id"]
    path = f"/api/v1/workflows/bulk/{bulk_id}"
    assert desk.http.post(f"{path}/stop", json={}, headers=without).status_code == 200
    assert desk.http.post(f"{path}/resume", json={}, headers=without).status_code == 403
    assert desk.http.post(f"{path}/resume", json={}, headers=desk.headers).status_code == 200
    assert desk.post(execution_id, "terminate").status_code == 202
    assert desk.shown(execution_id)["status"] == "cancelled"


def test_the_undo_plan_is_what_the_cancel_does(desk: Desk) -> None:
    steps = [routed("a"), routed("b"), routed("say", "tell"), {"name": "w", "type": "wait", "event": "it.happens"}]
    execution_id = desk.lab.start(steps)
    desk.lab.drain()
    path = f"/workflows/executions/{execution_id}"
    plan = desk.get(f"{path}/undo-plan")
    assert plan["summary"] == "2 effects will be undone, 2 of them moving money; 1 cannot be undone and stays."
    assert [(u["step_name"], u["operation"], u["system"], u["moves_money"], u["after"]) for u in plan["undo"]] == [
        ("b", "routed.refund", "bank", True, []),
        ("a", "routed.refund", "bank", True, ["b"]),
    ]
    assert [s["step_name"] for s in plan["stays"]] == ["say"]
    assert [u["step_name"] for u in desk.get(f"{path}/undo-plan?from_step=b")["undo"]] == ["b"]
    assert desk.shown(execution_id)["leftovers"] is None
    desk.post(execution_id, "cancel")
    shown = desk.shown(execution_id)
    assert (shown["status"], shown["rollback"]) == ("cancelled", "done")
    assert shown["leftovers"]["summary"] == "1 effect is left: A mail."
    assert {e["step_name"]: e["state"] for e in shown["effects"]} == {"a": "undone", "b": "undone", "say": "confirmed"}


def test_what_a_parked_step_waits_for_is_shown_and_answered(desk: Desk) -> None:
    ask = {"name": "ask", "type": "approval", "permission": "order.approve", "prompt": "May it?", "timeout_seconds": 60}
    execution_id = desk.lab.start([ask, {"name": "w", "type": "wait", "event": "it.happens"}, routed("a")])
    desk.lab.drain()
    shown = desk.shown(execution_id)
    waits = shown["steps"][0]["waits_for"]
    assert (shown["status"], shown["waiting"]) == ("waiting", 1)
    assert (waits["prompt"], waits["permission"], waits["deadline_at"] is None) == ("May it?", "order.approve", False)
    refused = desk.post(execution_id, "approve")
    assert (refused.status_code, refused.json["detail"]) == (403, "Answering ask needs the permission order.approve.")
    desk.headers = _headers(desk.lab.world.settings, desk.lab.owner, *ALL, "order.approve")
    assert desk.post(execution_id, "approve", {"comment": "yes"}).status_code == 202
    assert desk.shown(execution_id)["steps"][1]["waits_for"]["event"] == "it.happens"
    assert desk.post(execution_id, "signal", {"name": "it.happens", "data": {"n": 1}}).status_code == 202
    assert desk.shown(execution_id)["status"] == "completed"
    assert desk.post(execution_id, "reject").status_code == 409


def test_failed_steps_are_retried_skipped_and_re_run(desk: Desk) -> None:
    BROKEN.add("b")
    execution_id = desk.lab.start([routed("a"), routed("b"), routed("c")], rollback_on_failure=False)
    desk.lab.drain()
    assert desk.post(execution_id, "retry", {"steps": ["c"]}).status_code == 409
    assert desk.post(execution_id, "retry", {"steps": ["nothing"]}).status_code == 404
    assert desk.post(execution_id, "retry", {"step": "b"}).status_code == 422
    assert desk.post(execution_id, "retry").status_code == 202
    assert desk.shown(execution_id)["status"] == "failed"
    assert desk.post(execution_id, "skip", {"steps": ["b"]}).status_code == 202
    assert [s["status"] for s in desk.shown(execution_id)["steps"]] == ["completed", "skipped", "completed"]
    BROKEN.clear()
    assert desk.post(execution_id, "rerun", {"step": "b"}).status_code == 202
    assert [s["status"] for s in desk.shown(execution_id)["steps"]] == ["completed"] * 3
    assert desk.post(execution_id, "rollback").status_code == 409


def test_elements_are_counted_and_paged(desk: Desk) -> None:
    each = routed("each", for_each="${items}")
    execution_id = desk.lab.start([each], context={"items": [7, 8, 9]}, input={"items": {}})
    desk.lab.drain()
    shown = desk.shown(execution_id)
    assert [(s["step_name"], s["elements"]) for s in shown["steps"]] == [("each", {"completed": 3})]
    path = f"/workflows/executions/{execution_id}/elements"
    first = desk.get(f"{path}?step=each&limit=2")
    rest = desk.get(f"{path}?step=each&after={first[-1]['sequence_number']}")
    assert [(e["item_index"], e["item"]) for e in first + rest] == [(0, 7), (1, 8), (2, 9)]
    unknown = desk.http.get(f"/api/v1{path}?step=nothing", headers=desk.headers)
    assert (unknown.status_code, unknown.json["detail"]) == (404, f"Execution {execution_id} has no step 'nothing'")
    assert len(desk.get(f"/workflows/executions/{execution_id}/undo-plan")["undo"]) == 3


def test_a_history_goes_on_behind_an_entry(desk: Desk) -> None:
    execution_id = desk.lab.start([routed("a"), routed("b")])
    desk.lab.drain()
    path = f"/workflows/executions/{execution_id}/history"
    whole = desk.get(path)
    assert (whole[0]["to_state"], whole[-1]["to_state"], len(whole)) == ("running", "completed", 6)
    first = desk.get(f"{path}?limit=4")
    assert first + desk.get(f"{path}?after={first[-1]['id']}") == whole
    assert desk.get(f"{path}?after={whole[-1]['id']}") == []
    assert desk.http.get(f"/api/v1{path}?limit=0", headers=desk.headers).status_code == 422


def test_durations_may_be_left_out_of_the_list(desk: Desk) -> None:
    execution_id = desk.lab.start([routed("a")])
    desk.lab.drain()
    with_durations, without = (
        next(e for e in desk.get(f"/workflows/executions{query}") if e["id"] == execution_id)
        for query in ("", "?include_duration=false")
    )
    assert set(with_durations) - set(without) == {"duration_seconds"}


def test_a_bulk_operation_is_previewed_started_reported_and_stopped(desk: Desk) -> None:
    BROKEN.add("b")
    ids = [desk.lab.start([routed("a"), routed("b")], rollback_on_failure=False) for _ in range(3)]
    desk.lab.drain()
    search = {"status": "failed", "error": "NO MONEY", "failed_step": "b", "from": "2020-01-01T00:00:00Z"}
    body: dict[str, Any] = {"verb": "retry", "filters": search, "reason": "paid in", "canary": 1, "rate": 50}

    def post(path: str, said: dict[str, Any]) -> Any:
        return desk.http.post(f"/api/v1/workflows/bulk{path}", json=said, headers=desk.headers)

    preview = post("", body | {"preview": True})
    assert (preview.status_code, preview.json["total"]) == (200, 3)
    assert {e["id"] for e in preview.json["sample"]} == set(ids)
    assert post("", {"verb": "retry", "filters": {}}).status_code == 422
    assert post("", {"verb": "retry", "filters": {"workflow": ""}}).status_code == 422
    assert post("", {"verb": "retry", "filters": search, "params": {"steps": "b"}}).status_code == 422
    BROKEN.clear()
    started = post("", body)
    assert (started.status_code, started.json["report"]["pending"]) == (202, 3)
    bulk_id = started.json["id"]
    for _ in range(4):
        service.advance_bulk(desk.lab.world)
        desk.lab.drain()
        desk.lab.sql("UPDATE bulk_operations SET paced_at = paced_at - interval '1 s'")
    found = desk.get(f"/workflows/bulk/{bulk_id}")
    assert (found["state"], found["report"]["got_past"]) == ("completed", 3)
    assert [b["id"] for b in desk.get("/workflows/bulk")] == [bulk_id]
    assert post(f"/{bulk_id}/stop", {}).status_code == 409
    assert post(f"/{bulk_id}/resume", {}).status_code == 409


def test_the_switch_is_the_tenants_own_and_the_operators_for_all(desk: Desk) -> None:
    settings, owner = desk.lab.world.settings, desk.lab.owner
    headers = _headers(settings, owner, "engine.switch")

    def put(**said: Any) -> Any:
        return desk.http.put("/api/v1/engine/switch", json=said, headers=headers)

    off = put(is_on=False, reason="maintenance")
    assert (off.json["is_on"], off.json["off"][0]["scope"], off.json["off"][0]["reason"]) == (
        False,
        "tenant",
        "maintenance",
    )
    execution_id = desk.lab.start([routed("a")])
    desk.lab.drain()
    assert desk.shown(execution_id)["status"] == "pending"
    assert put(is_on=True).json == {"is_on": True, "off": []}
    desk.lab.sweep()
    desk.lab.drain()
    assert desk.shown(execution_id)["status"] == "completed"
    assert put(is_on=False, installation=True).status_code == 403


def test_triggers_are_listed_and_switched(desk: Desk) -> None:
    triggers = [{"schedule": "0 6 * * 1"}, {"event": "quote.accepted", "when": "event.data.n > 0"}]
    desk.lab.start([routed("a")], triggers=triggers)
    listed = [t for t in desk.get("/workflows/triggers") if not t["is_builtin"]]
    assert [(t["schedule"], t["event"], t["is_active"]) for t in listed] == [
        ("0 6 * * 1", None, True),
        (None, "quote.accepted", True),
    ]
    assert listed[0]["next_at"] is not None
    path = f"/api/v1/workflows/triggers/{listed[0]['id']}"
    switched = desk.http.patch(path, json={"is_active": False}, headers=desk.headers)
    assert (switched.status_code, switched.json["is_active"]) == (200, False)
    assert len([t for t in desk.get("/workflows/triggers?schedules=true") if not t["is_builtin"]]) == 1


def test_a_step_whose_operation_nobody_has_is_shown_as_such(desk: Desk) -> None:
    execution_id = desk.lab.start([routed("a")])
    desk.lab.sql(
        'UPDATE workflow_steps SET definition = definition || \'{"method": "gone"}\' WHERE execution_id = :e',
        e=execution_id,
    )
    assert desk.shown(execution_id)["steps"][0]["is_operation_known"] is False


def test_each_verb_leaves_an_audit_row(desk: Desk) -> None:
    workflow = desk.shown(desk.lab.start([{"name": "w", "type": "wait", "event": "it.happens"}]))["workflow_name"]
    body = {"workflow_name": workflow, "context": {}, "reason": "a try"}
    started = desk.http.post("/api/v1/workflows/execute", json=body, headers=desk.headers)
    execution_id = started.json["execution_id"]
    desk.post(execution_id, "pause", {"reason": "why"})
    desk.post(execution_id, "signal", {"name": "it.happens", "reason": "it did"})
    with desk.lab.world.database.transaction(desk.lab.owner) as session:
        rows = session.execute(
            text(
                "SELECT action, reason, before ->> 'state' AS was, after ->> 'state' AS is FROM audit_log "
                "WHERE object = :o AND actor <> 'system' ORDER BY id"
            ),
            {"o": f"execution/{execution_id}"},
        ).all()
    assert [tuple(row) for row in rows] == [
        ("execution.start", "a try", None, "running"),
        ("execution.pause", "why", "running", "paused"),
        ("execution.signal", "it did", None, None),
    ]
