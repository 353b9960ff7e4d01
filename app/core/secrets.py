"""Secrets at rest: sealed with Fernet, newest key first, passed about by reference only (`secret:<uuid>`)."""

from __future__ import annotations

import base64
import hashlib
import secrets as randomness
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import LargeBinary, Text, Uuid
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.db import Base, Owned, Timestamped
from app.core.errors import NotFound, Unavailable
from app.core.ids import new_id
from app.core.settings import Settings

PREFIX = "secret:"


class SealedSecret(Owned, Timestamped, Base):
    """One sealed value; `purpose` says in words what it is for."""

    __tablename__ = "sealed_secrets"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    purpose: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class Vault:
    """Seals and opens secrets. Keys rotate by putting a new one first; old ones still open what they sealed."""

    def __init__(self, settings: Settings) -> None:
        keys = settings.sealing_keys or (_derived(settings.secret_key),)
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, session: Session, purpose: str, value: str) -> str:
        """Keep a value sealed; returns its reference."""
        row = SealedSecret(id=new_id(), purpose=purpose, sealed=self._fernet.encrypt(value.encode()))
        session.add(row)
        session.flush()
        return f"{PREFIX}{row.id}"

    def open(self, session: Session, reference: str) -> str:
        """The value behind a reference. Raises NotFound, or Unavailable when no configured key opens it."""
        row = session.get(SealedSecret, _id(reference))
        if row is None:
            message = "There is no such secret."
            raise NotFound(message)
        try:
            return self._fernet.decrypt(row.sealed).decode()
        except InvalidToken:
            message = "No configured sealing key opens this secret."
            raise Unavailable(message) from None

    def destroy(self, session: Session, reference: str) -> None:
        """Forget a secret; nothing happens when it is gone."""
        if row := session.get(SealedSecret, _id(reference)):
            session.delete(row)

    def rotate(self, row: SealedSecret) -> None:
        """Seal a row anew with the newest key."""
        row.sealed = self._fernet.rotate(row.sealed)


def generate(length_bytes: int = 24) -> str:
    """A random secret of that many bytes, URL-safe."""
    return randomness.token_urlsafe(length_bytes)


def _id(reference: str) -> UUID:
    if not reference.startswith(PREFIX):
        message = "That is no reference to a secret."
        raise NotFound(message)
    return UUID(reference.removeprefix(PREFIX))


def _derived(secret_key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(b"sealing:" + secret_key.encode()).digest())
