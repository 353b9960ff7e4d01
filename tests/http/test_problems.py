"""Every error is a problem document, and says no more than it should."""

from __future__ import annotations

import io
import logging

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from app.core.audit import AuditEntry
from app.core.ids import OPERATOR_ID
from app.core.world import World

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("missing", 404, "not-found"),
        ("invalid", 422, "invalid"),
        ("many", 429, "too-many-requests"),
        ("away", 503, "unavailable"),
        ("range", 422, "invalid"),
        ("twice", 409, "conflict"),
        ("lost", 503, "unavailable"),
        ("otherwise", 500, "internal"),
    ],
)
def test_each_error_has_its_document_and_leaves_nothing(
    client: FlaskClient, world: World, how: str, status: int, code: str
) -> None:
    response = client.post(f"/api/v1/failing/{how}")
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.json["status"] == status
    assert response.json["code"] == code
    assert response.json["title"]
    assert len(response.json["trace_id"]) == 32
    with world.database.transaction(OPERATOR_ID) as session:
        left = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "failing")
        assert session.scalar(left) == 0


def test_an_unforeseen_error_is_logged_and_not_told(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        response = client.post("/api/v1/failing/otherwise")
    assert "secret detail" not in response.text
    assert "Traceback" not in response.text
    assert any(record.exc_info and "secret detail" in str(record.exc_info[1]) for record in caplog.records)


def test_faults_are_told_by_json_pointer(client: FlaskClient) -> None:
    response = client.post("/api/v1/notes", json={"text": 1, "lines": [{"quantity": 0, "a/b~c": 1}], "extra": 1})
    assert response.status_code == 422
    assert {error["pointer"] for error in response.json["errors"]} == {
        "/text",
        "/lines/0/code",
        "/lines/0/quantity",
        "/lines/0/a~1b~0c",
        "/extra",
    }


def test_a_retry_says_when(client: FlaskClient) -> None:
    assert client.post("/api/v1/failing/many").headers["Retry-After"] == "7"
    assert int(client.post("/api/v1/failing/away").headers["Retry-After"]) > 0


def test_the_callers_trace_is_kept(client: FlaskClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = client.get("/nowhere", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert response.json["trace_id"] == trace
    response = client.get("/nowhere", headers={"traceparent": "rubbish"})
    assert len(response.json["trace_id"]) == 32


def test_unknown_addresses_and_methods(client: FlaskClient) -> None:
    response = client.get("/nowhere")
    assert (response.status_code, response.content_type) == (404, "application/problem+json")
    response = client.delete("/api/v1/notes")
    assert (response.status_code, response.content_type) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(",", "").split())


@pytest.mark.parametrize("raw", [b"{", b"nonsense", b'{"text": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_broken_json_is_400(client: FlaskClient, raw: bytes) -> None:
    response = client.post("/api/v1/notes", data=raw, headers=JSON)
    assert (response.status_code, response.json["code"]) == (400, "bad-request")


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"1", b"{}", b"null"])
def test_json_of_the_wrong_form_is_422(client: FlaskClient, raw: bytes) -> None:
    assert client.post("/api/v1/notes", data=raw, headers=JSON).status_code == 422


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_nothing_can_store_is_422(client: FlaskClient, text: str) -> None:
    response = client.post("/api/v1/notes", json={"text": text})
    assert response.status_code == 422
    assert response.json["errors"][0]["pointer"] == "/text"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(client: FlaskClient, media_type: str) -> None:
    response = client.post("/api/v1/notes", data=b'{"text": "a"}', headers={"Content-Type": media_type})
    assert (response.status_code, response.json["status"]) == (415, 415)


@pytest.mark.parametrize("path", ["/api/v1/notes", "/api/v1/failing/missing"])
def test_a_large_body_is_413(client: FlaskClient, path: str) -> None:
    response = client.post(path, data=b'"' + b"a" * 2 * 1024 * 1024 + b'"', headers=JSON)
    assert (response.status_code, response.json["code"]) == (413, "too-large")


def test_a_large_body_in_chunks_is_413(client: FlaskClient) -> None:
    chunks = io.BytesIO(b'"' + b"a" * 2 * 1024 * 1024 + b'"')
    terminated = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = client.post("/api/v1/notes", input_stream=chunks, headers=JSON, environ_overrides=terminated)
    assert (response.status_code, response.json["code"]) == (413, "too-large")


def test_a_body_of_the_largest_size_is_taken(client: FlaskClient) -> None:
    raw = b'{"text": "a"}'
    response = client.post("/api/v1/notes", data=raw + b" " * (1024 * 1024 - len(raw)), headers=JSON)
    assert response.status_code == 201


def test_a_body_where_none_is_known_is_refused(client: FlaskClient) -> None:
    response = client.post("/api/v1/failing/missing", json={"unknown": 1})
    assert (response.status_code, response.json["errors"][0]["pointer"]) == (422, "/unknown")


def test_unknown_arguments_are_refused(client: FlaskClient) -> None:
    response = client.get("/api/v1/versioned?unknown=1")
    assert (response.status_code, response.json["errors"][0]["pointer"]) == (422, "/unknown")
