"""Tables of tenants, users, roles and refresh tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.sql.elements import ColumnElement

from app.core.db import Base, Owned, Timestamped
from app.core.ids import new_id


class Tenant(Owned, Timestamped, Base):
    """The unit of isolation. `owner_id` is who made it: the operator (who owns itself), or a selling tenant.

    `domain`: a host name of its own under which it answers besides, once in the whole installation. `branding`: what it looks like.
    """

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$'", name="slug_form"),
        CheckConstraint("domain ~ '^[a-z0-9-]+([.][a-z0-9-]+)+$'", name="domain_form"),
        # the list of tenants, newest first, in keyset pages
        Index("ix_tenants_owner_id", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    slug: Mapped[str] = mapped_column(Text, unique=True)
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    domain: Mapped[str | None] = mapped_column(Text, unique=True)
    branding: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)

    @classmethod
    def shared_with(cls, owner_id: UUID) -> ColumnElement[bool]:
        """A tenant reads itself."""
        return cls.id == owner_id


class User(Owned, Timestamped, Base):
    """Somebody who signs in, for the tenant `owner_id`. `email`: in lower case, once in the whole installation."""

    __tablename__ = "users"
    __table_args__ = (
        ForeignKeyConstraint(["owner_id"], ["tenants.id"], ondelete="CASCADE"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        # a tenant's users, newest first, in keyset pages
        Index("ix_users_owner_id", "owner_id", "created_at", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(server_default=true(), default=True)
    last_login_at: Mapped[datetime | None]
    roles: Mapped[list[Role]] = relationship(
        secondary="user_roles", viewonly=True, lazy="selectin", order_by="Role.name", sync_backref=False
    )


class Role(Owned, Timestamped, Base):
    """A named set of permissions, editable by its owner."""

    __tablename__ = "roles"
    __table_args__ = (
        ForeignKeyConstraint(["owner_id"], ["tenants.id"], ondelete="CASCADE"),
        # a tenant's roles by name
        UniqueConstraint("owner_id", "name"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    permissions: Mapped[list[str]]


class UserRole(Owned, Base):
    """A user has a role."""

    __tablename__ = "user_roles"
    # who has this role (also looked up when a role is deleted)
    __table_args__ = (Index("ix_user_roles_role_id", "role_id"),)

    user_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True)


class RefreshToken(Owned, Base):
    """One refresh token, kept as its SHA-256. All that follow from one sign-in share a family."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        # end all tokens of a family (reuse, logout)
        Index("ix_refresh_tokens_family_id", "family_id"),
        # end a user's tokens, and clear away those that have expired
        Index("ix_refresh_tokens_user_id", "user_id", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.id", ondelete="CASCADE"))
    family_id: Mapped[UUID] = mapped_column(Uuid)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
