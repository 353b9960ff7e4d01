"""Roles: each owner has its own set, seeded when it is first needed."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.errors import Fault, Forbidden, Invalid
from app.core.ids import OPERATOR_ID, new_id
from app.domains.tenants import queries
from app.domains.tenants.models import Role, User, UserRole
from app.domains.tenants.rules import PLATFORM_ADMIN, SEEDED_ROLES, allows


def ensure_roles(session: Session) -> None:
    """Make the seeded roles that the session's owner lacks; those that exist stay as they were edited.

    The role that may do everything is the operator's alone.
    """
    owner_id = session.info[OWNER]
    session.execute(
        insert(Role)
        .values(
            [
                {"id": new_id(), "owner_id": owner_id, "name": name, "permissions": list(permissions)}
                for name, permissions in SEEDED_ROLES.items()
                if name != PLATFORM_ADMIN or owner_id == OPERATOR_ID
            ]
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "name"])
    )


def all_roles() -> Select[tuple[Role]]:
    """The roles of the session's owner, to be paged."""
    return queries.roles()


def give_roles(session: Session, *, user: User, names: Collection[str], granted_by: Collection[str]) -> None:
    """Give a user roles by name. `granted_by`: the permissions of who gives them; nobody gives what they do not hold.

    Raises Invalid for an unknown role, Forbidden for one beyond `granted_by`.
    """
    found = {role.name: role for role in queries.roles_named(session, names)}
    unknown = [name for name in names if name not in found]
    if unknown:
        message = f"There is no role “{unknown[0]}”."
        raise Invalid(message, faults=[Fault("/roles", f"There is no role “{name}”.") for name in unknown])
    for role in found.values():
        if not all(allows(granted_by, permission) for permission in role.permissions):
            message = f"You may not give the role “{role.name}”: it holds permissions that you do not."
            raise Forbidden(message)
    session.add_all(UserRole(user_id=user.id, role_id=role.id, owner_id=user.owner_id) for role in found.values())
    session.flush()
    session.refresh(user, ["roles"])
