"""What is Docker's own: the container as it is wanted, images, and what is there already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.adapters.provisioners.docker import blueprints
from app.adapters.provisioners.docker.blueprints import Plan
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.workloads import workload
from tests.adapters.provisioners.fakes import docker
from tests.adapters.provisioners.fakes.docker import FakeDocker
from tests.adapters.provisioners.sites import IMAGE, DockerSite, wanted

HOST = "acme.tenants.example"


@pytest.fixture
def site() -> Iterator[DockerSite]:
    with FakeDocker() as server, server.addresses:
        yield DockerSite(server)


def plan(*, tls: bool = False, **fields: object) -> Plan:
    spec = wanted("acme", **fields)
    container = workload(spec, host=HOST, default_image=IMAGE)
    return Plan(spec=spec, workload=container, host=HOST, network="traefik", tls=tls)


def test_the_container_gets_its_environment_resources_and_data():
    wished = blueprints.container(plan(config={"variables": {"DB_PASSWORD": "s3cret"}, "port": 9000}))
    assert wished["Image"] == IMAGE
    assert {"DB_PASSWORD=s3cret", "TENANT_SLUG=acme", "TENANT_HOST=acme.tenants.example"} <= set(wished["Env"])
    assert wished["HostConfig"]["NanoCpus"] == 500_000_000
    assert wished["HostConfig"]["Memory"] == 1024**3
    assert wished["HostConfig"]["Mounts"] == [{"Type": "volume", "Source": "tenant-acme", "Target": "/data"}]
    assert "http://127.0.0.1:9000/health" in wished["Healthcheck"]["Test"][1]


def test_the_container_may_do_little():
    host = blueprints.container(plan())["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["ReadonlyRootfs"] is True


def test_traefik_learns_the_host_and_whether_it_is_served_by_tls():
    labels = blueprints.container(plan())["Labels"]
    assert labels["traefik.http.routers.tenant-acme.rule"] == f"Host(`{HOST}`)"
    assert labels["traefik.http.services.tenant-acme.loadbalancer.server.port"] == "8080"
    assert "traefik.http.routers.tenant-acme.tls" not in labels
    assert blueprints.container(plan(tls=True))["Labels"]["traefik.http.routers.tenant-acme.tls"] == "true"


def test_traefik_learns_a_domain_of_its_own():
    labels = blueprints.container(plan(domain="portal.example.com"))["Labels"]
    assert labels["traefik.http.routers.tenant-acme.rule"] == f"Host(`{HOST}`) || Host(`portal.example.com`)"


def test_without_amounts_there_are_no_limits():
    host = blueprints.container(plan(cpu=None, memory_gb=None))["HostConfig"]
    assert not {"NanoCpus", "Memory"} & host.keys()


def test_another_wish_replaces_the_container_and_keeps_the_data(site, slug):
    site.provisioner.deploy(wanted(slug))
    before = dict(site.census(slug))
    site.provisioner.deploy(wanted(slug, config={"image": "registry.example/tenant:2"}))
    after = dict(site.census(slug))
    assert after["container"] != before["container"]
    assert (after["volume"], after["network"]) == (before["volume"], before["network"])


def test_a_container_that_was_stopped_is_started(site, slug):
    site.provisioner.deploy(wanted(slug))
    standing = site.census(slug)
    site.server.containers[blueprints.name(slug)]["State"] = {"Status": "exited", "Running": False, "ExitCode": 0}
    site.provisioner.deploy(wanted(slug))
    assert site.census(slug) == standing


def test_an_image_that_is_here_is_not_pulled(site, slug):
    site.server.images.add(IMAGE)
    site.provisioner.deploy(wanted(slug))
    assert not [path for _, path in site.server.asked if path.endswith("/images/create")]


def test_a_pull_that_breaks_midway_may_be_better_next_time(site, slug):
    site.server.lost_images.add(IMAGE)
    with pytest.raises(ProvisioningFailed, match="unexpected EOF") as failure:
        site.provisioner.deploy(wanted(slug))
    assert not failure.value.permanent
    site.server.lost_images.clear()
    site.provisioner.deploy(wanted(slug))


def test_what_the_health_check_said_is_told(site, slug):
    with site.unready() as hasty, pytest.raises(ProvisioningFailed, match=r"Connection refused"):
        hasty.deploy(wanted(slug))


@pytest.mark.parametrize("kind", ["network", "volume"])
def test_a_foreign_network_or_volume_is_refused_and_stays(site, slug, kind):
    name = blueprints.name(slug)
    getattr(site.server, f"add_{kind}")(name, {"team": "x"})
    with pytest.raises(ProvisioningFailed, match=f"There is a {kind} {name} already") as failure:
        site.provisioner.deploy(wanted(slug))
    assert failure.value.permanent
    site.provisioner.destroy(slug)
    assert [found for found, _ in site.census(slug)] == [kind]


def test_another_tenants_container_is_refused(site, slug):
    site.provisioner.deploy(wanted(slug))
    with pytest.raises(ProvisioningFailed, match="somebody else") as failure:
        site.provisioner.deploy(wanted(slug, tenant_id="another"))
    assert failure.value.permanent


def test_a_proxys_network_that_is_not_there_is_told(site, slug):
    lost = site.made(replace(site.settings, docker_network="elsewhere"))
    with pytest.raises(ProvisioningFailed, match="network elsewhere not found") as failure:
        lost.deploy(wanted(slug))
    assert failure.value.permanent


def test_an_engine_that_is_too_old_is_told(site, slug, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(docker, "NEWEST", "1.43")
    with pytest.raises(ProvisioningFailed, match=r"Maximum supported API version is 1\.43") as failure:
        site.provisioner.deploy(wanted(slug))
    assert failure.value.permanent


def test_certificates_that_are_not_there_are_told(site, slug, tmp_path):
    blind = site.made(replace(site.settings, docker_cert_path=str(tmp_path)))
    with pytest.raises(ProvisioningFailed, match="DOCKER_CERT_PATH") as failure:
        blind.deploy(wanted(slug))
    assert failure.value.permanent
