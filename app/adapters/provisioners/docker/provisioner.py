"""The Docker provisioner: network, volume and container of a tenant, up until Docker and the proxy call it healthy."""

from __future__ import annotations

from typing import Any

from app.adapters.provisioners import health, references
from app.adapters.provisioners.addresses import activation_url, tenant_host
from app.adapters.provisioners.docker import blueprints
from app.adapters.provisioners.docker.blueprints import Plan
from app.adapters.provisioners.docker.engine import Engine, connected
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.polling import Deadline, until
from app.adapters.provisioners.port import Deployed, DeploymentSpec
from app.adapters.provisioners.workloads import workload
from app.core.settings import Settings

POLL_SECONDS = 0.5


class DockerProvisioner:
    """Deploys to DOCKER_HOST; what bears a tenant's name but is not Turnup's is never touched."""

    def __init__(self, settings: Settings, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._settings = settings
        self._poll_seconds = poll_seconds

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        references.check(spec.reference)
        plan = self._plan(spec)
        deadline = Deadline.within(spec.seconds or self._settings.provision_seconds)
        with connected(self._settings) as docker:
            self._place(docker, plan)
            docker.ensure_image(plan.workload.image, deadline)
            self._run(docker, plan, deadline)
            self._wait_until_healthy(docker, plan, deadline)
        endpoint = activation_url(self._settings, spec.reference)
        health.wait(endpoint, deadline, every=self._poll_seconds, gateway=self._settings.docker_proxy_url)
        return Deployed(endpoint=endpoint, external_reference=spec.reference)

    def destroy(self, reference: str) -> None:
        references.check(reference)
        name, host = blueprints.name(reference), tenant_host(self._settings, reference)
        with connected(self._settings) as docker:
            found = docker.container(name)
            if found is not None and blueprints.belongs(_labels(found), host=host):
                self._remove(docker, name, within=self._settings.provision_seconds)
            network = docker.network(name)
            if network is not None and blueprints.belongs(network.get("Labels"), host=host):
                docker.remove_network(name)
            volume = docker.volume(name)
            if volume is not None and blueprints.belongs(volume.get("Labels"), host=host):
                docker.remove_volume(name)

    def healthy(self, endpoint: str) -> bool:
        return health.ask(endpoint, gateway=self._settings.docker_proxy_url) is not None

    def _plan(self, spec: DeploymentSpec) -> Plan:
        host = tenant_host(self._settings, spec.reference)
        return Plan(
            spec=spec,
            workload=workload(spec, host=host, default_image=self._settings.docker_image),
            host=host,
            network=self._settings.docker_network,
            tls=self._settings.tenant_scheme == "https",
        )

    def _place(self, docker: Engine, plan: Plan) -> None:
        """Network and volume, made or found ours."""
        name = blueprints.name(plan.spec.reference)
        found = docker.network(name)
        if found is None:
            docker.create_network(name, blueprints.labels(plan))
            found = docker.network(name)
        _claim("network", name, plan, found and found.get("Labels"))
        volume = docker.volume(name)
        if volume is None:
            docker.create_volume(name, blueprints.labels(plan))
            volume = docker.volume(name)
        _claim("volume", name, plan, volume and volume.get("Labels"))

    def _run(self, docker: Engine, plan: Plan, deadline: Deadline) -> None:
        """The container as it is wanted, made or found, connected and started."""
        name, wanted = blueprints.name(plan.spec.reference), blueprints.container(plan)
        found = docker.container(name)
        if found is not None:
            _claim("container", name, plan, _labels(found))
            if _labels(found).get(blueprints.DIGEST) != wanted["Labels"][blueprints.DIGEST]:
                self._remove(docker, name, within=deadline.left)
                found = None
        if found is None:
            docker.create_container(name, wanted)
            found = docker.container(name)
            _claim("container", name, plan, found and _labels(found))
        if found is not None and plan.network not in found["NetworkSettings"]["Networks"]:
            docker.connect(name, plan.network)
        docker.start(name)

    def _remove(self, docker: Engine, name: str, *, within: float) -> None:
        docker.remove_container(name)
        if not until(lambda: docker.container(name) is None, within=within, every=self._poll_seconds):
            message = f"Docker is still removing the container {name}."
            raise ProvisioningFailed(message, permanent=False)

    def _wait_until_healthy(self, docker: Engine, plan: Plan, deadline: Deadline) -> None:
        name = blueprints.name(plan.spec.reference)
        state: dict[str, Any] = {}

        def is_healthy() -> bool:
            state.clear()
            state.update((docker.container(name) or {}).get("State") or {})
            return (state.get("Health") or {}).get("Status") == "healthy"

        if not until(is_healthy, within=deadline.left, every=self._poll_seconds):
            message = f"The container {name} was not healthy within {plan.spec.seconds or self._settings.provision_seconds:g} seconds"
            raise ProvisioningFailed(f"{message} ({_trouble(state)}).", permanent=False)


def _claim(kind: str, name: str, plan: Plan, labels: dict[str, str] | None) -> None:
    """Raises ProvisioningFailed unless what bears the name is ours for this tenant, or gone again."""
    if labels is None or not blueprints.belongs(labels, host=plan.host, tenant_id=plan.spec.tenant_id):
        message = f"There is a {kind} {name} already, which belongs to somebody else."
        raise ProvisioningFailed(message, permanent=True)


def _labels(container: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = container["Config"].get("Labels") or {}
    return found


def _trouble(state: dict[str, Any]) -> str:
    """What Docker says of a container that is not healthy."""
    if state.get("Status") not in {"created", "running"}:
        return f"it is {state.get('Status', 'gone')}, exit code {state.get('ExitCode')}: {state.get('Error') or 'no error'}"
    log = (state.get("Health") or {}).get("Log") or [{}]
    return str(log[-1].get("Output") or "its health check has not ended yet").strip()[:200]
