"""The database: declarative base, tenant-owned rows, and the transaction in which everything happens.

One request or one task is one transaction. Services never commit: `Database.transaction` does, and only after the commit
are messages sent (core.queue).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, Engine, MetaData, Uuid, create_engine, event, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    Session,
    UOWTransaction,
    mapped_column,
    sessionmaker,
    with_loader_criteria,
)
from sqlalchemy.sql.elements import ColumnElement

from app.core.ports import PORTS, Ports

log = logging.getLogger(__name__)

OWNER = "owner_id"
CLOCK_OFFSET = "clock_offset"
AFTER_COMMIT = "after_commit"

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


_SET_OWNER = text("SELECT set_config('app.owner_id', :owner, true)")
_SET_OWNER_AND_CLOCK = text("SELECT set_config('app.owner_id', :owner, true), (SELECT seconds FROM clock_offset)")


class Database:
    """A pool of connections under one role, and transactions on it.

    `test_clock`: each transaction reads the offset of business time. `pre_ping`: look whether a pooled connection still
    lives before it is used. `prepare`: let the server keep the plans of repeated statements; not behind a pooler that does
    not know them. `ports`: what was wired, for whoever holds a session (core.ports).
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 5,
        test_clock: bool = False,
        pre_ping: bool = True,
        prepare: bool = False,
        application: str = "turnup",
        ports: Ports | None = None,
    ) -> None:
        self.engine: Engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=pre_ping,
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
        self.ports = Ports() if ports is None else ports
        self._begin = _SET_OWNER_AND_CLOCK if test_clock else _SET_OWNER
        self._sessions = sessionmaker(self.engine, expire_on_commit=False, autoflush=True)

    @contextmanager
    def transaction(self, owner_id: UUID | None) -> Iterator[Session]:
        """One transaction as that owner (None: rows of no owner only). Commits at the end, then runs what waits for it."""
        with self._sessions() as session:
            session.info[OWNER] = owner_id
            session.info[AFTER_COMMIT] = []
            session.info[PORTS] = self.ports
            with session.begin():
                row = session.execute(self._begin, {"owner": str(owner_id) if owner_id else ""}).one()
                if len(row) > 1:
                    session.info[CLOCK_OFFSET] = timedelta(seconds=row[1] or 0)
                yield session
        run_after_commit(session)

    def dispose(self) -> None:
        """Close the pool."""
        self.engine.dispose()


def after_commit(session: Session, hook: Callable[[], None]) -> None:
    """Run `hook` once the session's transaction has committed; never when it rolls back."""
    session.info.setdefault(AFTER_COMMIT, []).append(hook)


def run_after_commit(session: Session) -> None:
    """Run and forget the session's hooks. What was committed stands when one fails.

    The first failure ends it, so that a broker that does not answer costs one time-out and not many; the nets send the rest.
    """
    hooks: list[Callable[[], None]] = session.info.pop(AFTER_COMMIT, [])
    for hook in hooks:
        try:
            hook()
        except Exception:
            log.warning("could not send after the commit; what is left is sent by sweeper and jobs", exc_info=True)
            return


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
