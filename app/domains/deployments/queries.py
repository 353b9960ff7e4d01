"""Reads of the deployments room, of the session's owner only where it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select, text
from sqlalchemy.orm import Session

from app.domains.deployments.models import (
    DeploymentInstance,
    DeploymentTemplate,
    MaintenanceWindow,
    PackageTemplate,
    ScheduledDeployment,
)
from app.domains.deployments.rules import ScheduleState, State

MAX_TEMPLATES = 1000
"""Templates are read whole; nobody has more kinds of deployments than this."""
MAX_WINDOWS = 200
"""Of an owner: they are read whole, too."""


def templates(session: Session, *, active_only: bool) -> Sequence[DeploymentTemplate]:
    statement = select(DeploymentTemplate).order_by(DeploymentTemplate.name).limit(MAX_TEMPLATES)
    return session.scalars(statement.where(DeploymentTemplate.is_active) if active_only else statement).all()


def template_page() -> Select[DeploymentTemplate]:
    return select(DeploymentTemplate)


def template(session: Session, template_id: UUID) -> DeploymentTemplate | None:
    return session.scalar(select(DeploymentTemplate).where(DeploymentTemplate.id == template_id))


def template_by_name(session: Session, name: str) -> DeploymentTemplate | None:
    return session.scalar(select(DeploymentTemplate).where(DeploymentTemplate.name == name))


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


def instance_asked_by(session: Session, key: str) -> DeploymentInstance | None:
    """What was provisioned for a customer when this asked for it, and is not being removed."""
    return session.scalar(select(DeploymentInstance).where(DeploymentInstance.provisioned_for == key))


def instance_of_customer(
    session: Session, *, customer_id: UUID, template_id: UUID, region: str | None, environment: str
) -> DeploymentInstance | None:
    """What was provisioned for a customer from a template in a region, and is not being removed."""
    return session.scalar(
        select(DeploymentInstance).where(
            DeploymentInstance.customer_id == customer_id,
            DeploymentInstance.template_id == template_id,
            DeploymentInstance.region.is_not_distinct_from(region),
            DeploymentInstance.environment == environment,
        )
    )


def window_page() -> Select[MaintenanceWindow]:
    return select(MaintenanceWindow)


def window(session: Session, window_id: UUID, *, locked: bool = False) -> MaintenanceWindow | None:
    statement = select(MaintenanceWindow).where(MaintenanceWindow.id == window_id)
    return session.scalar(statement.with_for_update() if locked else statement)


def windows(session: Session, *, owner_id: UUID, active_only: bool = True) -> Sequence[MaintenanceWindow]:
    """An owner's maintenance windows."""
    statement = (
        select(MaintenanceWindow)
        .where(MaintenanceWindow.owner_id == owner_id)
        .order_by(MaintenanceWindow.created_at, MaintenanceWindow.id)
        .limit(MAX_WINDOWS)
    )
    return session.scalars(statement.where(MaintenanceWindow.is_active) if active_only else statement).all()


def schedules(*, state: str | None = None, order_id: int | None = None) -> Select[ScheduledDeployment]:
    statement = select(ScheduledDeployment)
    if state is not None:
        statement = statement.where(ScheduledDeployment.state == state)
    if order_id is not None:
        statement = statement.where(ScheduledDeployment.order_id == order_id)
    return statement


def schedule(session: Session, schedule_id: UUID, *, locked: bool = False) -> ScheduledDeployment | None:
    """The scheduled deployment; locked: as it is now."""
    statement = select(ScheduledDeployment).where(ScheduledDeployment.id == schedule_id)
    if locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def schedule_asked_by(session: Session, key: str) -> ScheduledDeployment | None:
    """What was scheduled when this asked for it, and was not called off."""
    # literal, as in `due`
    return session.scalar(
        select(ScheduledDeployment).where(ScheduledDeployment.asked_by == key, text("state <> 'cancelled'"))
    )


def last_schedule(session: Session, *, order_id: int) -> ScheduledDeployment | None:
    """An order's last scheduled deployment that was not called off."""
    return session.scalar(
        select(ScheduledDeployment)
        .where(ScheduledDeployment.order_id == order_id, ScheduledDeployment.state != ScheduleState.CANCELLED)
        .order_by(ScheduledDeployment.created_at.desc(), ScheduledDeployment.id.desc())
        .limit(1)
    )


def due(session: Session, *, at: datetime, limit: int) -> Sequence[ScheduledDeployment]:
    """Scheduled deployments whose time has come, locked, the longest due first; a row somebody else works on is left to them."""
    return session.scalars(
        select(ScheduledDeployment)
        # literal: with a bound value PostgreSQL no longer finds the partial index once it keeps a generic plan
        .where(text("state = 'scheduled'"), ScheduledDeployment.scheduled_for <= at)
        .order_by(ScheduledDeployment.scheduled_for)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
