"""The few statements that every step needs, run on the connection's own plans, past SQLAlchemy and psycopg's cursor."""

from __future__ import annotations

import re
import select
from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.driver import UNOPENED, as_sqlalchemy, driver_of, refuse_failed

_STATEMENTS = "statements"
"""Under this name a connection's `info` holds what is prepared on it."""

_SET_OWNER = b"SELECT set_config('app.owner_id', $1, true)"


class Rows:
    """What a statement found: rows as named tuples, or how many it changed."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def fetchone(self) -> Any:
        """The first row; None when there is none."""
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[Any]:
        return self._rows


def execute(session: Session, query: str, parameters: Mapping[str, Any]) -> Rows:
    """Run a statement in the session's transaction, past SQLAlchemy and psycopg's cursor, at a third of what they cost here.

    For the few statements that every step needs, written as constants: each text is kept. Parameters are psycopg's
    (`%(name)s`, and no other percent sign). What the session has not flushed yet is not seen. Raises what the session would raise.
    """
    connection: Connection = session.bind  # type: ignore[assignment] # what `transaction` has bound it to
    with as_sqlalchemy(connection):
        driver = driver_of(connection)
        numbered, names = _numbered(query)
        adapting = Transformer(driver)
        values = adapting.dump_sequence([parameters[name] for name in names], [PyFormat.AUTO] * len(names))
        types, formats = adapting.types or (), adapting.formats
        if driver.prepare_threshold is None:
            answer = driver.pgconn.exec_params(numbered, values, types, formats)
        else:
            name = _prepared(connection, numbered, types)
            if session.info.pop(UNOPENED, None) is None:
                answer = driver.pgconn.exec_prepared(name, values, formats)  # type: ignore[arg-type] # None is NULL
            else:
                answer = _opening(driver.pgconn, session.info[OWNER], name, values, formats)
        if answer.status == ExecStatus.TUPLES_OK:
            adapting.set_pgresult(answer)
            row = _row(tuple(answer.fname(n) or b"" for n in range(answer.nfields)))
            return Rows(adapting.load_rows(0, answer.ntuples, row._make), answer.ntuples)
        refuse_failed(answer)
        return Rows([], answer.command_tuples or 0)


def _opening(
    server: PGconn, owner_id: UUID | None, name: bytes, values: Sequence[Any], formats: Sequence[Any] | None
) -> PGresult:
    """Begin, set the owner and run a prepared statement in one message; returns the last one's answer, or the first failed."""
    server.enter_pipeline_mode()
    server.send_query_params(b"BEGIN", None)
    server.send_query_params(_SET_OWNER, [str(owner_id or "").encode()])
    server.send_query_prepared(name, values, formats)
    server.pipeline_sync()
    server.flush()
    answers: list[PGresult] = []
    answered = select.poll()
    answered.register(server.socket, select.POLLIN)
    while server.status != ConnStatus.BAD:
        # the driver holds the interpreter while it waits for an answer: this waits before
        while server.is_busy():
            answered.poll()
            server.consume_input()
        answer = server.get_result()
        if answer is not None and answer.status == ExecStatus.PIPELINE_SYNC:
            break
        if answer is not None:
            answers.append(answer)
    if server.status == ConnStatus.BAD:
        raise psycopg.OperationalError("the connection to the server is lost")
    server.exit_pipeline_mode()
    return next((answer for answer in answers if answer.status == ExecStatus.FATAL_ERROR), answers[-1])


@cache
def _numbered(query: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with the server's placeholders, and the names of their parameters."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return re.sub(r"%\((\w+)\)s", number, query).encode(), tuple(names)


@cache
def _row(columns: tuple[bytes, ...]) -> Any:
    return namedtuple("Row", [column.decode() for column in columns])  # noqa: PYI024 - of any names


def _prepared(connection: Connection, numbered: bytes, types: Sequence[int]) -> bytes:
    """The name under which this connection's server keeps the statement's plan."""
    kept: dict[tuple[bytes, Sequence[int]], bytes] = connection.info.setdefault(_STATEMENTS, {})
    if (name := kept.get((numbered, types))) is None:
        name = f"turnup_{len(kept)}".encode()
        refuse_failed(driver_of(connection).pgconn.prepare(name, numbered, types))
        kept[numbered, types] = name
    return name
