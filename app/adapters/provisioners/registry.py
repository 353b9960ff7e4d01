"""Which provisioners this installation has.

The clients of Kubernetes and Docker are large: they are loaded where they are configured, and nowhere else.
"""

from __future__ import annotations

from app.adapters.provisioners.local import LocalProvisioner
from app.adapters.provisioners.none import NoProvisioner
from app.adapters.provisioners.port import Provisioners
from app.core.settings import Settings


def configured(settings: Settings) -> Provisioners:
    """The provisioners of these settings: `none` always, each other where all that it needs is set."""
    provisioners = Provisioners()
    provisioners.add("none", NoProvisioner())
    if settings.provisioner_database_url:
        provisioners.add("local", LocalProvisioner(settings))
    if settings.kubernetes_image and (settings.kubernetes_api_url or settings.kubernetes_config):
        from app.adapters.provisioners.kubernetes.provisioner import KubernetesProvisioner  # noqa: PLC0415

        provisioners.add("kubernetes", KubernetesProvisioner(settings))
    if settings.awx_url and settings.awx_deploy_template is not None and settings.awx_destroy_template is not None:
        from app.adapters.provisioners.awx.provisioner import AwxProvisioner  # noqa: PLC0415

        templates = {
            "deploy_template": settings.awx_deploy_template,
            "destroy_template": settings.awx_destroy_template,
        }
        provisioners.add("awx", AwxProvisioner(settings, **templates))
    if settings.docker_image and settings.docker_host:
        from app.adapters.provisioners.docker.provisioner import DockerProvisioner  # noqa: PLC0415

        provisioners.add("docker", DockerProvisioner(settings))
    return provisioners
