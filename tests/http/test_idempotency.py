"""The same request twice: one effect, one answer."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from app.core.audit import AuditEntry
from app.core.clock import now
from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.http.idempotency import KEPT, purge
from app.http.models import IdempotencyKey
from tests.http.toy import Gate, toy_app

NOTES = "/api/v1/notes"


def _count(world: World, action: str) -> int:
    with world.database.transaction(OPERATOR_ID) as session:
        return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == action)) or 0


def _age(world: World, key: dict[str, str]) -> None:
    with world.database.transaction(OPERATOR_ID) as session:
        old = now(session) - KEPT - timedelta(seconds=1)
        session.execute(
            update(IdempotencyKey).where(IdempotencyKey.key == key["Idempotency-Key"]).values(created_at=old)
        )


def test_a_repeat_gets_the_first_answer(client: FlaskClient, world: World, key: dict[str, str]) -> None:
    body = {"text": str(new_id())}
    first = client.post(NOTES, json=body, headers=key)
    second = client.post(NOTES, json=body, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert second.headers["Location"] == first.headers["Location"] == "/somewhere"
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert _count(world, body["text"]) == 1


def test_the_form_of_the_json_does_not_matter(client: FlaskClient, world: World, key: dict[str, str]) -> None:
    text = str(new_id())
    json = {"Content-Type": "application/json"}
    client.post(NOTES, data=f'{{"text":"{text}","lines":[]}}', headers=key | json)
    assert client.post(NOTES, data=f'{{ "lines": [], "text": "{text}" }}', headers=key | json).status_code == 201
    assert _count(world, text) == 1


def test_another_body_is_refused(client: FlaskClient, key: dict[str, str]) -> None:
    client.post(NOTES, json={"text": "a"}, headers=key)
    response = client.post(NOTES, json={"text": "b"}, headers=key)
    assert (response.status_code, response.json["code"]) == (422, "invalid")


def test_without_a_key_each_request_counts(client: FlaskClient, world: World) -> None:
    text = str(new_id())
    for _ in range(2):
        assert client.post(NOTES, json={"text": text}).status_code == 201
    assert _count(world, text) == 2


def test_two_at_once_have_one_effect(world: World, key: dict[str, str]) -> None:
    gate = Gate()
    client = toy_app(world, gate=gate).test_client()
    before = _count(world, "hold")
    answers = []
    first = threading.Thread(target=lambda: answers.append(client.post(NOTES, json={"text": "hold"}, headers=key)))
    first.start()
    assert gate.entered.wait(10)
    meanwhile = client.application.test_client().post(NOTES, json={"text": "hold"}, headers=key)
    gate.open.set()
    first.join(10)
    assert (meanwhile.status_code, meanwhile.json["code"]) == (409, "conflict")
    assert answers[0].status_code == 201
    assert client.post(NOTES, json={"text": "hold"}, headers=key).data == answers[0].data
    assert _count(world, "hold") == before + 1


def test_what_failed_may_be_tried_again(client: FlaskClient, key: dict[str, str]) -> None:
    assert client.post(NOTES, json={"text": "refuse"}, headers=key).status_code == 409
    assert client.post(NOTES, json={"text": "a"}, headers=key).status_code == 201


def test_a_key_is_good_for_one_path(client: FlaskClient, key: dict[str, str]) -> None:
    assert client.post("/api/v1/things/1/start", headers=key).json == {"finished": 1}
    assert client.post("/api/v1/things/2/start", headers=key).json == {"finished": 2}


def test_a_repeat_gets_what_stood_before_the_wait(client: FlaskClient, key: dict[str, str]) -> None:
    first = client.post("/api/v1/things/1/start", headers=key)
    second = client.post("/api/v1/things/1/start", headers=key)
    assert (first.status_code, first.json) == (200, {"finished": 1})
    assert (second.status_code, second.json) == (202, {"started": 1})


@pytest.mark.parametrize("bad", ["a" * 256, "with space", "ümlaut", ""])
def test_a_key_of_other_characters_is_refused(client: FlaskClient, bad: str) -> None:
    response = client.post(NOTES, json={"text": "a"}, headers={"Idempotency-Key": bad})
    assert (response.status_code, response.json["code"]) == (400, "bad-request")


def test_after_a_day_a_key_is_new(client: FlaskClient, world: World, key: dict[str, str]) -> None:
    client.post(NOTES, json={"text": "a"}, headers=key)
    _age(world, key)
    assert client.post(NOTES, json={"text": "b"}, headers=key).status_code == 201
    assert client.post(NOTES, json={"text": "b"}, headers=key).headers["Idempotency-Replayed"] == "true"


def test_the_purge_forgets_what_is_older_than_a_day(client: FlaskClient, world: World, key: dict[str, str]) -> None:
    client.post(NOTES, json={"text": "a"}, headers=key)
    with world.across.transaction() as session:
        purge(session)
    assert client.post(NOTES, json={"text": "a"}, headers=key).headers["Idempotency-Replayed"] == "true"
    _age(world, key)
    with world.across.transaction() as session:
        assert purge(session) >= 1
    with world.database.transaction(OPERATOR_ID) as session:
        kept = select(func.count()).where(IdempotencyKey.key == key["Idempotency-Key"])
        assert session.scalar(kept) == 0


def test_another_tenant_does_not_see_the_key(client: FlaskClient, world: World, key: dict[str, str]) -> None:
    client.post(NOTES, json={"text": "a"}, headers=key)
    with world.database.transaction(new_id()) as session:
        assert session.scalar(select(func.count()).select_from(IdempotencyKey)) == 0
