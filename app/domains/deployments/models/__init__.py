"""The tables of the deployments room."""

from app.domains.deployments.models.instances import DeploymentInstance, DeploymentTemplate, PackageTemplate
from app.domains.deployments.models.schedules import MaintenanceWindow, ScheduledDeployment

__all__ = [
    "DeploymentInstance",
    "DeploymentTemplate",
    "MaintenanceWindow",
    "PackageTemplate",
    "ScheduledDeployment",
]
