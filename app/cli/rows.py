"""The first rows of a service's list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session


def newest(session: Session, statement: Select[Any], *, limit: int) -> Sequence[Any]:
    """The newest rows of a statement that selects one model."""
    entity = statement.column_descriptions[0]["entity"]
    ordered = statement.order_by(None).order_by(entity.created_at.desc(), entity.id.desc())
    return session.scalars(ordered.limit(limit)).all()
