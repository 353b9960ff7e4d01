"""automation-workflows: the events that may start the built-in workflows for the tenant."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.activation import queries
from app.domains.activation.models import EnabledTrigger
from app.domains.activation.rules.setup import TRIGGERS
from app.domains.activation.service.setup.outcome import Setup, tenant_endpoint
from app.domains.tenants import service as tenants


def enable_automation(session: Session, *, tenant_id: UUID) -> Setup:
    """Enable the built-in workflows' triggers; one that was switched off since stays off. Raises NotFound."""
    tenants.get_tenant(session, tenant_id=tenant_id)
    rows = [
        {
            "id": new_id(),
            "owner_id": session.info[OWNER],
            "tenant_id": tenant_id,
            "workflow_name": workflow_name,
            "event": event,
        }
        for workflow_name, event in TRIGGERS
    ]
    session.execute(
        insert(EnabledTrigger)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["tenant_id", "workflow_name", "event"])
    )
    enabled = queries.enabled_triggers(session, tenant_id)
    return Setup(
        endpoints=tenant_endpoint(session, tenant_id),
        references={trigger.workflow_name: str(trigger.id) for trigger in enabled},
    )


def forget_automation(session: Session, *, tenant_id: UUID) -> bool:
    """Remove the tenant's triggers. False when there were none."""
    removed = session.scalars(
        delete(EnabledTrigger).where(EnabledTrigger.tenant_id == tenant_id).returning(EnabledTrigger.id)
    )
    return removed.first() is not None
