"""Lists: every row once, newest first, and cursors that hold for their own list only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer

from app.core.audit import AuditEntry
from app.core.clock import utc_now
from app.core.ids import new_id
from app.core.world import World
from tests.http.conftest import Bearer

NOTES = "/api/v1/notes"
Headers = dict[str, str]


@pytest.fixture
def reader(world: World, bearer: Bearer) -> Headers:
    """A tenant with seven notes, three of them of one moment, who may read them."""
    owner_id = new_id()
    _write(world, owner_id, 7)
    return bearer("note.read", owner_id=owner_id)


def _write(world: World, owner_id: UUID, count: int) -> None:
    begun = utc_now()
    with world.database.transaction(owner_id) as session:
        for number in range(count):
            at = begun + timedelta(seconds=max(0, number - 2))
            session.add(AuditEntry(at=at, actor="a", action="even" if number % 2 == 0 else "odd", object="page"))
            session.flush()


def _walk(client: FlaskClient, headers: Headers, path: str) -> list[int]:
    seen: list[int] = []
    while True:
        response = client.get(path, headers=headers)
        assert response.status_code == 200
        seen += [row["id"] for row in response.json]
        if "X-Next-Cursor" not in response.headers:
            assert "Link" not in response.headers
            return seen
        link = response.headers["Link"]
        assert link.endswith('; rel="next"')
        address = urlsplit(link[1 : link.index(">")])
        path = f"{address.path}?{address.query}"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_every_row_comes_once_newest_first(client: FlaskClient, reader: Headers, limit: int) -> None:
    seen = _walk(client, reader, f"{NOTES}?limit={limit}")
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)


def test_filters_go_on_with_the_pages(client: FlaskClient, reader: Headers) -> None:
    assert len(_walk(client, reader, f"{NOTES}?limit=1&action=odd")) == 3


def test_the_limit_is_bounded(client: FlaskClient, reader: Headers) -> None:
    for limit in ("0", "201", "-1", "many"):
        response = client.get(f"{NOTES}?limit={limit}", headers=reader)
        assert (response.status_code, response.json["errors"][0]["pointer"]) == (422, "/limit")


def _cursor(client: FlaskClient, reader: Headers) -> str:
    return client.get(f"{NOTES}?limit=2&action=even", headers=reader).headers["X-Next-Cursor"]


def _tampered(cursor: str) -> str:
    payload, dot, signature = cursor.rpartition(".")
    return f"{payload[:-2]}{'AA' if payload[-2:] != 'AA' else 'BB'}{dot}{signature}"


@pytest.mark.parametrize(
    "spoil", [_tampered, lambda _cursor: "x", lambda cursor: cursor + "x", lambda _cursor: "a.b.c"]
)
def test_a_tampered_cursor_is_refused(client: FlaskClient, reader: Headers, spoil: Callable[[str], str]) -> None:
    response = client.get(f"{NOTES}?action=even&cursor={spoil(_cursor(client, reader))}", headers=reader)
    assert (response.status_code, response.json["code"]) == (400, "bad-request")


def test_a_cursor_of_another_secret_is_refused(client: FlaskClient, reader: Headers) -> None:
    forged = URLSafeSerializer("another secret", salt="page-cursor").dumps(["2026-01-01T00:00:00+00:00", "1", "x"])
    assert client.get(f"{NOTES}?cursor={forged}", headers=reader).status_code == 400


def test_a_cursor_of_other_filters_is_refused(client: FlaskClient, reader: Headers) -> None:
    cursor = _cursor(client, reader)
    assert client.get(f"{NOTES}?action=even&cursor={cursor}", headers=reader).status_code == 200
    assert client.get(f"{NOTES}?action=even&limit=5&cursor={cursor}", headers=reader).status_code == 200
    assert client.get(f"{NOTES}?action=odd&cursor={cursor}", headers=reader).status_code == 400
    assert client.get(f"{NOTES}?cursor={cursor}", headers=reader).status_code == 400


def test_a_cursor_of_somebody_else_is_refused(client: FlaskClient, reader: Headers, bearer: Bearer) -> None:
    cursor = _cursor(client, reader)
    assert client.get(f"{NOTES}?action=even&cursor={cursor}", headers=bearer("note.read")).status_code == 400


def test_nobody_sees_another_tenants_rows(client: FlaskClient, reader: Headers, bearer: Bearer) -> None:
    assert client.get(NOTES, headers=bearer("note.read")).json == []
