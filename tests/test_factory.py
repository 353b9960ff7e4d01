"""The wiring: what is refused before it could do harm."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import pytest

from app.core.settings import ConfigurationError, Settings
from app.core.world import World
from app.factory import build_world, create_app
from app.http.routes import declared


@pytest.mark.parametrize("missing", ["database_url", "system_database_url", "redis_url"])
def test_what_cannot_do_without_is_asked_for(settings: Settings, missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing.upper()):
        build_world(dataclasses.replace(settings, **{missing: ""}))


def test_every_route_of_the_product_declares_who_may_call_it(settings: Settings, world: World) -> None:
    assert [path for path, route in declared(create_app(settings, world)) if route is None] == []


def _production(settings: Settings, **changed: str) -> Settings:
    return dataclasses.replace(
        settings, environment="production", test_clock=False, payment_gateway="bank_transfer", **changed
    )


def test_production_starts_under_the_applications_role(settings: Settings) -> None:
    production = _production(settings)
    with closing(build_world(production)) as world:
        create_app(production, world)


def test_production_refuses_the_tables_owner(settings: Settings) -> None:
    production = _production(settings, database_url=settings.migration_database_url)
    with closing(build_world(production)) as world, pytest.raises(ConfigurationError, match="the owner of tables"):
        create_app(production, world)


def test_production_refuses_the_system_role(settings: Settings) -> None:
    production = _production(settings, database_url=settings.system_database_url)
    with closing(build_world(production)) as world, pytest.raises(ConfigurationError, match="work across owners"):
        create_app(production, world)
