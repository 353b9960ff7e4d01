"""What workflows may call of the deployments room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.port import Provisioners
from app.domains.deployments import service
from app.domains.deployments.errors import DeploymentGone
from pipelines.operations import Call, Catalogue, Effect

OPERATIONS = Catalogue()

PROVISION_SECONDS = 60.0


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
        specification = service.specification(session, instance=instance)
    provisioner = call.port(Provisioners).get(instance.deployment_type)
    try:
        deployed = provisioner.deploy(specification)
    except ProvisioningFailed as failure:
        with call.transaction() as session:
            service.fail_provisioning(session, instance_id=instance.id, reason=str(failure))
        raise
    try:
        active = service.complete_provisioning(call.session, instance_id=instance.id, deployed=deployed)
    except DeploymentGone:
        # it was removed under our hands: what this attempt built since then must go too
        provisioner.destroy(specification.reference)
        raise
    instance_id = str(active.id)
    call.effect("deployment", instance_id, _summary(specification.reference), undo={"instance_id": instance_id})
    return {
        "deployment_id": instance_id,
        "deployment_instance_id": instance_id,
        "deployment": {
            "id": instance_id,
            "instance_id": instance_id,
            "endpoint": active.endpoint,
            "state": active.state,
            "region": active.region,
            "template_id": str(active.template_id),
        },
    }


@OPERATIONS.operation("deployment_service.deprovision", lease=True, timeout_seconds=PROVISION_SECONDS)
def deprovision(call: Call, *, instance_id: UUID) -> dict[str, Any]:
    """Remove a deployment with all it has, half-built ones too; nothing happens when it is gone."""
    with call.transaction() as session:
        instance = service.begin_destroying(session, instance_id=instance_id)
    if instance is None:
        return {"destroyed": False}
    call.port(Provisioners).get(instance.deployment_type).destroy(instance.external_reference)
    return {"destroyed": service.complete_destroying(call.session, instance_id=instance_id)}


def _summary(reference: str) -> str:
    return f"Deployment of {reference}"
