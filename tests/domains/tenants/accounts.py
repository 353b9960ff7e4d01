"""Tenants and users to test with: each test its own, in a database that all share."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.core.ids import OPERATOR_ID, new_id
from app.core.world import World
from app.domains.tenants import service

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and how they sign in."""

    user_id: UUID
    owner_id: UUID
    email: str
    password: str


def fresh_slug() -> str:
    return f"isp-{new_id().hex}"


def fresh_email() -> str:
    return f"{new_id().hex}@example.com"


def make_tenant(world: World) -> UUID:
    """A tenant of the operator's; returns its id."""
    with world.database.transaction(OPERATOR_ID) as session:
        return service.create_tenant(session, name="Example ISP", slug=fresh_slug()).id


def make_account(world: World, *roles: str, owner_id: UUID | None = None) -> Account:
    """A user with these roles, of a tenant of their own unless one is given."""
    owner_id = owner_id or make_tenant(world)
    email = fresh_email()
    with world.database.transaction(owner_id) as session:
        user = service.create_user(session, email=email, password=PASSWORD, roles=roles)
        return Account(user_id=user.id, owner_id=owner_id, email=email, password=PASSWORD)
