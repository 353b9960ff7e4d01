"""The verbs of the deployments room. None commits."""

from app.adapters.provisioners.addresses import activation_url
from app.domains.deployments.models import DeploymentTemplate
from app.domains.deployments.service.health import check_health, probe
from app.domains.deployments.service.instances import (
    all_instances,
    begin_destroying,
    begin_provisioning,
    complete_destroying,
    complete_provisioning,
    fail_provisioning,
    find_instance,
    get_instance,
    specification,
)
from app.domains.deployments.service.seeding import seed
from app.domains.deployments.service.templates import (
    all_templates,
    choose_template,
    create_template,
    get_template,
    update_template,
)

__all__ = [
    "DeploymentTemplate",
    "activation_url",
    "all_instances",
    "all_templates",
    "begin_destroying",
    "begin_provisioning",
    "check_health",
    "choose_template",
    "complete_destroying",
    "complete_provisioning",
    "create_template",
    "fail_provisioning",
    "find_instance",
    "get_instance",
    "get_template",
    "probe",
    "seed",
    "specification",
    "update_template",
]
