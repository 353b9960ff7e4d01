"""What is Kubernetes's own: the objects, held to the published schemas, and what is read of their state."""

from __future__ import annotations

import copy
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.kubernetes import manifests, status
from app.adapters.provisioners.kubernetes.manifests import Plan
from app.adapters.provisioners.workloads import workload
from tests.adapters.provisioners.fakes.kubernetes import SCHEMAS, TOKEN, FakeKubernetes
from tests.adapters.provisioners.sites import IMAGE, KubernetesSite, wanted

HOST = "acme.tenants.example"


@pytest.fixture
def site() -> Iterator[KubernetesSite]:
    with FakeKubernetes() as server, server.addresses:
        yield KubernetesSite(server)


def plan(**fields: Any) -> Plan:
    spec = wanted("acme", config={"variables": {"DB_PASSWORD": "s3cret"}}, **fields.pop("spec", {}))
    return Plan(spec=spec, workload=workload(spec, host=HOST, default_image=IMAGE), host=HOST, **fields)


def only(kind: str, of: Plan) -> dict[str, Any]:
    [found] = [each for each in manifests.contents(of) if each["kind"] == kind]
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ingress_class": "nginx", "tls": True},
        {"tls": True, "issuer": "letsencrypt"},
        {"spec": {"cpu": None, "memory_gb": None, "storage_gb": None}},
        {"spec": {"domain": "portal.example.com"}, "tls": True, "issuer": "letsencrypt"},
    ],
)
def test_every_object_fits_its_published_schema(fields):
    for manifest in (manifests.namespace(plan(**fields)), *manifests.contents(plan(**fields))):
        SCHEMAS[manifest["kind"]].model_validate(manifest)


def test_every_object_says_whose_it_is():
    for manifest in (manifests.namespace(plan()), *manifests.contents(plan())):
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "turnup"
        assert labels["turnup/tenant-id"] == "id-of-acme"


def test_the_environment_is_in_the_secret_and_nowhere_else():
    secret = {name: b64decode(value).decode() for name, value in only("Secret", plan())["data"].items()}
    assert secret["DB_PASSWORD"] == "s3cret"
    assert secret["TENANT_NAME"] == "Example & Söhne"
    others = [each for each in manifests.contents(plan()) if each["kind"] != "Secret"]
    assert "s3cret" not in str(others)


def test_the_pod_meets_the_restricted_standard():
    pod = only("Deployment", plan())["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert manifests.namespace(plan())["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_what_is_allocated_is_what_is_asked_for_and_the_most():
    resources = only("Deployment", plan())["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "500m", "memory": "1024Mi"}, "limits": {"cpu": "500m", "memory": "1024Mi"}}
    assert only("PersistentVolumeClaim", plan())["spec"]["resources"]["requests"] == {"storage": "2560Mi"}


def test_without_storage_nothing_is_claimed_or_mounted():
    without = plan(spec={"storage_gb": Decimal(0)})
    assert [each["kind"] for each in manifests.contents(without)] == ["Secret", "Deployment", "Service", "Ingress"]
    assert "data" not in str(only("Deployment", without)["spec"]["template"]["spec"]["volumes"])


def test_a_changed_environment_changes_the_pods():
    before, after = (only("Deployment", plan(spec={"tenant_name": name})) for name in ("Old", "New"))
    assert before["spec"]["template"]["metadata"]["annotations"] != after["spec"]["template"]["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("fields", "tls", "annotations"),
    [
        ({}, None, None),
        ({"issuer": "letsencrypt"}, None, None),
        ({"tls": True}, [{"hosts": [HOST]}], None),
        (
            {"tls": True, "issuer": "letsencrypt"},
            [{"hosts": [HOST], "secretName": "tenant-tls"}],
            {"cert-manager.io/cluster-issuer": "letsencrypt"},
        ),
    ],
)
def test_the_ingress_serves_tls_where_addresses_are_https(fields, tls, annotations):
    ingress = only("Ingress", plan(**fields))
    assert ingress["spec"].get("tls") == tls
    assert ingress["metadata"].get("annotations") == annotations


def test_a_domain_of_its_own_is_a_second_host_with_a_certificate_of_its_own():
    both = {"spec": {"domain": "portal.example.com"}, "tls": True}
    spec = only("Ingress", plan(**both, issuer="letsencrypt"))["spec"]
    assert [rule["host"] for rule in spec["rules"]] == [HOST, "portal.example.com"]
    assert [each["hosts"] for each in spec["tls"]] == [[HOST], ["portal.example.com"]]
    assert len({each["secretName"] for each in spec["tls"]}) == 2
    assert only("Ingress", plan(**both))["spec"]["tls"] == [{"hosts": [HOST, "portal.example.com"]}]


def test_what_may_take_longer_is_not_restarted_meanwhile():
    for seconds, threshold in ((None, 60), (10, 60), (900, 900)):
        pod = only("Deployment", plan(spec={"seconds": seconds}))["spec"]["template"]["spec"]
        assert pod["containers"][0]["startupProbe"]["failureThreshold"] == threshold


def test_a_namespace_of_another_installation_or_tenant_is_not_ours():
    own = manifests.namespace(plan())
    assert manifests.belongs(own, host=HOST)
    assert manifests.belongs(own, host=HOST, tenant_id="id-of-acme")
    assert not manifests.belongs(own, host="acme.other.example")
    assert not manifests.belongs(own, host=HOST, tenant_id="another")
    assert not manifests.belongs({"metadata": {"name": "bare"}}, host=HOST)
    own["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"
    assert not manifests.belongs(own, host=HOST)


AVAILABLE = {
    "metadata": {"generation": 2},
    "spec": {"replicas": 1},
    "status": {
        "observedGeneration": 2,
        "replicas": 1,
        "updatedReplicas": 1,
        "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True"}],
    },
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("observedGeneration", 1),
        ("updatedReplicas", 0),
        ("availableReplicas", 0),
        ("replicas", 2),
        ("conditions", [{"type": "Available", "status": "False"}]),
    ],
)
def test_a_deployment_is_available_when_all_of_the_newest_is(field, value):
    assert status.is_available(AVAILABLE)
    lacking = copy.deepcopy(AVAILABLE)
    lacking["status"][field] = value
    assert not status.is_available(lacking)
    assert not status.is_available({**AVAILABLE, "status": {}})


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"state": {"waiting": {"reason": reason, "message": message}}}]}}


@pytest.mark.parametrize(
    ("pod", "permanent"),
    [
        (waiting("InvalidImageName"), True),
        (waiting("ImagePullBackOff", "manifest unknown"), True),
        (waiting("ErrImagePull", "pull access denied"), True),
        (waiting("ErrImagePull", "dial tcp: i/o timeout"), False),
        (waiting("CrashLoopBackOff", "back-off 10s"), False),
        (
            {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}},
            False,
        ),
    ],
)
def test_troubles_that_may_pass_and_those_that_do_not(pod, permanent):
    found = status.trouble([waiting("ContainerCreating"), pod])
    assert found is not None
    assert found.permanent is permanent


def test_what_is_starting_is_no_trouble():
    assert status.trouble([waiting("ContainerCreating"), {"status": {"phase": "Pending"}}]) is None


def test_a_namespace_that_is_going_is_waited_for(site, slug):
    first = site.provisioner.deploy(wanted(slug))
    namespace = site.server.objects["Namespace", "", manifests.namespace_name(slug)]
    namespace["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert site.provisioner.deploy(wanted(slug)) == first
    remade = site.server.objects["Namespace", "", manifests.namespace_name(slug)]
    assert remade["metadata"]["uid"] != namespace["metadata"]["uid"]


def test_a_namespace_that_begins_to_go_meanwhile_fails_for_now(site, slug):
    with site.server.refusing("PATCH", ".*/secrets/.*", 503), pytest.raises(ProvisioningFailed):
        site.provisioner.deploy(wanted(slug))
    namespace = site.server.objects["Namespace", "", manifests.namespace_name(slug)]
    unseen = site.server._looked_at

    def going(key):
        found = copy.deepcopy(unseen(key))
        namespace["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return found

    site.server._looked_at = going
    with pytest.raises(ProvisioningFailed, match="being terminated") as failure:
        site.provisioner.deploy(wanted(slug))
    assert not failure.value.permanent


def test_another_tenants_namespace_is_refused(site, slug):
    site.provisioner.deploy(wanted(slug))
    with pytest.raises(ProvisioningFailed, match="somebody else") as failure:
        site.provisioner.deploy(wanted(slug, tenant_id="another"))
    assert failure.value.permanent


def test_what_keeps_a_pod_from_running_is_told_at_the_end(site, slug):
    image = "registry.example/slow:1"
    site.server.missing_images.add(image)
    site.server._state = lambda *_: {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    hasty = site.made(replace(site.settings, provision_seconds=0.2))
    with pytest.raises(ProvisioningFailed, match=r"within 0\.2 seconds \(CrashLoopBackOff: back-off 10s\)") as failure:
        hasty.deploy(wanted(slug, config={"image": image}))
    assert not failure.value.permanent


def test_a_wrong_token_is_refused_for_good_and_not_told(site, slug):
    stranger = site.made(replace(site.settings, kubernetes_token="wrong-secret-token"))
    with pytest.raises(ProvisioningFailed, match="Unauthorized") as failure:
        stranger.deploy(wanted(slug))
    assert failure.value.permanent
    assert "wrong-secret-token" not in str(failure.value)


def test_a_kubeconfig_says_where_and_as_whom(site, slug, tmp_path: Path):
    path = tmp_path / "config"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "one", "user": "turnup"}}],
                "clusters": [{"name": "one", "cluster": {"server": site.server.address}}],
                "users": [{"name": "turnup", "user": {"token": TOKEN}}],
            }
        )
    )
    settings = replace(site.settings, kubernetes_api_url="", kubernetes_token="", kubernetes_config=str(path))
    site.made(settings).deploy(wanted(slug))
    assert {kind for kind, _ in site.census(slug)} == site.whole


def test_a_kubeconfig_that_is_not_there_is_told(site, slug, tmp_path: Path):
    settings = replace(site.settings, kubernetes_config=str(tmp_path / "none"))
    with pytest.raises(ProvisioningFailed, match="cannot be used") as failure:
        site.made(settings).deploy(wanted(slug))
    assert failure.value.permanent
