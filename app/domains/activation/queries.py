"""Reads of the activation room, of what the session's owner may see."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.domains.activation.models import (
    ActivationWorkflow,
    EnabledTrigger,
    MonitoringTarget,
    RadiusNasClient,
    RadiusRealm,
    ReportSet,
    ServiceActivation,
    SubscriberRealm,
)

MAX_ACTIVATIONS = 500
"""Activations of an order; a sequence has no more services than this."""
MAX_CLIENTS = 1000


def workflow(session: Session, workflow_id: UUID) -> ActivationWorkflow | None:
    return session.scalar(select(ActivationWorkflow).where(ActivationWorkflow.id == workflow_id))


def workflows() -> Select[ActivationWorkflow]:
    return select(ActivationWorkflow)


def fitting_workflow(session: Session, template_id: UUID | None) -> ActivationWorkflow | None:
    """The template's own before those for any template, a default before others, then by name."""
    return session.scalar(
        select(ActivationWorkflow)
        .where(
            ActivationWorkflow.is_active,
            or_(
                ActivationWorkflow.deployment_template_id == template_id,
                ActivationWorkflow.deployment_template_id.is_(None) & ActivationWorkflow.is_default,
            ),
        )
        .order_by(
            ActivationWorkflow.deployment_template_id.asc().nulls_last(),
            ActivationWorkflow.is_default.desc(),
            ActivationWorkflow.name,
        )
        .limit(1)
    )


def activations(session: Session, order_id: int, *, as_stored: bool = False) -> Sequence[ServiceActivation]:
    """`as_stored`: also what this session has read before is read again."""
    return session.scalars(
        select(ServiceActivation)
        .where(ServiceActivation.order_id == order_id)
        .order_by(ServiceActivation.sequence_number, ServiceActivation.service_code)
        .limit(MAX_ACTIVATIONS)
        .execution_options(populate_existing=as_stored)
    ).all()


def activation(session: Session, activation_id: UUID) -> ServiceActivation | None:
    return session.scalar(select(ServiceActivation).where(ServiceActivation.id == activation_id))


def activation_of_method(session: Session, *, order_id: int, method: str) -> ServiceActivation | None:
    """The order's activation whose code has this operation, locked."""
    return session.scalar(
        select(ServiceActivation)
        .where(
            ServiceActivation.order_id == order_id,
            func.replace(ServiceActivation.service_code, "-", "_") == method,
        )
        .with_for_update()
    )


def subscriber_realm(session: Session, tenant_id: UUID) -> SubscriberRealm | None:
    return session.scalar(select(SubscriberRealm).where(SubscriberRealm.tenant_id == tenant_id))


def radius_realm(session: Session, tenant_id: UUID) -> RadiusRealm | None:
    return session.scalar(select(RadiusRealm).where(RadiusRealm.tenant_id == tenant_id))


def nas_clients(session: Session, tenant_id: UUID) -> Sequence[RadiusNasClient]:
    return session.scalars(
        select(RadiusNasClient)
        .where(RadiusNasClient.tenant_id == tenant_id)
        .order_by(RadiusNasClient.name)
        .limit(MAX_CLIENTS)
    ).all()


def monitoring_target(session: Session, *, tenant_id: UUID, name: str) -> MonitoringTarget | None:
    return session.scalar(
        select(MonitoringTarget).where(MonitoringTarget.tenant_id == tenant_id, MonitoringTarget.name == name)
    )


def report_set(session: Session, tenant_id: UUID) -> ReportSet | None:
    return session.scalar(select(ReportSet).where(ReportSet.tenant_id == tenant_id))


def enabled_triggers(session: Session, tenant_id: UUID) -> Sequence[EnabledTrigger]:
    return session.scalars(
        select(EnabledTrigger)
        .where(EnabledTrigger.tenant_id == tenant_id, EnabledTrigger.is_enabled)
        .order_by(EnabledTrigger.workflow_name, EnabledTrigger.event)
        .limit(MAX_CLIENTS)
    ).all()
