"""The Kubernetes provisioner: claims a namespace, applies what belongs in it, and waits until that answers."""

from __future__ import annotations

from app.adapters.provisioners import health, references
from app.adapters.provisioners.addresses import activation_url, tenant_host
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.kubernetes import manifests, status
from app.adapters.provisioners.kubernetes.cluster import Cluster, connected
from app.adapters.provisioners.kubernetes.manifests import Plan
from app.adapters.provisioners.polling import Deadline, until
from app.adapters.provisioners.port import Deployed, DeploymentSpec
from app.adapters.provisioners.workloads import workload
from app.core.settings import Settings

POLL_SECONDS = 1.0


class KubernetesProvisioner:
    """Deploys into the cluster of KUBERNETES_API_URL or KUBECONFIG; a foreign namespace is never touched."""

    def __init__(self, settings: Settings, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._settings = settings
        self._poll_seconds = poll_seconds

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        references.check(spec.reference)
        plan = self._plan(spec)
        deadline = Deadline.within(spec.seconds or self._settings.provision_seconds)
        with connected(self._settings) as cluster:
            self._claim(cluster, plan, deadline)
            for manifest in manifests.contents(plan):
                cluster.apply(manifest)
            self._wait_until_available(cluster, plan, deadline)
        endpoint = activation_url(self._settings, spec.reference)
        health.wait(
            endpoint,
            deadline,
            every=self._poll_seconds,
            gateway=self._settings.kubernetes_ingress_url,
        )
        return Deployed(endpoint=endpoint, external_reference=spec.reference)

    def destroy(self, reference: str) -> None:
        references.check(reference)
        name, host = manifests.namespace_name(reference), tenant_host(self._settings, reference)
        with connected(self._settings) as cluster:
            found = cluster.read("Namespace", name)
            if found is None or not manifests.belongs(found, host=host):
                return
            if not status.is_terminating(found):
                cluster.delete(found)

            def is_gone() -> bool:
                left = cluster.read("Namespace", name)
                return left is None or left["metadata"]["uid"] != found["metadata"]["uid"]

            if not until(is_gone, within=self._settings.provision_seconds, every=self._poll_seconds):
                message = f"Kubernetes is still removing the namespace {name}."
                raise ProvisioningFailed(message, permanent=False)

    def healthy(self, endpoint: str) -> bool:
        return health.ask(endpoint, gateway=self._settings.kubernetes_ingress_url) is not None

    def _plan(self, spec: DeploymentSpec) -> Plan:
        host = tenant_host(self._settings, spec.reference)
        return Plan(
            spec=spec,
            workload=workload(spec, host=host, default_image=self._settings.kubernetes_image),
            host=host,
            ingress_class=self._settings.kubernetes_ingress_class,
            tls=self._settings.tenant_scheme == "https",
            issuer=self._settings.kubernetes_cluster_issuer,
        )

    def _claim(self, cluster: Cluster, plan: Plan, deadline: Deadline) -> None:
        """Make the namespace or find it ours; one that is being removed is waited for."""
        wanted = manifests.namespace(plan)
        name = wanted["metadata"]["name"]

        def is_ours() -> bool:
            found = cluster.read("Namespace", name) or cluster.create(wanted)
            if found is None:  # another was first: the next look tells whose it is
                return False
            if not manifests.belongs(found, host=plan.host, tenant_id=plan.spec.tenant_id):
                message = f"There is a namespace {name} already, which belongs to somebody else."
                raise ProvisioningFailed(message, permanent=True)
            return not status.is_terminating(found)

        if not until(is_ours, within=deadline.left, every=self._poll_seconds):
            message = f"Kubernetes is still removing the former namespace {name}."
            raise ProvisioningFailed(message, permanent=False)

    def _wait_until_available(self, cluster: Cluster, plan: Plan, deadline: Deadline) -> None:
        namespace = manifests.namespace_name(plan.spec.reference)

        def is_available() -> bool:
            deployment = cluster.read("Deployment", manifests.NAME, namespace)
            if deployment is not None and status.is_available(deployment):
                return True
            found = status.trouble(cluster.pods(namespace))
            if found is not None and found.permanent:
                message = f"The pod of {plan.spec.reference} cannot run: {found}."
                raise ProvisioningFailed(message, permanent=True)
            return False

        if not until(is_available, within=deadline.left, every=self._poll_seconds):
            found = status.trouble(cluster.pods(namespace))
            message = f"{plan.spec.reference} was not available within {plan.spec.seconds or self._settings.provision_seconds:g} seconds"
            raise ProvisioningFailed(f"{message} ({found})." if found else f"{message}.", permanent=False)
