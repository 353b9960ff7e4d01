"""The edge's own tables: answers kept by idempotency key, and login attempts counted while Redis is away."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Text, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned
from app.core.ids import new_id


class IdempotencyKey(Owned, Base):
    """The answer to a request that may be repeated; written in the transaction of its effect.

    `principal` is a user's id or `public`, `route` the method and path, `body_hash` an HMAC of the body in canonical form.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        UniqueConstraint("owner_id", "principal", "route", "key"),
        # the purge of what is older than a day
        Index("ix_idempotency_keys_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    principal: Mapped[str] = mapped_column(Text)
    route: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[str] = mapped_column(Text)
    status: Mapped[int] = mapped_column(Integer)
    headers: Mapped[dict[str, Any]]
    answer: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class LoginAttempt(Owned, Base):
    """One attempt to log in, counted here only while Redis cannot. `bucket` names an account or an address by hash."""

    __tablename__ = "login_attempts"
    # attempts of one account or address within the window
    __table_args__ = (Index("ix_login_attempts_bucket", "bucket", "at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    bucket: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
