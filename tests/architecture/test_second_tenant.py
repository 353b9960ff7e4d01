"""A second tenant's token walks every route with the names of the first tenant's rows, and finds nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core.settings import Settings
from app.http.routes import PUBLIC, Route, declared
from tests.architecture.conftest import First, bearer

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# the account of the caller itself, whatever it is
OWN = {"GET /api/v1/auth/me", "POST /api/v1/auth/password"}


@pytest.fixture(scope="module")
def routes(http: FlaskClient) -> list[tuple[str, Route]]:
    """Every route that asks for a token, with the path that it answers at."""
    found = [(path, route) for path, route in declared(http.application) if route and route.needs is not PUBLIC]
    return [(path, route) for path, route in found if f"{route.method} {path}" not in OWN]


@pytest.fixture(scope="module")
def names(first: First) -> dict[str, str]:
    """What the first tenant's rows are called in addresses, by the parameter's name."""

    def one(query: str) -> str:
        with first.shop.session() as session:
            return str(session.execute(text(query)).scalars().first())

    return {
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


def _address(path: str, names: dict[str, str]) -> str:
    if "activation-workflows" in path:
        names = names | {"workflow_id": names["activation-workflows"]}
    return PARAMETER.sub(lambda match: names[match[1]], path)


def _telling(first: First, names: dict[str, str]) -> Iterator[str]:
    """What no answer to somebody else may hold."""
    yield str(first.owner_id)
    yield first.account.email
    yield first.order.order_number
    yield first.order.customer_email
    yield from (name for name in names.values() if "-" in name and len(name) == len(str(first.owner_id)))


def test_the_first_tenant_finds_all_of_it(
    http: FlaskClient, settings: Settings, routes: list[tuple[str, Route]], first: First, names: dict[str, str]
) -> None:
    headers = bearer(settings, first.owner_id, first.account.user_id)
    answers = {
        path: http.get(_address(path, names), headers=headers).status_code
        for path, route in routes
        if route.method == "GET"
    }
    assert len(answers) > 25
    assert {path: status for path, status in answers.items() if status != 200} == {}


def test_the_second_finds_none_of_it(
    http: FlaskClient,
    settings: Settings,
    routes: list[tuple[str, Route]],
    first: First,
    second: UUID,
    names: dict[str, str],
) -> None:
    headers = bearer(settings, second)
    for path, route in routes:
        if route.method == "GET":
            answer = http.get(_address(path, names), headers=headers)
            assert answer.status_code == (404 if "<" in path else 200), path
            body = answer.get_data(as_text=True).replace(answer.headers.get("X-Trace-Id", "-"), "")
            assert [each for each in _telling(first, names) if each in body] == [], path


def test_the_second_changes_none_of_it(
    http: FlaskClient,
    settings: Settings,
    routes: list[tuple[str, Route]],
    first: First,
    second: UUID,
    names: dict[str, str],
) -> None:
    before = _picture(first)
    headers = bearer(settings, second)
    for path, route in routes:
        if route.method != "GET" and "<" in path:
            answer = http.open(_address(path, names), method=route.method, headers=headers, json={})
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
