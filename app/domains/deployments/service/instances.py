"""Instances: begun, completed, failed, removed. Every change of state is a compare-and-set (rules.SOURCES)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.adapters.provisioners.port import Deployed, DeploymentSpec
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Conflict
from app.core.events import emit
from app.core.ids import new_id
from app.domains.deployments import queries
from app.domains.deployments.errors import DeploymentGone, DeploymentNotFound
from app.domains.deployments.models import DeploymentInstance
from app.domains.deployments.rules import PRODUCTION, SOURCES, State
from app.domains.deployments.service.templates import get_template
from app.domains.tenants import service as tenants

HEALTHY, UNHEALTHY = "healthy", "unhealthy"
LICENSE_KEY = "license_key"
"""Under this name an instance's config holds the key of the license that it runs under."""


def find_instance(session: Session, *, tenant_id: UUID, environment: str = PRODUCTION) -> DeploymentInstance | None:
    """A tenant's live instance."""
    return queries.live_instance(session, tenant_id=tenant_id, environment=environment)


def get_instance(session: Session, *, instance_id: UUID) -> DeploymentInstance:
    """An instance, also one that was destroyed. Raises DeploymentNotFound."""
    if instance := queries.instance(session, instance_id):
        return instance
    message = "There is no such deployment."
    raise DeploymentNotFound(message)


def all_instances(
    *, state: str | None = None, tenant_id: UUID | None = None, order_id: int | None = None
) -> Select[DeploymentInstance]:
    """Instances, to be paged."""
    return queries.instances(state=state, tenant_id=tenant_id, order_id=order_id)


def begin_provisioning(
    session: Session,
    *,
    tenant_id: UUID,
    template_id: UUID,
    region: str | None,
    config: Mapping[str, Any] | None = None,
    order_id: int | None = None,
    environment: str = PRODUCTION,
    customer_id: UUID | None = None,
    key: str | None = None,
) -> DeploymentInstance:
    """The tenant's instance in that environment, made if there is none, in state provisioning (or active, if it is).

    `customer_id` and `key`: whose it is and what asked for it, of a tenant that is made for a customer.

    Raises NotFound for an unknown tenant or template, Conflict while the former instance is being removed.
    """
    tenant = tenants.get_tenant(session, tenant_id=tenant_id)
    template = get_template(session, template_id=template_id)
    session.execute(
        insert(DeploymentInstance)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            tenant_id=tenant_id,
            template_id=template_id,
            order_id=order_id,
            customer_id=customer_id,
            provisioned_for=key,
            environment=environment,
            region=region,
            deployment_type=template.deployment_type,
            state=State.PENDING,
            allocated_cpu=template.resource_cpu_default,
            allocated_memory_gb=template.resource_memory_default,
            allocated_storage_gb=template.resource_storage_default,
            config={**template.configuration, **(config or {})},
            external_reference=tenant.slug,
        )
        # literal: with a bound value PostgreSQL no longer finds the partial index once it keeps a generic plan
        .on_conflict_do_nothing(index_elements=["tenant_id", "environment"], index_where=text("state != 'destroyed'"))
    )
    instance = queries.live_instance(session, tenant_id=tenant_id, environment=environment, locked=True)
    if instance is None or instance.state == State.DESTROYING:
        message = f"The former deployment of {tenant.slug} is being removed."
        raise Conflict(message)
    if instance.state != State.ACTIVE:
        instance.state = State.PROVISIONING
        session.flush()
    return instance


def specification(session: Session, *, instance: DeploymentInstance) -> DeploymentSpec:
    """What its provisioner is asked for. Raises NotFound when the tenant is gone."""
    tenant = tenants.get_tenant(session, tenant_id=instance.tenant_id)
    template = get_template(session, template_id=instance.template_id)
    config = dict(instance.config)
    license_key = config.pop(LICENSE_KEY, None)
    return DeploymentSpec(
        reference=instance.external_reference,
        tenant_id=str(tenant.id),
        tenant_name=tenant.name,
        region=instance.region,
        environment=instance.environment,
        cpu=instance.allocated_cpu,
        memory_gb=instance.allocated_memory_gb,
        storage_gb=instance.allocated_storage_gb,
        config=config,
        domain=tenant.domain,
        branding=tenant.branding,
        license_key=license_key,
        seconds=template.provision_seconds,
    )


def complete_provisioning(session: Session, *, instance_id: UUID, deployed: Deployed) -> DeploymentInstance:
    """It stands and answers: active, with deployment.provisioned. An active one stays as it is, without an event.

    Raises DeploymentGone when it was removed meanwhile.
    """
    moved = _move(
        session,
        instance_id,
        State.ACTIVE,
        endpoint=deployed.endpoint,
        external_reference=deployed.external_reference,
        health_status=HEALTHY if deployed.endpoint else None,
        last_health_check=now(session) if deployed.endpoint else None,
    )
    instance = get_instance(session, instance_id=instance_id)
    if moved:
        emit(
            session,
            "deployment.provisioned",
            _subject(instance),
            {**_about(instance), "endpoint": instance.endpoint},
        )
    elif instance.state != State.ACTIVE:
        message = f"The deployment of {instance.external_reference} was removed while it was being built."
        raise DeploymentGone(message)
    return instance


def fail_provisioning(session: Session, *, instance_id: UUID, reason: str) -> None:
    """It could not be built; what was built is found again by the next attempt, or removed. Emits deployment.failed."""
    if _move(session, instance_id, State.FAILED, health_status=UNHEALTHY):
        instance = get_instance(session, instance_id=instance_id)
        emit(session, "deployment.failed", _subject(instance), {**_about(instance), "reason": reason})


def begin_destroying(session: Session, *, instance_id: UUID) -> DeploymentInstance | None:
    """The instance, now in state destroying; None when there is none, or it is destroyed already."""
    # a customer is not kept by what is going
    _move(session, instance_id, State.DESTROYING, customer_id=None, provisioned_for=None)
    instance = queries.instance(session, instance_id)
    return instance if instance is not None and instance.state == State.DESTROYING else None


def complete_destroying(session: Session, *, instance_id: UUID) -> bool:
    """Nothing is left of it: destroyed, with deployment.destroyed. False when it was not being destroyed."""
    if not _move(session, instance_id, State.DESTROYED, endpoint=None, health_status=None):
        return False
    instance = get_instance(session, instance_id=instance_id)
    emit(session, "deployment.destroyed", _subject(instance), _about(instance))
    return True


def _move(session: Session, instance_id: UUID, to: State, **values: str | datetime | None) -> bool:
    changed = session.execute(
        update(DeploymentInstance)
        .where(DeploymentInstance.id == instance_id, DeploymentInstance.state.in_(SOURCES[to]))
        .values(state=to, **values)
        .returning(DeploymentInstance.id)
        .execution_options(synchronize_session="fetch")
    )
    return changed.first() is not None


def _subject(instance: DeploymentInstance) -> str:
    return f"deployment/{instance.id}"


def _about(instance: DeploymentInstance) -> dict[str, Any]:
    return {
        "deployment_instance_id": str(instance.id),
        "tenant_id": str(instance.tenant_id),
        "order_id": instance.order_id,
        "deployment_type": instance.deployment_type,
        "region": instance.region,
    }
