"""The driver's connection below SQLAlchemy's: its errors, its plans, and whether its server is still there."""

from __future__ import annotations

import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg._preparing import PrepareManager
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, DisconnectionError

UNOPENED = "unopened"
"""Under this name a session's `info` holds what begins its transaction, until something is first asked in it."""


def refuse_failed(answer: PGresult) -> None:
    """Raise the psycopg.Error that a statement's answer is, if it is one."""
    if answer.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
        raise psycopg.errors.error_from_result(answer)


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's own connection."""
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


@contextmanager
def as_sqlalchemy(connection: Connection) -> Iterator[None]:
    """Errors of psycopg as those of SQLAlchemy, so that callers know one kind; a dead connection leaves the pool."""
    try:
        yield
    except psycopg.Error as error:
        gone = driver_of(connection).closed
        if gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=gone,
            dialect=connection.dialect,
        ) from error


class _Plans(PrepareManager):
    """What psycopg has prepared. It forgets all of it at each rollback, lest a table was made anew; no pool here makes tables."""

    def clear(self) -> bool:
        return False


def keep_plans(driver: psycopg.Connection[Any], _record: Any) -> None:
    """For each new connection of a pool: its plans outlive a rollback."""
    # an internal of psycopg 3.3; without this a rollback would also drop what `execute` has prepared
    threshold, driver._prepared = driver.prepare_threshold, _Plans()  # noqa: SLF001
    driver.prepare_threshold = threshold


def refuse_hung_up(driver: psycopg.Connection[Any], _record: Any, _fairy: Any) -> None:
    """A pooled connection whose server has hung up is replaced: its socket has something to read, in the end the hang-up.

    This asks the machine, not the server, so that no transaction pays for a question on the way.
    """
    look = select.poll()
    look.register(driver.pgconn.socket, select.POLLIN)
    try:
        while look.poll(0):
            driver.pgconn.consume_input()
    except psycopg.OperationalError as error:
        raise DisconnectionError("the server has closed a pooled connection") from error
