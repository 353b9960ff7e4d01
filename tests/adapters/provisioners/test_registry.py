"""Which provisioner serves which type, and what addresses look like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.provisioners.addresses import activation_url, is_label, slug_of_host
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.none import NoProvisioner
from app.adapters.provisioners.port import DeploymentSpec, Provisioners
from app.adapters.provisioners.registry import configured
from app.core.settings import ConfigurationError, Settings

SETTINGS = Settings(base_domain="example.org", tenant_scheme="https")


def test_local_is_there_where_its_role_is_configured_and_none_always():
    assert configured(SETTINGS).types() == {"none"}
    both = configured(replace(SETTINGS, provisioner_database_url="postgresql://provisioner@db/turnup"))
    assert both.types() == {"none", "local"}


KUBERNETES = {"kubernetes_api_url": "https://kubernetes.example", "kubernetes_image": "tenant:1"}
AWX = {"awx_url": "https://awx.example", "awx_deploy_template": 7, "awx_destroy_template": 8}
DOCKER = {"docker_host": "tcp://docker.example:2376", "docker_image": "tenant:1"}


@pytest.mark.parametrize(("kind", "needed"), [("kubernetes", KUBERNETES), ("awx", AWX), ("docker", DOCKER)])
def test_the_others_are_there_where_all_that_they_need_is_set(kind, needed):
    assert configured(replace(SETTINGS, **needed)).types() == {"none", kind}
    for name in needed:
        lacking = {each: value for each, value in needed.items() if each != name}
        assert configured(replace(SETTINGS, **lacking)).types() == {"none"}


def test_a_kubeconfig_may_say_where_kubernetes_is():
    by_file = replace(SETTINGS, kubernetes_config="/etc/turnup/kubeconfig", kubernetes_image="tenant:1")
    assert configured(by_file).types() == {"none", "kubernetes"}


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"AWX_URL": "awx.example"}, "AWX_URL must begin with http:// or https://"),
        ({"KUBERNETES_API_URL": "tcp://x"}, "KUBERNETES_API_URL must begin with http:// or https://"),
        ({"AWX_DEPLOY_TEMPLATE": "deploy"}, "AWX_DEPLOY_TEMPLATE must be a whole number"),
        ({"PROVISION_SECONDS": "0"}, "PROVISION_SECONDS must be positive"),
        ({"PROVISION_SECONDS": "1801"}, "at most 1800"),
        ({"AWX_PROVISION_SECONDS": "-1"}, "AWX_PROVISION_SECONDS too"),
    ],
)
def test_settings_that_cannot_be_are_told(variables, fault):
    with pytest.raises(ConfigurationError, match=fault):
        Settings.from_environment(variables)


def test_a_type_that_is_not_configured_is_a_permanent_failure():
    with pytest.raises(ProvisioningFailed, match="of type kubernetes") as failure:
        configured(SETTINGS).get("kubernetes")
    assert failure.value.permanent


def test_a_type_is_wired_once():
    provisioners = Provisioners()
    provisioners.add("none", NoProvisioner())
    with pytest.raises(ValueError, match="wired twice"):
        provisioners.add("none", NoProvisioner())


def test_none_deploys_nothing_and_has_no_address():
    nothing = NoProvisioner()
    deployed = nothing.deploy(DeploymentSpec(reference="acme", tenant_id="0", tenant_name="Acme"))
    assert (deployed.endpoint, deployed.external_reference) == (None, "acme")
    nothing.destroy("acme")


@pytest.mark.parametrize(("port", "url"), [(None, "https://acme.example.org"), (8443, "https://acme.example.org:8443")])
def test_the_address_of_a_tenant(port, url):
    settings = replace(SETTINGS, tenant_port=port)
    assert activation_url(settings, "acme") == url
    assert slug_of_host(settings, url.removeprefix("https://")) == "acme"


@pytest.mark.parametrize("host", ["", "example.org", "acme.example.com", "a.b.example.org", "[::1", "../x.example.org"])
def test_hosts_that_are_no_tenants(host):
    assert slug_of_host(SETTINGS, host) is None


def test_labels():
    assert all(is_label(good) for good in ("a", "a-1", "9x"))
    assert not any(is_label(bad) for bad in ("", "-a", "a-", "A", "a_b", "a.b", "a\n", "ä", "a" * 64))
