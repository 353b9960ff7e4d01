"""Every route declares who may call it, and who needs no token is written here, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.core.settings import Settings
from app.core.world import World
from app.factory import create_app
from app.http.routes import AUTHENTICATED, PUBLIC, Route, declared
from tests.openapi import document, operations

OPEN_TO_ALL = {
    "POST /api/public/payments/<string:gateway>/webhook",
    "GET /api/public/catalog",
    "POST /api/public/orders",
    "POST /api/public/orders/quick",
    "GET /api/public/orders/<string:order_number>/status",
    "GET /api/public/orders/<string:order_number>/events",
    "GET /api/public/orders/<string:order_number>/checkout",
    "POST /api/public/orders/<string:order_number>/checkout",
    "GET /api/public/secrets/<string:token>",
    "POST /api/public/secrets/<string:token>",
    "GET /api/public/quotes/<string:token>",
    "POST /api/public/quotes/<string:token>/accept",
    "POST /api/public/quotes/<string:token>/reject",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    "POST /auth/login",
    "GET /api/v1/licenses/public-keys",
    "GET /api/v1/events/types",
    "GET /api/v1/events/types/<string:event_type>",
    "GET /healthz",
    "GET /readyz",
    "GET /openapi.json",
    "GET /docs",
    "GET /docs/assets/<name>",
    "GET /redoc",
}
OPEN_TO_ANY_USER = {
    "GET /api/v1/auth/me",
    "POST /api/v1/auth/password",
    "GET /api/v1/services",
    "GET /api/v1/packages",
    "GET /api/v1/packages/<code>",
    "GET /api/v1/prices",
    "GET /api/v1/regions",
    "GET /api/v1/notifications",
    "POST /api/v1/notifications/read",
    "POST /api/v1/notifications/<uuid:notification_id>/read",
}
# a POST that neither creates nor starts anything, or whose answer holds a secret that may not be kept
NOT_REPEATABLE = {
    "POST /api/public/payments/<string:gateway>/webhook": "each message counts once by its own id",
    "POST /api/v1/auth/login": "answers with tokens",
    "POST /auth/login": "answers with tokens",
    "POST /api/v1/auth/refresh": "answers with tokens",
    "POST /api/v1/auth/logout": "ends something; twice is the same",
    "POST /api/v1/auth/password": "changes something; twice is the same",
    "POST /api/v1/workflows/validate": "changes nothing",
    "POST /workflows/validate": "changes nothing",
    "POST /api/v1/licenses/verify": "changes nothing",
    "POST /api/v1/message-templates/<uuid:message_template_id>/preview": "changes nothing",
    "POST /api/public/secrets/<string:token>": "answers with a secret, once",
    "POST /api/public/quotes/<string:token>/accept": "twice is the same",
    "POST /api/public/quotes/<string:token>/reject": "twice is the same",
}
SECRET = re.compile(r"password|secret|token|credential|private|api_?key", re.IGNORECASE)


@pytest.fixture(scope="module")
def routes(settings: Settings, world: World) -> dict[str, Route | None]:
    """Every route by its method and the path that it answers at."""
    app: Flask = create_app(settings, world)
    return {f"{route.method if route else '?'} {path}": route for path, route in declared(app)}


def _needing(routes: dict[str, Route | None], needs: object) -> set[str]:
    return {name for name, route in routes.items() if route and route.needs is needs}


def test_every_route_declares_who_may_call_it(routes: dict[str, Route | None]) -> None:
    assert [name for name, route in routes.items() if route is None] == []


def test_who_needs_no_token(routes: dict[str, Route | None]) -> None:
    assert _needing(routes, PUBLIC) == OPEN_TO_ALL


def test_who_needs_no_permission(routes: dict[str, Route | None]) -> None:
    assert _needing(routes, AUTHENTICATED) == OPEN_TO_ANY_USER


def test_permissions_are_named_as_resource_and_action(routes: dict[str, Route | None]) -> None:
    permissions = {route.needs for route in routes.values() if route and isinstance(route.needs, str)}
    assert {each for each in permissions if not re.fullmatch(r"workflow:[a-z]+|[a-z_]+\.[a-z]+", each)} == set()


def test_every_post_that_creates_or_starts_something_may_be_repeated(routes: dict[str, Route | None]) -> None:
    posts = {name for name, route in routes.items() if route and route.method == "POST" and not route.idempotent}
    assert posts == set(NOT_REPEATABLE)


def test_what_is_kept_of_an_answer_holds_no_secret() -> None:
    described = document()
    schemas = described["components"]["schemas"]
    told = [
        f"{route}: {name}"
        for route, operation in operations(described)
        if any(parameter.get("name") == "Idempotency-Key" for parameter in operation.get("parameters", []))
        for code, response in operation["responses"].items()
        if code.startswith("2")
        for name in _properties(response, schemas, set())
        if SECRET.search(name)
    ]
    assert told == []


def _properties(node: Any, schemas: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """The names of all properties that a piece of the document describes."""
    if isinstance(node, list):
        for each in node:
            yield from _properties(each, schemas, seen)
    if not isinstance(node, dict):
        return
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name in schemas and name not in seen:
        seen.add(name)
        yield from _properties(schemas[name], schemas, seen)
    yield from node.get("properties", {})
    for each in node.values():
        yield from _properties(each, schemas, seen)
