"""A forgotten filter shows nothing: each of the two walls alone, on every table, with rows behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import delete, func, select, text, update

from app.core.db import Base, Database, Owned
from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.core.world import World
from app.domains.sales.models import Order
from app.factory import load_models
from tests.architecture.conftest import First

load_models()
MODELS: dict[str, Any] = {
    mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers if "owner_id" in mapper.columns
}
# their owner may be null, so they filter by a condition of their own
BUILT_IN = {"workflows", "workflow_versions", "workflow_triggers", "engine_switches"}


@pytest.fixture
def raw(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """As the application's role, with nothing said about an owner: the second wall alone."""
    with psycopg.connect(settings.database_url) as connection:
        yield connection


@pytest.fixture(scope="module")
def unwalled(settings: Settings) -> Iterator[Database]:
    """Sessions of an owner, under the role that sees all owners' rows: the first wall alone."""
    database = Database(settings.system_database_url, pool_size=1)
    yield database
    database.dispose()


def _of_somebody(connection: psycopg.Connection[Any], table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {} WHERE owner_id IS NOT NULL").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _as(connection: psycopg.Connection[Any], owner_id: UUID) -> None:
    connection.execute("SELECT set_config('app.owner_id', %s, true)", [str(owner_id)])


@pytest.mark.parametrize("table", sorted(MODELS))
def test_row_level_security_alone_shows_nothing_of_others(
    raw: psycopg.Connection[Any], first: First, second: UUID, table: str
) -> None:
    assert _of_somebody(raw, table) == 0
    _as(raw, first.owner_id)
    assert _of_somebody(raw, table) > 0
    _as(raw, second)
    query = sql.SQL("SELECT count(*) FROM {} WHERE owner_id = %s").format(sql.Identifier(table))
    assert raw.execute(query, [first.owner_id]).fetchone() == (0,)


@pytest.mark.parametrize("table", sorted(MODELS))
def test_nobody_writes_rows_for_others(raw: psycopg.Connection[Any], first: First, second: UUID, table: str) -> None:
    """Taking a row over, or giving one away, would need a row of the other's."""
    _as(raw, first.owner_id)
    give = sql.SQL("UPDATE {} SET owner_id = %s WHERE owner_id = %s").format(sql.Identifier(table))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw.execute(give, [second, first.owner_id])


@pytest.mark.parametrize("table", sorted(MODELS))
def test_the_session_alone_shows_nothing_of_others(unwalled: Database, first: First, second: UUID, table: str) -> None:
    model = MODELS[table]
    with unwalled.transaction(second) as session:
        assert [row for row in session.scalars(select(model)) if row.owner_id == first.owner_id] == []
        assert first.owner_id not in set(session.scalars(select(model.owner_id)))
    with unwalled.transaction(first.owner_id) as session:
        owners = set(session.scalars(select(model.owner_id)))
        assert first.owner_id in owners
        # a tenant's own row is the operator's
        assert owners <= {first.owner_id, None, *([OPERATOR_ID] if table == "tenants" else [])}


def test_each_model_with_an_owner_is_walled() -> None:
    loose = {table for table, model in MODELS.items() if not hasattr(model, "visible_to")}
    assert loose == set()
    assert {table for table, model in MODELS.items() if not issubclass(model, Owned)} <= BUILT_IN


def test_the_session_s_wall_stands_in_every_form_of_query(unwalled: Database, first: First, second: UUID) -> None:
    with unwalled.transaction(second) as session:
        assert session.get(Order, first.order.id) is None
        assert session.scalar(select(func.count()).select_from(Order).where(Order.id == first.order.id)) == 0
        assert session.scalar(select(select(Order.id).where(Order.id == first.order.id).exists())) is False
        changed = session.execute(update(Order).where(Order.id == first.order.id).values(notes="taken"))
        removed = session.execute(delete(Order).where(Order.id == first.order.id))
        assert (changed.rowcount, removed.rowcount) == (0, 0)  # type: ignore[attr-defined]


def test_both_walls_together(world: World, first: First, second: UUID) -> None:
    with world.database.transaction(second) as session:
        assert session.scalars(select(Order)).all() == []
        assert session.execute(text("SELECT count(*) FROM orders")).scalar_one() == 0
    with world.database.transaction(first.owner_id) as session:
        assert first.order.id in {order.id for order in session.scalars(select(Order))}


def test_without_an_owner_the_application_sees_nothing(world: World, first: First) -> None:
    with world.database.transaction(None) as session:
        assert session.scalars(select(Order)).all() == []


def test_the_tenant_that_an_order_made_reads_it_and_changes_nothing(world: World, first: First) -> None:
    assert first.order.tenant_id is not None
    with world.database.transaction(first.order.tenant_id) as session:
        assert [order.id for order in session.scalars(select(Order))] == [first.order.id]
        assert session.execute(text("UPDATE orders SET notes = 'ours'")).rowcount == 0  # type: ignore[attr-defined]
        assert session.execute(text("DELETE FROM orders")).rowcount == 0  # type: ignore[attr-defined]
        assert session.execute(text("SELECT count(*) FROM order_history")).scalar_one() == 0
