"""Reads of the deployments room, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.domains.deployments.models import DeploymentInstance, DeploymentTemplate, PackageTemplate
from app.domains.deployments.rules import State

MAX_TEMPLATES = 1000
"""Templates are read whole; nobody has more kinds of deployments than this."""


def templates(session: Session, *, active_only: bool) -> Sequence[DeploymentTemplate]:
    statement = select(DeploymentTemplate).order_by(DeploymentTemplate.name).limit(MAX_TEMPLATES)
    return session.scalars(statement.where(DeploymentTemplate.is_active) if active_only else statement).all()


def template_page() -> Select[DeploymentTemplate]:
    return select(DeploymentTemplate)


def template(session: Session, template_id: UUID) -> DeploymentTemplate | None:
    return session.scalar(select(DeploymentTemplate).where(DeploymentTemplate.id == template_id))


def template_of_package(session: Session, package_code: str) -> Mapping[str, UUID]:
    rows = session.scalars(select(PackageTemplate).where(PackageTemplate.package_code == package_code))
    return {row.package_code: row.template_id for row in rows}


def instances(
    *, state: str | None = None, tenant_id: UUID | None = None, order_id: int | None = None
) -> Select[DeploymentInstance]:
    statement = select(DeploymentInstance)
    if state is not None:
        statement = statement.where(DeploymentInstance.state == state)
    if tenant_id is not None:
        statement = statement.where(DeploymentInstance.tenant_id == tenant_id)
    if order_id is not None:
        statement = statement.where(DeploymentInstance.order_id == order_id)
    return statement


def instance(session: Session, instance_id: UUID, *, locked: bool = False) -> DeploymentInstance | None:
    statement = select(DeploymentInstance).where(DeploymentInstance.id == instance_id)
    return session.scalar(statement.with_for_update() if locked else statement)


def live_instance(
    session: Session, *, tenant_id: UUID, environment: str, locked: bool = False
) -> DeploymentInstance | None:
    statement = select(DeploymentInstance).where(
        DeploymentInstance.tenant_id == tenant_id,
        DeploymentInstance.environment == environment,
        DeploymentInstance.state != State.DESTROYED,
    )
    return session.scalar(statement.with_for_update() if locked else statement)


def unchecked_since(session: Session, *, since: datetime, limit: int) -> Sequence[DeploymentInstance]:
    """Active instances with an address whose health nobody looked at since then, the longest ago first."""
    return session.scalars(
        select(DeploymentInstance)
        .where(
            DeploymentInstance.state == State.ACTIVE,
            DeploymentInstance.endpoint.is_not(None),
            or_(DeploymentInstance.last_health_check.is_(None), DeploymentInstance.last_health_check < since),
        )
        .order_by(DeploymentInstance.last_health_check.asc().nulls_first())
        .limit(limit)
    ).all()
