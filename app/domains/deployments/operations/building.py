"""The outside half of every deployment: it is built, or removed, while no transaction is open."""

from __future__ import annotations

from typing import Any

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.port import Provisioners
from app.core.settings import MOST_PROVISION_SECONDS
from app.domains.deployments import service
from app.domains.deployments.errors import DeploymentGone
from app.domains.deployments.service import DeploymentInstance
from pipelines.operations import Call

PROVISION_SECONDS = MOST_PROVISION_SECONDS + 60.0
"""A net below the provisioners, which end every call by themselves as their settings and the template say."""


def build(call: Call, instance: DeploymentInstance) -> DeploymentInstance:
    """Let its provisioner build a begun instance; the instance once it answers its health check.

    Its failure is noted at once, so that it is seen while the next attempt waits. Raises ProvisioningFailed, and
    DeploymentGone when it was removed meanwhile.
    """
    with call.transaction() as session:
        specification = service.specification(session, instance=instance)
    provisioner = call.port(Provisioners).get(instance.deployment_type)
    try:
        deployed = provisioner.deploy(specification)
    except ProvisioningFailed as failure:
        with call.transaction() as session:
            service.fail_provisioning(session, instance_id=instance.id, reason=str(failure))
        raise
    try:
        return service.complete_provisioning(call.session, instance_id=instance.id, deployed=deployed)
    except DeploymentGone:
        # it was removed under our hands: what this attempt built since then must go too
        provisioner.destroy(specification.reference)
        raise


def unbuild(call: Call, instance: DeploymentInstance | None) -> bool:
    """Let its provisioner remove an instance that is being destroyed, half-built things included; False when there is none."""
    if instance is None:
        return False
    call.port(Provisioners).get(instance.deployment_type).destroy(instance.external_reference)
    return service.complete_destroying(call.session, instance_id=instance.id)


def shown(instance: DeploymentInstance) -> dict[str, Any]:
    """An instance as outputs hold it."""
    instance_id = str(instance.id)
    return {
        "deployment_id": instance_id,
        "deployment_instance_id": instance_id,
        "deployment": {
            "id": instance_id,
            "instance_id": instance_id,
            "endpoint": instance.endpoint,
            "state": instance.state,
            "region": instance.region,
            "template_id": str(instance.template_id),
        },
    }
