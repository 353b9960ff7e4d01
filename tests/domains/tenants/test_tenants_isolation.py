"""The second wall: row-level security, seen by a plain connection as the application's role, without the ORM's filter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.catalog import service as catalog
from app.domains.tenants import service
from tests.domains.tenants.accounts import make_account

OWN_TABLES = ("tenants", "users", "roles", "user_roles", "refresh_tokens")
CATALOGUE_TABLES = ("services", "prices", "packages", "package_items", "regions", "tax_rates")

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def raw(settings: Settings) -> Iterator[Connection]:
    """As the application's role, with nothing said about an owner."""
    with psycopg.connect(settings.database_url) as connection:
        yield connection


def _as(connection: Connection, owner_id: UUID) -> None:
    connection.execute("SELECT set_config('app.owner_id', %s, true)", [str(owner_id)])


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def filled(world: World) -> UUID:
    """A tenant with rows in every table; returns its id."""
    account = make_account(world, "sales")
    with world.across.transaction() as session:
        identity = service.authenticate(session, email=account.email, password=account.password)
        assert identity is not None
        service.open_session(session, identity=identity, days=1)
    with world.database.transaction(account.owner_id) as session:
        catalog.seed(session)
    return account.owner_id


@pytest.mark.parametrize("table", OWN_TABLES + CATALOGUE_TABLES)
@pytest.mark.usefixtures("filled")
def test_without_an_owner_nothing_is_seen(raw: Connection, table: str) -> None:
    assert _count(raw, table) == 0


@pytest.mark.parametrize("table", OWN_TABLES + CATALOGUE_TABLES)
@pytest.mark.usefixtures("filled")
def test_with_another_owner_s_id_nothing_is_seen(raw: Connection, table: str) -> None:
    _as(raw, new_id())
    assert _count(raw, table) == 0


@pytest.mark.parametrize("table", OWN_TABLES + CATALOGUE_TABLES)
def test_the_owner_sees_its_rows(raw: Connection, filled: UUID, table: str) -> None:
    _as(raw, filled)
    assert _count(raw, table) > 0


def test_a_tenant_reads_its_own_row_and_may_not_change_it(raw: Connection, filled: UUID) -> None:
    _as(raw, filled)
    assert raw.execute("SELECT id FROM tenants").fetchall() == [(filled,)]
    assert raw.execute("UPDATE tenants SET name = 'x'").rowcount == 0
    assert raw.execute("DELETE FROM tenants").rowcount == 0


def test_nobody_writes_a_row_for_somebody_else(raw: Connection, filled: UUID) -> None:
    _as(raw, new_id())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute(
            "INSERT INTO roles (id, owner_id, name, permissions) VALUES (%s, %s, 'mine', '[\"*\"]')", [new_id(), filled]
        )


def test_the_owner_s_id_ends_with_the_transaction(raw: Connection) -> None:
    _as(raw, OPERATOR_ID)
    assert _count(raw, "tenants") > 0
    raw.commit()
    assert _count(raw, "tenants") == 0


def test_whether_a_slug_is_taken_is_all_that_anyone_learns_of_others(
    world: World, raw: Connection, filled: UUID
) -> None:
    with world.database.transaction(OPERATOR_ID) as session:
        slug = service.get_tenant(session, tenant_id=filled).slug
    _as(raw, new_id())
    assert raw.execute("SELECT slug_is_taken(%s), slug_is_taken('nobody-has-this')", [slug]).fetchone() == (True, False)


def test_the_system_role_sees_all_owners(world: World, filled: UUID) -> None:
    with world.across.transaction() as session:
        assert service.get_tenant(session, tenant_id=filled)
        assert service.get_tenant(session, tenant_id=OPERATOR_ID)
