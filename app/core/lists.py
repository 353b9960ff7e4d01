"""Reading lists so that they stay fast in large tables behind row-level security: the newest first, and by a part of a text."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import merge
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, any_, bindparam, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.db import OWNER, Owned

RARE = 5000
"""So many rows at the most are named by their ids when they are searched for."""


def newest(
    session: Session,
    statement: Select[Any],
    *,
    limit: int,
    by: tuple[InstrumentedAttribute[Any], InstrumentedAttribute[Any]] | None = None,
) -> Sequence[Any]:
    """The first rows of a select of one model, the newest first by `by`; default: its created_at and id."""
    entity = statement.column_descriptions[0]["entity"]
    at, key = by or (entity.created_at, entity.id)
    statement = statement.order_by(None).order_by(at.desc(), key.desc()).limit(limit)
    parts = [session.scalars(statement.where(part)).all() for part in _parts(entity, session.info[OWNER])]
    newest_first = merge(*parts, key=lambda row: (getattr(row, at.key), getattr(row, key.key)), reverse=True)
    return list(islice(newest_first, limit))


def _parts(entity: type[Owned], owner_id: UUID | None) -> list[ColumnElement[bool]]:
    """Its own rows, and those that others share with it: an index gives each in order, but not both at once."""
    if owner_id is None:
        return [true()]
    own = entity.owner_id == owner_id
    shared = entity.shared_with(owner_id)
    return [own] if shared is None else [own, shared & entity.owner_id.is_distinct_from(owner_id)]


def containing(
    session: Session, key: InstrumentedAttribute[Any], searched: InstrumentedAttribute[str], q: str
) -> ColumnElement[bool]:
    """The condition for rows of which the text `searched`, kept in lower case, contains `q`; `key`: their table's id.

    Behind row-level security PostgreSQL does not use a trigram index: its operator is not leakproof. What is rare is
    found by the table's own function (migrations.tenancy.searchable), which names the owner itself; what is frequent is soon met in any order.
    """
    pattern = "%" + q.lower().replace("/", "//").replace("%", "/%").replace("_", "/_") + "%"
    found = getattr(func, f"{key.class_.__tablename__}_found")(pattern, RARE)
    ids = session.scalars(select(found)).all()
    if len(ids) < RARE:
        return key == any_(bindparam(None, ids, type_=ARRAY(key.type)))
    return searched.like(pattern, escape="/")
