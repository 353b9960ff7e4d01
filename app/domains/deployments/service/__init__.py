"""The verbs of the deployments room. None commits."""

from app.adapters.provisioners.addresses import activation_url
from app.domains.deployments.models import (
    DeploymentInstance,
    DeploymentTemplate,
    MaintenanceWindow,
    ScheduledDeployment,
)
from app.domains.deployments.rules import Brand
from app.domains.deployments.service.customer_tenants import (
    begin_tenant,
    checked_brand,
    refuse_other_partner,
    remove_tenant,
)
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
from app.domains.deployments.service.schedules import (
    all_schedules,
    cancel_scheduled_deployment,
    get_schedule,
    reschedule_deployment,
    schedule_deployment,
)
from app.domains.deployments.service.seeding import seed
from app.domains.deployments.service.starting import start_due_deployments
from app.domains.deployments.service.templates import (
    all_templates,
    choose_template,
    create_template,
    find_template,
    get_template,
    update_template,
)
from app.domains.deployments.service.windows import (
    all_windows,
    create_window,
    delete_window,
    get_window,
    update_window,
)

__all__ = [
    "Brand",
    "DeploymentInstance",
    "DeploymentTemplate",
    "MaintenanceWindow",
    "ScheduledDeployment",
    "activation_url",
    "all_instances",
    "all_schedules",
    "all_templates",
    "all_windows",
    "begin_destroying",
    "begin_provisioning",
    "begin_tenant",
    "cancel_scheduled_deployment",
    "check_health",
    "checked_brand",
    "choose_template",
    "complete_destroying",
    "complete_provisioning",
    "create_template",
    "create_window",
    "delete_window",
    "fail_provisioning",
    "find_instance",
    "find_template",
    "get_instance",
    "get_schedule",
    "get_template",
    "get_window",
    "probe",
    "refuse_other_partner",
    "remove_tenant",
    "reschedule_deployment",
    "schedule_deployment",
    "seed",
    "specification",
    "start_due_deployments",
    "update_template",
    "update_window",
]
