"""Elections by a leased row: of any number of processes one holds a name, until its lease runs out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, Uuid, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base

_HOLD = text(
    """
    INSERT INTO elections (name, holder, until) VALUES (:name, :holder, now() + make_interval(secs => :seconds))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
      WHERE elections.holder = excluded.holder OR elections.until < now()
    RETURNING name
    """
)


class Election(Base):
    """Who holds a name, until when by the database's clock."""

    __tablename__ = "elections"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    holder: Mapped[UUID] = mapped_column(Uuid)
    until: Mapped[datetime]


def is_elected(session: Session, name: str, holder: UUID, *, seconds: float) -> bool:
    """Take or keep the name for `seconds`. False: somebody else holds it."""
    row = session.execute(_HOLD, {"name": name, "holder": holder, "seconds": seconds})
    return row.one_or_none() is not None
