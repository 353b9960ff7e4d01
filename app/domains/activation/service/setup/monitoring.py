"""network-monitoring: the tenant's address as a target, with the result of the first look at it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.activation import queries
from app.domains.activation.models import MonitoringCheck, MonitoringTarget
from app.domains.activation.service.setup.outcome import Setup
from app.domains.tenants import service as tenants

TENANT_ENDPOINT = "tenant-endpoint"


def set_up_monitoring(
    session: Session, *, tenant_id: UUID, address: str | None, is_up: bool, response_seconds: float
) -> Setup:
    """Register the target and keep the first check; where there is no address it stays pending, without a check.

    A repeat finds the target and adds its check. Raises NotFound for an unknown tenant.
    """
    tenants.get_tenant(session, tenant_id=tenant_id)
    session.execute(
        insert(MonitoringTarget)
        .values(id=new_id(), owner_id=session.info[OWNER], tenant_id=tenant_id, name=TENANT_ENDPOINT)
        .on_conflict_do_nothing(index_elements=["tenant_id", "name"])
    )
    target = queries.monitoring_target(session, tenant_id=tenant_id, name=TENANT_ENDPOINT)
    assert target is not None
    references = {"monitoring_target_id": str(target.id)}
    if address is None:
        return Setup(references=references)
    target.address = address
    target.state = "up" if is_up else "down"
    check = MonitoringCheck(
        id=new_id(),
        tenant_id=tenant_id,
        target_id=target.id,
        checked_at=now(session),
        is_up=is_up,
        response_seconds=response_seconds,
    )
    session.add(check)
    session.flush()
    return Setup(endpoints={"probed": address}, references={**references, "first_check_id": str(check.id)})


def forget_monitoring(session: Session, *, tenant_id: UUID) -> bool:
    """Remove the tenant's targets and their checks. False when there were none."""
    removed = session.scalars(
        delete(MonitoringTarget).where(MonitoringTarget.tenant_id == tenant_id).returning(MonitoringTarget.id)
    )
    return removed.first() is not None
