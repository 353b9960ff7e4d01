"""Tenants: made, found, deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Select, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.db import OWNER
from app.core.errors import Fault, Invalid, NotFound
from app.core.ids import OPERATOR_ID, new_id
from app.core.ports import port
from app.core.settings import Settings
from app.domains.tenants import queries
from app.domains.tenants.errors import DomainTaken, SlugTaken
from app.domains.tenants.models import Tenant
from app.domains.tenants.rules import domain_fault, normal_domain, slug_fault
from app.domains.tenants.service.roles import ensure_roles

FIRST_OPERATOR_NAME = "Operator"
"""The name that the migration gave the operator."""


def create_tenant(
    session: Session,
    *,
    name: str,
    slug: str,
    settings: dict[str, Any] | None = None,
    domain: str | None = None,
    branding: dict[str, Any] | None = None,
) -> Tenant:
    """Make a tenant of the session's owner.

    The unique slug and domain decide races: a second transaction waits for the first to end. Raises SlugTaken, DomainTaken,
    or Invalid for a slug or domain that cannot be one.
    """
    if fault := slug_fault(slug):
        raise Invalid(fault, faults=[Fault("/slug", fault)])
    own_domain = None if domain is None else checked_domain(session, domain=domain)
    tenant: Tenant | None = session.scalar(
        insert(Tenant)
        .values(
            id=new_id(),
            name=name,
            slug=slug,
            settings=settings or {},
            domain=own_domain,
            branding=branding or {},
            owner_id=session.info[OWNER],
        )
        .on_conflict_do_nothing()
        .returning(Tenant)
    )
    if tenant is None:
        if own_domain is not None and not queries.slug_is_taken(session, slug):
            message = f"The domain {own_domain} belongs to another tenant."
            raise DomainTaken(message, faults=[Fault("/domain", message)])
        message = f"The subdomain “{slug}” is taken."
        raise SlugTaken(message, faults=[Fault("/slug", message)])
    audit.record(session, "tenant.created", f"tenant/{tenant.id}", after={"name": name, "slug": slug})
    return tenant


def checked_domain(session: Session, *, domain: str) -> str:
    """A domain of a tenant's own in the form in which it is kept. Raises Invalid for what cannot be one."""
    normal = normal_domain(domain)
    settings = port(session, Settings)
    own_host = urlsplit(settings.public_url).hostname or ""
    if fault := domain_fault(normal, base_domain=settings.base_domain, own_host=own_host):
        raise Invalid(fault, faults=[Fault("/domain", fault)])
    return normal


def time_zone(session: Session) -> ZoneInfo:
    """The zone in which the session's owner counts days: its setting `time_zone`, an IANA name; else UTC.

    Raises Invalid for a name that there is not.
    """
    name = get_tenant(session, tenant_id=session.info[OWNER]).settings.get("time_zone") or "UTC"
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"There is no time zone “{name}”: the setting time_zone is a name like Europe/Berlin."
        raise Invalid(message, faults=[Fault("/settings/time_zone", message)]) from error


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
