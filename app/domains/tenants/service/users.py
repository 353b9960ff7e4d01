"""Users of a tenant."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault, Invalid, NotFound
from app.core.ids import new_id
from app.domains.tenants import queries
from app.domains.tenants.errors import EmailTaken
from app.domains.tenants.models import User
from app.domains.tenants.rules import EVERYTHING, PLATFORM_ADMIN, email_fault, normal_email, password_fault
from app.domains.tenants.service import passwords
from app.domains.tenants.service.roles import ensure_roles, give_roles


def create_user(
    session: Session,
    *,
    email: str,
    password: str,
    roles: Collection[str],
    name: str | None = None,
    granted_by: Collection[str] = (EVERYTHING,),
) -> User:
    """Make a user of the session's owner with these roles.

    `granted_by`: the permissions of who does it. Raises Invalid (address, password, role), EmailTaken when anyone in
    the installation has the address, Forbidden for a role beyond `granted_by`.
    """
    email = normal_email(email)
    found = [("/email", email_fault(email)), ("/password", password_fault(password, email=email))]
    faults = [Fault(pointer, message) for pointer, message in found if message]
    if faults:
        raise Invalid(faults[0].message, faults=faults)
    user = _insert(session, email=email, password=password, name=name)
    if user is None:
        message = "Another user has this e-mail address."
        raise EmailTaken(message, faults=[Fault("/email", message)])
    ensure_roles(session)
    give_roles(session, user=user, names=roles, granted_by=granted_by)
    audit.record(session, "user.created", f"user/{user.id}", after={"email": email, "roles": sorted(roles)})
    return user


def _insert(session: Session, *, email: str, password: str, name: str | None) -> User | None:
    return session.scalar(
        insert(User)
        .values(
            id=new_id(),
            email=email,
            name=name,
            password_hash=passwords.hashed(password),
            owner_id=session.info[OWNER],
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(User)
    )


def get_user(session: Session, *, user_id: UUID) -> User:
    """A user of the session's owner. Raises NotFound."""
    if user := queries.user(session, user_id):
        return user
    message = "There is no such user."
    raise NotFound(message)


def all_users() -> Select[tuple[User]]:
    """The users of the session's owner, to be paged."""
    return queries.users()


def seed_administrator(session: Session, *, email: str, password: str) -> bool:
    """As the operator: make the first administrator. False, and nothing done, when a user has that address."""
    if queries.user_by_email(session, normal_email(email)) is not None:
        return False
    create_user(session, email=email, password=password, roles=[PLATFORM_ADMIN], name="Administrator")
    return True
