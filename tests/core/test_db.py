"""The transaction in which everything happens: begun with its first statement, as its owner, and given back clean."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.statements import execute

WHO = "SELECT current_setting('app.owner_id', true) AS owner"
BACKEND = "SELECT pg_backend_pid() AS pid"
LOCK = "SELECT pg_advisory_xact_lock(%(key)s) AS locked"


@pytest.fixture(params=[{"prepare": True}, {"prepare": False}, {"prepare": True, "test_clock": True}])
def database(settings: Settings, request: pytest.FixtureRequest) -> Iterator[Database]:
    """One connection, so that each transaction gets what the one before it has left."""
    database = Database(settings.database_url, pool_size=1, **request.param)
    yield database
    database.dispose()


@pytest.fixture
def owner_id() -> UUID:
    return new_id()


def owner_seen(database: Database, owner_id: UUID | None) -> str:
    with database.transaction(owner_id) as session:
        return str(execute(session, WHO, {}).fetchone().owner)


def test_the_first_statement_is_asked_as_the_owner(database: Database, owner_id: UUID) -> None:
    for _ in range(5):
        assert owner_seen(database, owner_id) == str(owner_id)
    assert owner_seen(database, None) == ""


def test_sqlalchemy_may_be_first_and_then_take_turns(database: Database, owner_id: UUID) -> None:
    with database.transaction(owner_id) as session:
        assert session.scalar(text(WHO)) == str(owner_id)
        assert execute(session, WHO, {}).fetchone().owner == str(owner_id)
        with session.begin_nested():
            assert session.scalar(text(WHO)) == str(owner_id)
    with database.transaction(owner_id) as session:
        assert execute(session, WHO, {}).fetchone().owner == str(owner_id)
        assert session.scalar(text(WHO)) == str(owner_id)


def test_a_transaction_in_which_nothing_is_asked_is_none(database: Database, owner_id: UUID) -> None:
    with database.transaction(owner_id):
        pass
    with database.transaction(owner_id) as session, session.begin_nested():
        pass
    assert owner_seen(database, None) == ""


def test_rows_come_as_the_server_has_them(database: Database, owner_id: UUID) -> None:
    query = (
        "SELECT n, %(word)s::text AS word, jsonb_build_object('n', n) AS data FROM generate_series(1, %(upto)s) AS n"
    )
    with database.transaction(owner_id) as session:
        rows = execute(session, query, {"word": None, "upto": 3})
        assert [(row.n, row.word, row.data) for row in rows.fetchall()] == [(n, None, {"n": n}) for n in (1, 2, 3)]
        assert rows.rowcount == 3
        assert execute(session, query, {"word": "it's 100 %", "upto": 1}).fetchone().word == "it's 100 %"
        assert execute(session, query, {"word": "a", "upto": 0}).fetchone() is None


def test_a_first_statement_that_fails_leaves_nothing_behind(database: Database, owner_id: UUID) -> None:
    for _ in range(2):
        with pytest.raises(DBAPIError, match="division by zero"), database.transaction(owner_id) as session:
            execute(session, "SELECT 1 / %(zero)s::int AS never", {"zero": 0})
        assert owner_seen(database, None) == ""


def test_a_statement_that_cannot_be_prepared_is_told_as_sqlalchemy_would(database: Database, owner_id: UUID) -> None:
    with pytest.raises(DBAPIError, match="does_not_exist"), database.transaction(owner_id) as session:
        execute(session, "SELECT * FROM does_not_exist", {})
    assert owner_seen(database, owner_id) == str(owner_id)


def test_plans_outlive_a_rollback(database: Database, owner_id: UUID) -> None:
    for _ in range(3):
        for _ in range(5):  # often enough for the driver to prepare its own
            with database.transaction(owner_id) as session:
                session.scalar(text(WHO))
                execute(session, WHO, {})
        with pytest.raises(LookupError), database.transaction(owner_id) as session:
            session.scalar(text(WHO))
            raise LookupError
        with database.transaction(owner_id) as session:
            nested = session.begin_nested()
            session.scalar(text(WHO))
            nested.rollback()
            assert session.scalar(text(WHO)) == execute(session, WHO, {}).fetchone().owner == str(owner_id)


def test_a_connection_that_the_server_ended_is_replaced(database: Database, settings: Settings, owner_id: UUID) -> None:
    with database.transaction(owner_id) as session:
        pid = execute(session, BACKEND, {}).fetchone().pid
    end(settings, pid)
    with pytest.raises(DBAPIError) as lost, database.transaction(owner_id) as session:
        other = execute(session, BACKEND, {}).fetchone().pid
        end(settings, other)
        execute(session, BACKEND, {})
    assert lost.value.connection_invalidated
    assert owner_seen(database, owner_id) == str(owner_id)


def test_who_waits_for_a_lock_lets_the_others_work(settings: Settings, owner_id: UUID) -> None:
    # a wait that held the interpreter would never end: with this it ends in an error
    impatient = f"{settings.database_url}?options=-c%20lock_timeout%3D10000"
    database = Database(impatient, pool_size=2, prepare=True)
    key = {"key": new_id().int % 2**31}
    failed: list[Exception] = []

    def wait() -> None:
        try:
            with database.transaction(owner_id) as session:
                execute(session, LOCK, key)
        except Exception as error:
            failed.append(error)

    try:
        with database.transaction(owner_id) as session:
            execute(session, LOCK, key)
        with database.transaction(owner_id) as session:
            execute(session, LOCK, key)
            other = threading.Thread(target=wait)
            other.start()
            while not waiting(settings, key["key"]):
                assert other.is_alive(), failed
        other.join(timeout=20)
        assert not other.is_alive()
        assert failed == []
    finally:
        database.dispose()


def end(settings: Settings, pid: int) -> None:
    """End a server process, as an administrator or a fail-over does; returns when it is gone."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def waiting(settings: Settings, key: int) -> bool:
    with psycopg.connect(settings.migration_database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", (key,)
        ).fetchone()
        return row is not None and row[0] > 0
