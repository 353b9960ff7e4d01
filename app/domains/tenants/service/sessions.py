"""Signing in and staying signed in.

`authenticate`, `open_session`, `refresh` and `log_out` run on a session across owners (core.across): nobody's tenant is
known before. They answer None rather than raise, so that what they recorded commits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from app.core import audit, secrets
from app.core.clock import now
from app.core.errors import Fault, Invalid
from app.core.ids import OPERATOR_ID, new_id
from app.core.log import masked
from app.domains.tenants import queries
from app.domains.tenants.models import RefreshToken, User
from app.domains.tenants.rules import email_fault, normal_email, password_fault
from app.domains.tenants.service import passwords
from app.domains.tenants.service.users import get_user

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is and what they may do."""

    user_id: UUID
    owner_id: UUID
    email: str
    name: str | None
    roles: tuple[str, ...]
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A session that goes on: who it is, and the token to refresh it with (shown this once)."""

    identity: Identity
    refresh_token: str


def authenticate(session: Session, *, email: str, password: str) -> Identity | None:
    """Who has this address and password; None when nobody active does. An unknown address takes the same time."""
    email = normal_email(email)
    user = None if email_fault(email) else queries.user_by_email(session, email)
    is_right = passwords.matches(password, user.password_hash if user else None)
    if user is None:
        audit.record(session, "login.failed", "user/unknown", reason=f"no user {masked(email)}", owner_id=OPERATOR_ID)
        return None
    if not is_right or not _may_sign_in(session, user):
        reason = "the account is not active" if is_right else "wrong password"
        audit.record(session, "login.failed", f"user/{user.id}", reason=reason, owner_id=user.owner_id)
        return None
    if passwords.is_outdated(user.password_hash):
        user.password_hash = passwords.hashed(password)
    user.last_login_at = now(session)
    session.info[audit.ACTOR] = str(user.id)
    audit.record(session, "login", f"user/{user.id}", owner_id=user.owner_id)
    return _identity(session, user)


def identity_of(session: Session, *, user_id: UUID) -> Identity | None:
    """Who a user is now; None when they are gone or not active."""
    user = queries.user(session, user_id)
    return _identity(session, user) if user and _may_sign_in(session, user) else None


def open_session(session: Session, *, identity: Identity, days: int) -> Grant:
    """Begin a family of refresh tokens, each valid for so many days. The user's expired ones are deleted."""
    expired = RefreshToken.expires_at < now(session)
    session.execute(delete(RefreshToken).where(RefreshToken.user_id == identity.user_id, expired))
    token = _issue(session, user_id=identity.user_id, owner_id=identity.owner_id, family_id=new_id(), days=days)
    return Grant(identity=identity, refresh_token=token)


def refresh(session: Session, *, token: str, days: int) -> Grant | None:
    """Exchange a refresh token for the next of its family; None when it is not valid.

    A token that was used before has been stolen, from the one side or the other: its whole family ends.
    """
    row = queries.locked_token(session, _hash(token))
    at = now(session)
    if row is None or row.revoked_at is not None or row.expires_at <= at:
        return None
    if row.used_at is not None:
        _revoke_family(session, row.family_id, at)
        audit.record(
            session,
            "session.revoked",
            f"user/{row.user_id}",
            reason="a refresh token was used twice",
            owner_id=row.owner_id,
        )
        return None
    user = queries.user(session, row.user_id)
    if user is None or not _may_sign_in(session, user):
        _revoke_family(session, row.family_id, at)
        return None
    row.used_at = at
    following = _issue(session, user_id=user.id, owner_id=user.owner_id, family_id=row.family_id, days=days)
    return Grant(identity=_identity(session, user), refresh_token=following)


def log_out(session: Session, *, token: str) -> None:
    """End the family of a refresh token; nothing happens when it is unknown."""
    row = queries.locked_token(session, _hash(token))
    if row is None:
        return
    _revoke_family(session, row.family_id, now(session))
    session.info[audit.ACTOR] = str(row.user_id)
    audit.record(session, "logout", f"user/{row.user_id}", owner_id=row.owner_id)


def change_password(session: Session, *, user_id: UUID, current: str, new: str) -> None:
    """Change a password and end all the user's sessions. Raises Invalid when `current` is wrong or `new` too weak."""
    user = get_user(session, user_id=user_id)
    if not passwords.matches(current, user.password_hash):
        message = "This is not the present password."
        raise Invalid(message, faults=[Fault("/current_password", message)])
    if fault := password_fault(new, email=user.email):
        raise Invalid(fault, faults=[Fault("/new_password", fault)])
    user.password_hash = passwords.hashed(new)
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.user_id == user_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now(session))
    )
    audit.record(session, "user.password_changed", f"user/{user_id}")


def _issue(session: Session, *, user_id: UUID, owner_id: UUID, family_id: UUID, days: int) -> str:
    token = secrets.generate(TOKEN_BYTES)
    at = now(session)
    session.add(
        RefreshToken(
            user_id=user_id,
            family_id=family_id,
            token_hash=_hash(token),
            created_at=at,
            expires_at=at + timedelta(days=days),
            owner_id=owner_id,
        )
    )
    session.flush()
    return token


def _revoke_family(session: Session, family_id: UUID, at: datetime) -> None:
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.family_id == family_id, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def _may_sign_in(session: Session, user: User) -> bool:
    tenant = queries.tenant(session, user.owner_id)
    return user.is_active and tenant is not None and tenant.is_active


def _identity(session: Session, user: User) -> Identity:
    roles = queries.roles_of(session, user.id)
    return Identity(
        user_id=user.id,
        owner_id=user.owner_id,
        email=user.email,
        name=user.name,
        roles=tuple(role.name for role in roles),
        permissions=frozenset(permission for role in roles for permission in role.permissions),
    )


def _hash(token: str) -> bytes:
    # the token is random: a plain hash is enough, and can be looked up
    return hashlib.sha256(token.encode()).digest()
