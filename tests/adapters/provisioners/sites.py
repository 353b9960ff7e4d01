"""Where the provisioners of the contract deploy to: what can be done to each place, and what can be seen of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql

from app.adapters.provisioners.addresses import tenant_host
from app.adapters.provisioners.awx import jobs
from app.adapters.provisioners.awx.provisioner import AwxProvisioner
from app.adapters.provisioners.docker import blueprints
from app.adapters.provisioners.docker.provisioner import DockerProvisioner
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.kubernetes import manifests
from app.adapters.provisioners.kubernetes.provisioner import KubernetesProvisioner
from app.adapters.provisioners.local import LocalProvisioner
from app.adapters.provisioners.none import NoProvisioner
from app.adapters.provisioners.port import DeploymentSpec, Provisioner
from app.adapters.provisioners.schemas import TenantSchemas
from app.core.settings import Settings
from app.embedded.machine import free_port
from tests.adapters.provisioners.fakes import awx, docker, kubernetes
from tests.adapters.provisioners.fakes.server import FakeServer
from tests.places import EVERYTHING, Place

IMAGE = "registry.example/tenant:1"
MISSING = "registry.example/tenant:never-built"
PATIENCE = 30.0
HASTE = 0.2
POLL = 0.01
NOWHERE = "http://127.0.0.1:1"
SETTINGS = Settings(base_domain="tenants.example", provision_seconds=PATIENCE, awx_provision_seconds=PATIENCE)

Census = list[tuple[str, str]]
"""What there is of a tenant: kinds, each with an identity that changes when it is made anew or changed."""


def wanted(slug: str, **fields: Any) -> DeploymentSpec:
    """A deployment with all that can be asked for."""
    amounts = {"cpu": Decimal("0.5"), "memory_gb": Decimal(1), "storage_gb": Decimal("2.5")}
    about = {"tenant_id": f"id-of-{slug}"[:60], "tenant_name": "Example & Söhne", "region": "eu-west-1"}
    return DeploymentSpec(**{"reference": slug, **about, **amounts, **fields})


class Site(Protocol):
    """A provisioner and its place."""

    provisioner: Provisioner

    def census(self, slug: str) -> Census: ...


class Builder(Site, Protocol):
    """A place where something is built."""

    whole: frozenset[str]
    """What there is of a tenant that stands."""
    interruptions: tuple[Any, ...]
    """Where building may end half-way."""

    def interrupt(self, spec: DeploymentSpec, interruption: Any) -> None:
        """Leave it half-built."""

    def unready(self) -> AbstractContextManager[Provisioner]:
        """A provisioner with little time, where what is built does not answer."""


class Named(Builder, Protocol):
    """A place where things of somebody else may bear a tenant's name."""

    def put_foreign(self, slug: str) -> AbstractContextManager[None]: ...


class NoSite:
    def __init__(self) -> None:
        self.provisioner = NoProvisioner()

    def census(self, slug: str) -> Census:
        return []


class LocalSite:
    """The embedded default: a real database, a real folder, the real endpoints process."""

    whole = frozenset(EVERYTHING)
    interruptions = ("schema", "folder")

    def __init__(self, there: Place) -> None:
        self._there = there
        self.provisioner = LocalProvisioner(there.settings)

    def census(self, slug: str) -> Census:
        return sorted((thing, "") for thing in self._there.things(slug))

    def interrupt(self, spec: DeploymentSpec, interruption: str) -> None:
        if interruption == "schema":
            TenantSchemas(self._there.settings.provisioner_database_url).create(spec.reference)
        else:
            (self._there.folder(spec.reference) / "left").mkdir(parents=True)

    @contextmanager
    def unready(self) -> Iterator[Provisioner]:
        yield LocalProvisioner(replace(self._there.settings, endpoints_port=free_port()), start_seconds=HASTE)

    @contextmanager
    def put_foreign(self, slug: str) -> Iterator[None]:
        schema = sql.Identifier(TenantSchemas(self._there.settings.provisioner_database_url).names(slug).schema)
        with psycopg.connect(self._there.settings.migration_database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
            yield
            connection.execute(sql.SQL("DROP SCHEMA {}").format(schema))


class Remote:
    """A place behind a server's API."""

    server: FakeServer
    settings: Settings
    secret = ""
    whole: frozenset[str]
    writes: tuple[tuple[str, str], ...]
    """The requests that build, in order: method and path."""
    removals: tuple[tuple[str, str], ...]
    """Those that remove."""

    @property
    def provisioner(self) -> Provisioner:
        return self.made(self.settings)

    @property
    def interruptions(self) -> tuple[tuple[str, str], ...]:
        return self.writes

    def made(self, settings: Settings) -> Provisioner:
        """The provisioner of such settings."""
        raise NotImplementedError

    def away(self) -> Provisioner:
        """One whose server does not answer."""
        raise NotImplementedError

    def interrupt(self, spec: DeploymentSpec, interruption: tuple[str, str]) -> None:
        with self.server.refusing(*interruption, 503), pytest.raises(ProvisioningFailed) as failure:
            self.provisioner.deploy(spec)
        assert not failure.value.permanent

    @contextmanager
    def unready(self) -> Iterator[Provisioner]:
        self._stay_unready(True)
        yield self.made(replace(self.settings, provision_seconds=HASTE, awx_provision_seconds=HASTE))
        self._stay_unready(False)

    def hopeless(self, slug: str) -> AbstractContextManager[tuple[DeploymentSpec, str]]:
        """A deployment that cannot succeed, and words of the reason."""
        raise NotImplementedError

    def _stay_unready(self, so: bool) -> None:
        raise NotImplementedError


class KubernetesSite(Remote):
    secret = kubernetes.TOKEN
    whole = frozenset(
        {"Namespace", "Secret", "PersistentVolumeClaim", "Deployment", "Service", "Ingress", "Pod", "answer"}
    )
    writes = (
        ("POST", "/api/v1/namespaces"),
        *(
            ("PATCH", f".*/namespaces/[^/]+/{plural}/[^/]+")
            for plural in ("secrets", "persistentvolumeclaims", "deployments", "services", "ingresses")
        ),
    )
    removals = (("DELETE", "/api/v1/namespaces/[^/]+"),)

    def __init__(self, server: kubernetes.FakeKubernetes) -> None:
        self.server: kubernetes.FakeKubernetes = server
        self.settings = replace(
            SETTINGS,
            kubernetes_api_url=server.address,
            kubernetes_token=kubernetes.TOKEN,
            kubernetes_image=IMAGE,
            kubernetes_ingress_class="nginx",
            kubernetes_ingress_url=server.addresses.address,
        )

    def made(self, settings: Settings) -> Provisioner:
        return KubernetesProvisioner(settings, poll_seconds=POLL)

    def away(self) -> Provisioner:
        return self.made(replace(self.settings, kubernetes_api_url=NOWHERE))

    def census(self, slug: str) -> Census:
        namespace = manifests.namespace_name(slug)
        found = [
            (kind, f"{each['metadata']['uid']} {each['metadata'].get('generation')}")
            for (kind, place, name), each in self.server.objects.items()
            if namespace in {place, name}
        ]
        answers = self.provisioner.healthy(f"http://{tenant_host(self.settings, slug)}")
        return sorted([*found, *([("answer", "")] if answers else [])])

    @contextmanager
    def hopeless(self, slug: str) -> Iterator[tuple[DeploymentSpec, str]]:
        self.server.missing_images.add(MISSING)
        yield wanted(slug, config={"image": MISSING}), "ImagePullBackOff: .*not found"

    @contextmanager
    def put_foreign(self, slug: str) -> Iterator[None]:
        name = manifests.namespace_name(slug)
        self.server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": "x"}}})
        self.server.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tenant", "namespace": name}})
        yield

    def _stay_unready(self, so: bool) -> None:
        self.server.slow = so


class AwxSite(Remote):
    secret = awx.TOKEN
    whole = frozenset({"machine", "address", "job", "answer"})
    writes = (("POST", f"/api/v2/job_templates/{awx.DEPLOY}/launch/"),)
    removals = (("POST", f"/api/v2/job_templates/{awx.DESTROY}/launch/"),)
    interruptions = ("running", "failed", "canceled")

    def __init__(self, server: awx.FakeAwx) -> None:
        self.server: awx.FakeAwx = server
        self.settings = replace(
            SETTINGS,
            awx_url=server.address,
            awx_token=awx.TOKEN,
            awx_deploy_template=awx.DEPLOY,
            awx_destroy_template=awx.DESTROY,
        )

    def made(self, settings: Settings) -> Provisioner:
        return AwxProvisioner(settings, deploy_template=awx.DEPLOY, destroy_template=awx.DESTROY, poll_seconds=POLL)

    def away(self) -> Provisioner:
        return self.made(replace(self.settings, awx_url=NOWHERE))

    def interrupt(self, spec: DeploymentSpec, interruption: str) -> None:
        """A worker died, or gave up, while the playbook was at work."""
        host = tenant_host(self.settings, spec.reference)
        self.server.add(awx.DEPLOY, jobs.to_deploy(spec, host), interruption)
        self.server.things[host] = {"machine"}

    def census(self, slug: str) -> Census:
        """The machine and its address; and while they stand, the jobs that have made them."""
        host = tenant_host(self.settings, slug)
        things = sorted((thing, "") for thing in self.server.things.get(host, ()))
        made = [
            ("job", str(job.id))
            for job in self.server.kept.values()
            if job.variables.get("turnup_host") == host and job.template == awx.DEPLOY and job.status == "successful"
        ]
        answers = self.provisioner.healthy(f"{self.server.addresses.address}/{host}")
        return [*things, *made, *([("answer", "")] if answers else [])] if things else []

    @contextmanager
    def hopeless(self, slug: str) -> Iterator[tuple[DeploymentSpec, str]]:
        self.server.failing = "failed"
        yield wanted(slug), "failed: .*quota exceeded"
        self.server.failing = None

    def _stay_unready(self, so: bool) -> None:
        self.server.stuck = so


class DockerSite(Remote):
    whole = frozenset({"network", "volume", "container", "answer"})
    writes = (
        ("POST", "/v[0-9.]+/images/create"),
        ("POST", "/v[0-9.]+/networks/create"),
        ("POST", "/v[0-9.]+/volumes/create"),
        ("POST", "/v[0-9.]+/containers/create"),
        ("POST", "/v[0-9.]+/networks/traefik/connect"),
        ("POST", "/v[0-9.]+/containers/[^/]+/start"),
    )
    removals = (
        ("DELETE", "/v[0-9.]+/containers/[^/]+"),
        ("DELETE", "/v[0-9.]+/networks/[^/]+"),
        ("DELETE", "/v[0-9.]+/volumes/[^/]+"),
    )

    def __init__(self, server: docker.FakeDocker) -> None:
        self.server: docker.FakeDocker = server
        self.settings = replace(
            SETTINGS,
            docker_host=server.address.replace("http://", "tcp://"),
            docker_image=IMAGE,
            docker_proxy_url=server.addresses.address,
        )

    def made(self, settings: Settings) -> Provisioner:
        return DockerProvisioner(settings, poll_seconds=POLL)

    def away(self) -> Provisioner:
        return self.made(replace(self.settings, docker_host=NOWHERE.replace("http://", "tcp://")))

    def census(self, slug: str) -> Census:
        name = blueprints.name(slug)
        kinds = {"network": self.server.networks, "volume": self.server.volumes, "container": self.server.containers}
        found = [(kind, there[name]["Id"]) for kind, there in kinds.items() if name in there]
        answers = self.provisioner.healthy(f"http://{tenant_host(self.settings, slug)}")
        return [*found, *([("answer", "")] if answers else [])]

    @contextmanager
    def hopeless(self, slug: str) -> Iterator[tuple[DeploymentSpec, str]]:
        self.server.missing_images.add(MISSING)
        yield wanted(slug, config={"image": MISSING}), "manifest unknown"

    @contextmanager
    def put_foreign(self, slug: str) -> Iterator[None]:
        self.server.add_network(blueprints.name(slug), {"team": "x"})
        self.server.add_container(blueprints.name(slug), {"Image": "postgres:18", "Labels": {}})
        yield

    def _stay_unready(self, so: bool) -> None:
        self.server.slow = so
