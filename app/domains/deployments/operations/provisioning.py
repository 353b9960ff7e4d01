"""Deployments of tenants that exist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.core.errors import NotFound
from app.domains.deployments import service
from app.domains.deployments.operations.building import PROVISION_SECONDS, build, shown, unbuild
from pipelines.operations import Call, Catalogue, Effect

OPERATIONS = Catalogue()


def _intended(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    """The instance row, in the claim's commit: what dies half-way is found by it and removed."""
    instance = service.begin_provisioning(
        call.session,
        tenant_id=params["tenant_id"],
        template_id=params["template_id"],
        region=params.get("region"),
        config=params.get("config"),
        order_id=params.get("order_id"),
    )
    reference = str(instance.id)
    return [Effect("deployment", reference, _summary(instance.external_reference), undo={"instance_id": reference})]


@OPERATIONS.operation(
    "deployment_service.provision_deployment",
    undone_by="deployment_service.deprovision",
    lease=True,
    intends=_intended,
    timeout_seconds=PROVISION_SECONDS,
    resource="deployment",
)
def provision_deployment(
    call: Call,
    *,
    tenant_id: UUID,
    template_id: UUID,
    region: str | None = None,
    config: dict[str, Any] | None = None,
    order_id: int | None = None,
) -> dict[str, Any]:
    """Deploy a tenant through its template's provisioner; returns once the deployment answers its health check."""
    with call.transaction() as session:
        instance = service.begin_provisioning(
            session, tenant_id=tenant_id, template_id=template_id, region=region, config=config, order_id=order_id
        )
    reference = instance.external_reference
    active = build(call, instance)
    instance_id = str(active.id)
    call.effect("deployment", instance_id, _summary(reference), undo={"instance_id": instance_id})
    return shown(active)


@OPERATIONS.operation("deployment_service.deprovision", lease=True, timeout_seconds=PROVISION_SECONDS)
def deprovision(call: Call, *, instance_id: UUID) -> dict[str, Any]:
    """Remove a deployment with all it has, half-built ones too; nothing happens when it is gone."""
    with call.transaction() as session:
        instance = service.begin_destroying(session, instance_id=instance_id)
    return {"destroyed": unbuild(call, instance)}


@OPERATIONS.resource("deployment")
def read_deployment(call: Call, reference: Mapping[str, Any]) -> dict[str, Any] | None:
    """A deployment as it is now; None when there is none of that id."""
    try:
        found = service.get_instance(call.session, instance_id=UUID(str(reference["id"])))
    except NotFound:
        return None
    deployment: dict[str, Any] = shown(found)["deployment"]
    return deployment


def _summary(reference: str) -> str:
    return f"Deployment of {reference}"
