"""Names that one transaction holds at a time, and others wait for: PostgreSQL's advisory locks, by owner and name."""

from __future__ import annotations

from enum import IntEnum
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.db import OWNER

_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner || ':' || :name, :space))")


class Space(IntEnum):
    """What names are of. They never change: two versions that run side by side hold the same locks."""

    CONCURRENCY_KEYS = 7452
    LICENSES = 7453


def hold(session: Session, space: Space, name: str, *, owner_id: UUID | None = None) -> None:
    """Let others who hold the same name of this owner (default: the session's) wait until this transaction ends."""
    owner = session.info[OWNER] if owner_id is None else owner_id
    session.execute(_HOLD, {"owner": str(owner), "name": name, "space": space.value})
