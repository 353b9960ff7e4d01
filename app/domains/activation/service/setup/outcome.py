"""What setting something up comes to, and for which activation it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from app.domains.activation import queries
from app.domains.activation.errors import ActivationNotFound
from app.domains.activation.models import ServiceActivation
from app.domains.deployments import service as deployments


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Addresses to reach what was set up, and references to its rows and sealed secrets."""

    endpoints: dict[str, str] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)


def activation_for(session: Session, *, activation_id: UUID, tenant_id: UUID) -> ServiceActivation:
    """The activation, now noted as that tenant's. Raises ActivationNotFound, also when it is another tenant's."""
    activation = queries.activation(session, activation_id)
    if activation is None or activation.tenant_id not in {None, tenant_id}:
        message = "There is no such activation for this tenant."
        raise ActivationNotFound(message)
    activation.tenant_id = tenant_id
    return activation


def tenant_endpoint(session: Session, tenant_id: UUID) -> dict[str, str]:
    """Where the tenant answers, if it has an address."""
    instance = deployments.find_instance(session, tenant_id=tenant_id)
    return {"tenant": instance.endpoint} if instance is not None and instance.endpoint else {}
