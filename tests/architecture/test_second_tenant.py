"""A second tenant's token walks every route with the names of the first tenant's rows, and finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.core.settings import Settings
from app.http.routes import PUBLIC, Route, declared
from tests.architecture.conftest import First, bearer

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# the account of the caller itself, whatever it is
OWN = {"GET /api/v1/auth/me", "POST /api/v1/auth/password"}


@dataclass(frozen=True)
class Walk:
    """Every route that asks for a token, with the first tenant's names in its address."""

    http: FlaskClient
    settings: Settings
    names: dict[str, str]

    def routes(self, *, reading: bool) -> Iterator[tuple[Route, str]]:
        for path, route in declared(self.http.application):
            asks = route is not None and route.needs is not PUBLIC and f"{route.method} {path}" not in OWN
            if route and asks and (route.method == "GET") is reading:
                yield route, path

    def answer(self, method: str, path: str, headers: dict[str, str]) -> TestResponse:
        names = self.names
        if "activation-workflows" in path:
            names = names | {"workflow_id": names["activation-workflows"]}
        address = PARAMETER.sub(lambda match: names[match[1]], path)
        return self.http.open(address, method=method, headers=headers, json=None if method == "GET" else {})


@pytest.fixture(scope="module")
def walk(http: FlaskClient, settings: Settings, first: First) -> Walk:
    def one(query: str) -> str:
        with first.shop.session() as session:
            return str(session.execute(text(query)).scalars().first())

    names = {
        "order_id": str(first.order.id),
        "execution_id": str(first.order.execution_id),
        "tenant_id": str(first.order.tenant_id),
        "user_id": str(first.account.user_id),
        "template_id": one("SELECT id FROM deployment_templates"),
        "instance_id": one("SELECT id FROM deployment_instances"),
        "workflow_id": str(first.workflow_id),
        "activation-workflows": one("SELECT id FROM activation_workflows"),
        "code": one("SELECT code FROM packages"),
        "service_code": one("SELECT code FROM services"),
        "currency": "USD",
        "name": "own",
    }
    return Walk(http, settings, names)


def _telling(first: First, walk: Walk) -> list[str]:
    """What no answer to somebody else may hold: addresses, numbers, and every UUID."""
    owner = str(first.owner_id)
    uuids = [name for name in walk.names.values() if len(name) == len(owner)]
    return [owner, first.account.email, first.order.order_number, first.order.customer_email, *uuids]


def test_the_first_tenant_finds_all_of_it(walk: Walk, first: First) -> None:
    headers = bearer(walk.settings, first.owner_id, first.account.user_id)
    found = {}
    for route, path in walk.routes(reading=True):
        with walk.answer("GET", path, headers) as answer:  # closes a stream after its first words
            found[path] = (answer.status_code, route.needs)
    assert len(found) > 25
    assert {path: said for path, said in found.items() if said[0] != 200} == {}


def test_the_second_finds_none_of_it(walk: Walk, first: First, second: UUID) -> None:
    headers = bearer(walk.settings, second)
    for _, path in walk.routes(reading=True):
        with walk.answer("GET", path, headers) as answer:
            assert answer.status_code == (404 if "<" in path else 200), path
            body = answer.get_data(as_text=True)
        assert [each for each in _telling(first, walk) if each in body] == [], path


def test_the_second_changes_none_of_it(walk: Walk, first: First, second: UUID) -> None:
    before = _picture(first)
    headers = bearer(walk.settings, second)
    for route, path in walk.routes(reading=False):
        if "<" in path:
            answer = walk.answer(route.method, path, headers)
            # 422: what was sent is wrong anywhere, which is found before the row is looked for
            assert answer.status_code in {404, 422}, f"{route.method} {path}"
    assert _picture(first) == before


def _picture(first: First) -> list[Any]:
    queries = (
        "SELECT id, status, version FROM orders ORDER BY id",
        "SELECT id, state, updated_at FROM workflow_executions ORDER BY id",
        "SELECT id, is_active, version FROM workflows ORDER BY id",
        "SELECT id, updated_at FROM deployment_templates ORDER BY id",
        "SELECT id, updated_at FROM activation_workflows ORDER BY id",
        "SELECT code, updated_at FROM packages ORDER BY code",
        "SELECT id, updated_at FROM prices ORDER BY id",
    )
    with first.shop.session() as session:
        return [session.execute(text(query)).all() for query in queries]
