"""The database: declarative base, tenant-owned rows, and the transaction in which everything happens.

One request or one task is one transaction. Services never commit: `Database.transaction` does, and only after the commit
are messages sent (core.queue).

A transaction is begun and its owner set in one message to the server. SQLAlchemy joins in when it is first used: what needs
no more than a few statements of its own (`execute`) does not pay for the rest.
"""

from __future__ import annotations

import logging
import re
import select
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from psycopg._preparing import PrepareManager
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from sqlalchemy import Connection, DateTime, Engine, MetaData, Uuid, create_engine, event, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    SessionTransaction,
    UOWTransaction,
    mapped_column,
    with_loader_criteria,
)
from sqlalchemy.sql.elements import ColumnElement

from app.core.ports import PORTS, Ports

log = logging.getLogger(__name__)

OWNER = "owner_id"
CLOCK_OFFSET = "clock_offset"
_STATEMENTS = "statements"
"""Under this name a connection's `info` holds what is prepared on it."""

_UNOPENED = "unopened"
"""Under this name a session's `info` holds what begins its transaction, until something is first asked in it."""

AFTER_COMMIT = "after_commit"
AFTER_COMMIT_LATE = "after_commit_late"

PREPARE_AFTER = 3
"""Executions of a statement on one connection after which its plan is kept."""

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all models. Times are timestamptz, dicts and lists are jsonb."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: JSONB,
        list[dict[str, Any]]: JSONB,
        UUID: Uuid,
    }


class Owned:
    """A row of a tenant: `owner_id`, filled in from the session, filtered by the session and by row-level security."""

    owner_id: Mapped[UUID] = mapped_column(Uuid, index=False)

    @classmethod
    def visible_to(cls, owner_id: UUID) -> ColumnElement[bool]:
        """What a session of that owner may read; a model with a policy of its own overrides this."""
        return cls.owner_id == owner_id


class Timestamped:
    """When a row was made and last changed; kept right by the database itself (a trigger sets updated_at)."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


_BEGIN = "BEGIN; SELECT set_config('app.owner_id', '{owner}', true)"
_SET_OWNER = b"SELECT set_config('app.owner_id', $1, true)"
_BEGIN_WITH_CLOCK = _BEGIN + ", (SELECT seconds FROM clock_offset)"  # noqa: S608 - constants


class Database:
    """A pool of connections under one role, and transactions on it.

    `test_clock`: each transaction reads the offset of business time. `prepare`: let the server keep the plans of repeated
    statements; not behind a pooler that does not know them. `ports`: what was wired, for whoever holds a session
    (core.ports).
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        test_clock: bool = False,
        prepare: bool = False,
        application: str = "turnup",
        ports: Ports | None = None,
    ) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            # the values of a statement may be secrets: they are in no error message and in no log
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "application_name": application,
                # a pooler in transaction mode may hand each transaction another server connection
                "prepare_threshold": PREPARE_AFTER if prepare else None,
                "tcp_user_timeout": 30_000,
            },
        )
        event.listen(self.engine, "checkout", _refuse_hung_up)
        event.listen(self.engine, "connect", _keep_plans)
        self.ports = Ports() if ports is None else ports
        self._begin = _BEGIN_WITH_CLOCK if test_clock else _BEGIN
        # with the first statement, where its name is all that is sent and nobody asks for the clock before
        self._opens_late = prepare and not test_clock

    @contextmanager
    def transaction(self, owner_id: UUID | None) -> Iterator[Session]:
        """One transaction as that owner (None: rows of no owner only). Commits at the end, then runs what waits for it."""
        with self.engine.connect() as connection:
            driver = _driver(connection)
            session = Session(connection, expire_on_commit=False)
            session.info |= {OWNER: owner_id, AFTER_COMMIT: [], PORTS: self.ports}
            try:
                if self._opens_late:
                    session.info[_UNOPENED] = partial(self._open, driver, session, owner_id)
                else:
                    with _as_sqlalchemy(connection):
                        self._open(driver, session, owner_id)
                yield session
                if session.in_transaction():
                    session.commit()
                elif _UNOPENED not in session.info:
                    with _as_sqlalchemy(connection):
                        _refuse_failed(driver.pgconn.exec_(b"COMMIT"))
            finally:
                # a transaction that is still open is rolled back, here or when the connection is given back
                session.close()
        run_after_commit(session)

    def _open(self, driver: psycopg.Connection[Any], session: Session, owner_id: UUID | None) -> None:
        """Begin and set the owner in one message; psycopg and SQLAlchemy see an open transaction and send no BEGIN."""
        # a UUID's text needs no quoting; parameters would need a message of their own
        answer = driver.pgconn.exec_(self._begin.format(owner=owner_id or "").encode())
        _refuse_failed(answer)
        if answer.nfields > 1:
            session.info[CLOCK_OFFSET] = timedelta(seconds=float(answer.get_value(0, 1) or 0))

    def dispose(self) -> None:
        """Close the pool."""
        self.engine.dispose()


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
    with _as_sqlalchemy(connection):
        driver = _driver(connection)
        numbered, names = _numbered(query)
        adapting = Transformer(driver)
        values = adapting.dump_sequence([parameters[name] for name in names], [PyFormat.AUTO] * len(names))
        types, formats = adapting.types or (), adapting.formats
        if driver.prepare_threshold is None:
            answer = driver.pgconn.exec_params(numbered, values, types, formats)
        else:
            name = _prepared(connection, numbered, types)
            if session.info.pop(_UNOPENED, None) is None:
                answer = driver.pgconn.exec_prepared(name, values, formats)  # type: ignore[arg-type] # None is NULL
            else:
                answer = _opening(driver.pgconn, session.info[OWNER], name, values, formats)
        if answer.status == ExecStatus.TUPLES_OK:
            adapting.set_pgresult(answer)
            row = _row(tuple(answer.fname(n) or b"" for n in range(answer.nfields)))
            return Rows(adapting.load_rows(0, answer.ntuples, row._make), answer.ntuples)
        _refuse_failed(answer)
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
        _refuse_failed(_driver(connection).pgconn.prepare(name, numbered, types))
        kept[numbered, types] = name
    return name


def _refuse_failed(answer: PGresult) -> None:
    if answer.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
        raise psycopg.errors.error_from_result(answer)


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
    return driver


@contextmanager
def _as_sqlalchemy(connection: Connection) -> Iterator[None]:
    """Errors of psycopg as those of SQLAlchemy, so that callers know one kind; a dead connection leaves the pool."""
    try:
        yield
    except psycopg.Error as error:
        gone = _driver(connection).closed
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


def _keep_plans(driver: psycopg.Connection[Any], _record: Any) -> None:
    # an internal of psycopg 3.3; without this a rollback would also drop what `execute` has prepared
    threshold, driver._prepared = driver.prepare_threshold, _Plans()  # noqa: SLF001
    driver.prepare_threshold = threshold


def _refuse_hung_up(driver: psycopg.Connection[Any], _record: Any, _fairy: Any) -> None:
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


def after_commit(session: Session, hook: Callable[[], None], *, late: bool = False) -> None:
    """Run `hook` once the session's transaction has committed; never when it rolls back. `late`: after all that are not."""
    session.info.setdefault(AFTER_COMMIT_LATE if late else AFTER_COMMIT, []).append(hook)


def run_after_commit(session: Session) -> None:
    """Run and forget the session's hooks. What was committed stands when one fails.

    The first failure ends it, so that a broker that does not answer costs one time-out and not many; the nets send the rest.
    """
    hooks: list[Callable[[], None]] = session.info.pop(AFTER_COMMIT, []) + session.info.pop(AFTER_COMMIT_LATE, [])
    for hook in hooks:
        try:
            hook()
        except Exception:
            log.warning("could not send after the commit; what is left is sent by sweeper and jobs", exc_info=True)
            return


@event.listens_for(Session, "after_begin")
def _open_for_sqlalchemy(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    """SQLAlchemy is about to ask: the transaction begins, and the owner is set, before it does."""
    if begin := session.info.pop(_UNOPENED, None):
        with _as_sqlalchemy(connection):
            begin()


@event.listens_for(Session, "do_orm_execute")
def _only_own_rows(state: ORMExecuteState) -> None:
    """The first of two walls: every ORM statement is filtered by the session's owner. The second is row-level security."""
    owner_id = state.session.info.get(OWNER)
    if owner_id is None or state.is_column_load or not (state.is_select or state.is_update or state.is_delete):
        return
    state.statement = state.statement.options(
        with_loader_criteria(Owned, lambda cls: cls.visible_to(owner_id), include_aliases=True)
    )


@event.listens_for(Session, "before_flush")
def _own_new_rows(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    owner_id = session.info.get(OWNER)
    for instance in session.new:
        if isinstance(instance, Owned) and instance.owner_id is None and owner_id is not None:
            instance.owner_id = owner_id
