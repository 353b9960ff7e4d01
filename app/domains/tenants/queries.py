"""Reads of the tenants room. Where the session has an owner they see only that owner's rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domains.tenants.models import RefreshToken, Role, Tenant, User, UserRole

MAX_ROLES = 200


def tenant(session: Session, tenant_id: UUID) -> Tenant | None:
    return session.scalar(select(Tenant).where(Tenant.id == tenant_id))


def tenant_by_slug(session: Session, slug: str) -> Tenant | None:
    return session.scalar(select(Tenant).where(Tenant.slug == slug))


def tenants() -> Select[tuple[Tenant]]:
    return select(Tenant)


def slug_is_taken(session: Session, slug: str) -> bool:
    """Across all owners, by a function that runs as the tables' owner and tells nothing else."""
    return bool(session.scalar(select(func.slug_is_taken(slug))))


def users() -> Select[tuple[User]]:
    return select(User)


def user(session: Session, user_id: UUID) -> User | None:
    return session.scalar(select(User).where(User.id == user_id))


def user_by_email(session: Session, email: str) -> User | None:
    return session.scalar(select(User).where(User.email == email))


def roles() -> Select[tuple[Role]]:
    return select(Role)


def roles_named(session: Session, names: Collection[str]) -> Sequence[Role]:
    return session.scalars(select(Role).where(Role.name.in_(names)).limit(MAX_ROLES)).all()


def roles_of(session: Session, user_id: UUID) -> Sequence[Role]:
    held = select(UserRole.role_id).where(UserRole.user_id == user_id)
    return session.scalars(select(Role).where(Role.id.in_(held)).order_by(Role.name).limit(MAX_ROLES)).all()


def locked_token(session: Session, token_hash: bytes) -> RefreshToken | None:
    """The token's row, locked: of two uses at once the second sees what the first did."""
    return session.scalar(select(RefreshToken).where(RefreshToken.token_hash == token_hash).with_for_update())
