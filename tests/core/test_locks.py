"""A name is held by one transaction at a time, of each owner and for each purpose."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.core.db import Database
from app.core.ids import new_id
from app.core.locks import Space, hold


def holds_too(database: Database, owner_id: UUID, space: Space, name: str, *, of: UUID | None = None) -> bool:
    """Whether a second transaction holds that name without waiting for the first."""
    with database.transaction(owner_id) as session:
        session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        try:
            hold(session, space, name, owner_id=of)
        except OperationalError:
            session.rollback()
            return False
        return True


def test_a_name_is_held_until_the_transaction_ends(database: Database) -> None:
    owner_id = new_id()
    with database.transaction(owner_id) as session:
        for _ in range(2):
            hold(session, Space.LICENSES, "key")
        assert not holds_too(database, owner_id, Space.LICENSES, "key")
        assert not holds_too(database, new_id(), Space.LICENSES, "key", of=owner_id)
    assert holds_too(database, owner_id, Space.LICENSES, "key")


def test_other_names_owners_and_purposes_are_free(database: Database) -> None:
    owner_id = new_id()
    with database.transaction(owner_id) as session:
        hold(session, Space.LICENSES, "key")
        assert holds_too(database, owner_id, Space.LICENSES, "another")
        assert holds_too(database, new_id(), Space.LICENSES, "key")
        assert holds_too(database, owner_id, Space.CONCURRENCY_KEYS, "key")
