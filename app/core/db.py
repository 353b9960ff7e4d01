"""The database: declarative base, tenant-owned rows, and the transaction in which everything happens.

One request or one task is one transaction. Services never commit: `Database.transaction` does, and only after the commit
are messages sent (core.queue).

A transaction is begun and its owner set in one message to the server, where it can be that of the first statement. SQLAlchemy
joins in when it is first used: what needs no more than a few constant statements (core.statements) does not pay for the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import psycopg
from sqlalchemy import Connection, DateTime, Engine, MetaData, Uuid, create_engine, event, func
from sqlalchemy.dialects.postgresql import JSONB
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

from app.core.driver import UNOPENED, as_sqlalchemy, driver_of, keep_plans, refuse_failed, refuse_hung_up
from app.core.ports import PORTS, Ports

log = logging.getLogger(__name__)

OWNER = "owner_id"
CLOCK_OFFSET = "clock_offset"
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
        """What a session of that owner may read."""
        own = cls.owner_id == owner_id
        shared = cls.shared_with(owner_id)
        return own if shared is None else own | shared

    @classmethod
    def shared_with(cls, owner_id: UUID) -> ColumnElement[bool] | None:
        """What it may read beside its own rows; a model with a policy of its own says it here."""
        del owner_id
        return None


class Timestamped:
    """When a row was made and last changed; kept right by the database itself (a trigger sets updated_at)."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


_BEGIN = "BEGIN; SELECT set_config('app.owner_id', '{owner}', true)"
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
        event.listen(self.engine, "checkout", refuse_hung_up)
        event.listen(self.engine, "connect", keep_plans)
        self.ports = Ports() if ports is None else ports
        self._begin = _BEGIN_WITH_CLOCK if test_clock else _BEGIN
        # with the first statement, where its name is all that is sent and nobody asks for the clock before
        self._opens_late = prepare and not test_clock

    @contextmanager
    def transaction(self, owner_id: UUID | None) -> Iterator[Session]:
        """One transaction as that owner (None: rows of no owner only). Commits at the end, then runs what waits for it."""
        with self.engine.connect() as connection:
            driver = driver_of(connection)
            session = Session(connection, expire_on_commit=False)
            session.info |= {OWNER: owner_id, AFTER_COMMIT: [], PORTS: self.ports}
            try:
                if self._opens_late:
                    session.info[UNOPENED] = partial(self._open, driver, session, owner_id)
                else:
                    with as_sqlalchemy(connection):
                        self._open(driver, session, owner_id)
                yield session
                if session.in_transaction():
                    session.commit()
                elif UNOPENED not in session.info:
                    with as_sqlalchemy(connection):
                        refuse_failed(driver.pgconn.exec_(b"COMMIT"))
            finally:
                # a transaction that is still open is rolled back, here or when the connection is given back
                session.close()
        run_after_commit(session)

    def _open(self, driver: psycopg.Connection[Any], session: Session, owner_id: UUID | None) -> None:
        """Begin and set the owner in one message; psycopg and SQLAlchemy see an open transaction and send no BEGIN."""
        # a UUID's text needs no quoting; parameters would need a message of their own
        answer = driver.pgconn.exec_(self._begin.format(owner=owner_id or "").encode())
        refuse_failed(answer)
        if answer.nfields > 1:
            session.info[CLOCK_OFFSET] = timedelta(seconds=float(answer.get_value(0, 1) or 0))

    def dispose(self) -> None:
        """Close the pool."""
        self.engine.dispose()


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
    if begin := session.info.pop(UNOPENED, None):
        with as_sqlalchemy(connection):
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
