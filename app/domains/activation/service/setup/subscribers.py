"""subscriber-provisioning: the tenant's subscriber realm and numbering."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.activation import queries
from app.domains.activation.models import SubscriberRealm
from app.domains.activation.rules.setup import numbering_prefix
from app.domains.activation.service.setup.outcome import Setup, tenant_endpoint
from app.domains.tenants import service as tenants


def set_up_subscribers(session: Session, *, tenant_id: UUID) -> Setup:
    """The realm is the tenant's slug; subscribers are numbered from 1. Raises NotFound for an unknown tenant."""
    tenant = tenants.get_tenant(session, tenant_id=tenant_id)
    session.execute(
        insert(SubscriberRealm)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            tenant_id=tenant_id,
            realm=tenant.slug,
            number_prefix=numbering_prefix(tenant.slug),
        )
        .on_conflict_do_nothing(index_elements=["tenant_id"])
    )
    realm = queries.subscriber_realm(session, tenant_id)
    references = {"subscriber_realm_id": str(realm.id), "realm": realm.realm} if realm else {}
    if realm:
        references["next_subscriber_number"] = f"{realm.number_prefix}{realm.next_number:06d}"
    return Setup(endpoints=tenant_endpoint(session, tenant_id), references=references)


def forget_subscribers(session: Session, *, tenant_id: UUID) -> bool:
    """Remove realm and numbering. False when there was none."""
    removed = session.scalars(
        delete(SubscriberRealm).where(SubscriberRealm.tenant_id == tenant_id).returning(SubscriberRealm.id)
    )
    return removed.first() is not None
