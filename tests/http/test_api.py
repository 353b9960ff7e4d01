"""The edge as a whole: headers, versions, short paths, health, the API's own description."""

from __future__ import annotations

import dataclasses
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text

from app.core.audit import AuditEntry
from app.core.ids import OPERATOR_ID
from app.core.world import World
from app.http import health
from app.http.endpoint import Blueprint, endpoint
from app.http.health import checks
from app.http.openapi import SchemaNames
from app.http.routes import Route, declared
from tests.http.conftest import Bearer
from tests.http.toy import NoteOut, toy_app


def test_money_keeps_its_decimals_and_times_their_zone(client: FlaskClient) -> None:
    assert client.get("/api/v1/versioned").text == '{"total_amount": 348.00}'
    assert re.search(r'"at": "[0-9T:.-]+Z"', client.post("/api/v1/notes", json={"text": "a"}).text)


def test_a_known_version_is_not_sent_again(client: FlaskClient) -> None:
    tag = client.get("/api/v1/versioned").headers["ETag"]
    assert tag == '"7"'
    assert client.get("/api/v1/versioned", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(("given", "status"), [(None, 200), ('"7"', 200), ("*", 200), ('"6"', 412), ('"8"', 412)])
def test_a_change_of_another_version_is_refused(
    client: FlaskClient, bearer: Bearer, given: str | None, status: int
) -> None:
    headers = bearer("note.update") | ({"If-Match": given} if given else {})
    response = client.patch("/api/v1/versioned", json={"a": 1}, headers=headers)
    assert response.status_code == status
    if status == 200:
        assert response.headers["ETag"] == '"8"'


def test_acts_are_recorded_with_actor_and_address(client: FlaskClient, world: World) -> None:
    made = client.post("/api/v1/notes", json={"text": "a"}).json
    with world.database.transaction(OPERATOR_ID) as session:
        entry = session.get_one(AuditEntry, made["id"])
        assert (entry.actor, entry.address) == ("public", "127.0.0.1")


def test_short_paths_answer_as_the_long_ones(client: FlaskClient) -> None:
    assert client.get("/workflows").json == {"short": True}
    assert client.get("/api/v1/workflows").json == {"short": False}
    assert client.get("/notes").status_code == 404


def test_answers_are_hardened_and_no_other_origin_is_allowed(client: FlaskClient) -> None:
    for response in (client.get("/api/v1/versioned"), client.get("/nowhere"), client.get("/healthz")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in client.options("/api/v1/notes", headers=asked).headers


def test_every_route_declares_who_may_call_it(app: Flask) -> None:
    assert [path for path, route in declared(app) if route is None] == []


def test_a_route_that_names_nobody_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="permission"):
        endpoint(Blueprint("b", __name__), "GET", "/x", permission=None)


def test_a_route_without_a_declaration_is_found(world: World) -> None:
    app = toy_app(world)
    app.add_url_rule("/forgotten", view_func=lambda: "")
    assert [path for path, route in declared(app) if route is None] == ["/forgotten"]
    assert Route("PATCH", "/versioned", "note.update") in [route for _, route in declared(app)]


def test_the_description_follows_from_the_declarations(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "/workflows" not in document["paths"]
    listing, writing = (document["paths"]["/api/v1/notes"][method] for method in ("get", "post"))
    assert listing["security"] == [{"bearer": []}]
    assert listing["x-permission"] == "note.read"
    assert {parameter["name"] for parameter in listing["parameters"]} == {"limit", "cursor", "action"}
    assert writing["security"] == []
    assert writing["parameters"][0]["name"] == "Idempotency-Key"
    for answer in ("default", "422"):
        told = writing["responses"][answer]
        told = document["components"]["responses"]["DEFAULT_ERROR"] if "$ref" in told else told
        assert list(told["content"]) == ["application/problem+json"]


def test_schemas_of_one_name_get_the_rooms_name_and_cut_down_ones_none() -> None:
    names = SchemaNames()
    other = type("NoteOut", (NoteOut,), {"__module__": "app.domains.tenants.schemas"})
    assert names(NoteOut) == names(NoteOut()) == names(NoteOut(many=True)) == "NoteOut"
    assert names(other) == "TenantsNoteOut"
    assert names(NoteOut(only=("id",))) is None
    assert names(NoteOut(exclude=("id",))) is None
    assert names(NoteOut(partial=True)) is None


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_that_show_it_need_nobody_else(client: FlaskClient, page: str) -> None:
    with client.get(page) as response:
        assert response.status_code == 200
        assert "http:" not in response.text
        assert "https:" not in response.text
        assert "script-src 'self';" in response.headers["Content-Security-Policy"]
        assets = re.findall(r'(?:src|href)="([^"]+)"', response.text)
    assert assets
    for asset in assets:
        with client.get(asset) as shipped:
            assert shipped.status_code == 200


def test_only_named_assets_are_served(client: FlaskClient) -> None:
    assert client.get("/docs/assets/__init__.py").status_code == 404
    assert client.get("/docs/assets/..%2fdocs.py").status_code == 404


def test_a_process_that_lives_says_so(client: FlaskClient) -> None:
    assert client.get("/healthz").json == {"status": "ok"}


def test_ready_means_database_redis_and_migrations(client: FlaskClient) -> None:
    response = client.get("/readyz")
    assert response.json["checks"] == {"database": "ok", "migrations": "ok", "redis": "ok"}
    assert response.status_code == 200


def test_without_redis_it_is_not_ready(world: World) -> None:
    nowhere = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    response = toy_app(dataclasses.replace(world, redis=nowhere)).test_client().get("/readyz")
    assert (response.status_code, response.json["checks"]["redis"]) == (503, "unreachable")


def test_an_older_schema_is_not_ready_and_a_newer_one_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.database.transaction(None) as session:
        present = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    monkeypatch.setattr(health, "_revisions", lambda: (frozenset({present, "9999_next"}), frozenset({"9999_next"})))
    assert checks(world)["migrations"] == "run `turnup migrate`"
    monkeypatch.setattr(health, "_revisions", lambda: (frozenset({"0000_first"}), frozenset({"0000_first"})))
    assert checks(world)["migrations"] == "ok"
