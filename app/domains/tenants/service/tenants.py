"""Tenants: made, found, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault, Invalid, NotFound
from app.core.ids import OPERATOR_ID, new_id
from app.domains.tenants import queries
from app.domains.tenants.errors import SlugTaken
from app.domains.tenants.models import Tenant
from app.domains.tenants.rules import slug_fault
from app.domains.tenants.service.roles import ensure_roles

FIRST_OPERATOR_NAME = "Operator"
"""The name that the migration gave the operator."""


def create_tenant(
    session: Session, *, name: str, slug: str, settings: dict[str, Any] | None = None, domain: str | None = None
) -> Tenant:
    """Make a tenant of the session's owner.

    The unique slug decides races: a second transaction waits for the first to end. Raises SlugTaken, or Invalid for a
    slug that cannot be one.
    """
    if fault := slug_fault(slug):
        raise Invalid(fault, faults=[Fault("/slug", fault)])
    tenant: Tenant | None = session.scalar(
        insert(Tenant)
        .values(id=new_id(), name=name, slug=slug, settings=settings or {}, domain=domain, owner_id=session.info[OWNER])
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Tenant)
    )
    if tenant is None:
        message = f"The subdomain “{slug}” is taken."
        raise SlugTaken(message, faults=[Fault("/slug", message)])
    audit.record(session, "tenant.created", f"tenant/{tenant.id}", after={"name": name, "slug": slug})
    return tenant


def get_tenant(session: Session, *, tenant_id: UUID) -> Tenant:
    """The tenant, when it is the session's owner or made by it. Raises NotFound."""
    if tenant := queries.tenant(session, tenant_id):
        return tenant
    message = "There is no such tenant."
    raise NotFound(message)


def find_by_slug(session: Session, *, slug: str) -> Tenant | None:
    """The tenant of that slug, when the session's owner may see it."""
    return queries.tenant_by_slug(session, slug)


def all_tenants() -> Select[tuple[Tenant]]:
    """The tenants that the session may see, to be paged."""
    return queries.tenants()


def slug_is_free(session: Session, *, slug: str) -> bool:
    """Whether no tenant of any owner has the slug now. Only `create_tenant` decides it for good."""
    return not queries.slug_is_taken(session, slug)


def delete_tenant(session: Session, *, tenant_id: UUID) -> None:
    """Delete a tenant that the session's owner made, with its users and roles; nothing happens when it is gone."""
    slug = session.scalar(delete(Tenant).where(Tenant.id == tenant_id, Tenant.id != OPERATOR_ID).returning(Tenant.slug))
    if slug is not None:
        audit.record(session, "tenant.deleted", f"tenant/{tenant_id}", before={"slug": slug})


def seed(session: Session, *, operator_name: str = FIRST_OPERATOR_NAME) -> None:
    """As the operator: its roles, and its name where nobody has changed it. Repeats without harm."""
    operator = get_tenant(session, tenant_id=OPERATOR_ID)
    if operator.name == FIRST_OPERATOR_NAME:
        operator.name = operator_name
    ensure_roles(session)
