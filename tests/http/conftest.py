"""The toy application and someone who is signed in to it."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.core.ids import new_id
from app.core.world import World
from app.http.principal import Principal
from app.http.tokens import Tokens
from tests.http.toy import toy_app

Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def app(world: World) -> Flask:
    return toy_app(world)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def bearer(world: World) -> Bearer:
    """Headers of a user with these permissions."""

    def make(*permissions: str, owner_id: UUID | None = None) -> dict[str, str]:
        principal = Principal(
            user_id=new_id(),
            owner_id=owner_id or new_id(),
            email="a@example.com",
            permissions=frozenset(permissions),
        )
        return {"Authorization": f"Bearer {Tokens(world.settings).issue(principal)}"}

    return make


@pytest.fixture
def key() -> dict[str, str]:
    """An Idempotency-Key that nobody used."""
    return {"Idempotency-Key": str(new_id())}
