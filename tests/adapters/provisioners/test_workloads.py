"""What a deployment's configuration may say of a tenant's container, and the names that deployments get."""

from __future__ import annotations

import pytest

from app.adapters.provisioners.errors import ProvisioningFailed, refused
from app.adapters.provisioners.references import LONGEST_LABEL, check, fitting
from app.adapters.provisioners.workloads import is_refused, workload
from tests.adapters.provisioners.sites import IMAGE, wanted

HOST = "acme.tenants.example"


def test_without_a_configuration_the_container_is_the_default_one():
    found = workload(wanted("acme"), host=HOST, default_image=IMAGE)
    assert (found.image, found.port, found.data_path) == (IMAGE, 8080, "/data")
    assert found.variables["TENANT_HOST"] == HOST


def test_the_configuration_decides():
    config = {"image": "a/b@sha256:00", "port": 80, "data_path": "/var/lib/x", "variables": {"A": 1, "B": "two"}}
    found = workload(wanted("acme", config=config), host=HOST, default_image=IMAGE)
    assert (found.image, found.port, found.data_path) == ("a/b@sha256:00", 80, "/var/lib/x")
    assert (found.variables["A"], found.variables["B"]) == ("1", "two")


def test_the_container_is_told_of_license_domain_and_brand():
    spec = wanted("acme", license_key="AAAAA", domain="portal.example.com", branding={"company_name": "Fast Partner"})
    variables = workload(spec, host=HOST, default_image=IMAGE).variables
    assert variables["TENANT_LICENSE_KEY"] == "AAAAA"
    assert variables["TENANT_DOMAIN"] == "portal.example.com"
    assert variables["TENANT_BRAND_COMPANY_NAME"] == "Fast Partner"
    assert not [name for name in workload(wanted("acme"), host=HOST, default_image=IMAGE).variables if "BRAND" in name]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image", ""),
        ("image", "UPPER"),
        ("image", "a b"),
        ("image", 7),
        ("port", 0),
        ("port", 65536),
        ("port", True),
        ("port", "80"),
        ("data_path", "data"),
        ("data_path", "/a;b"),
        ("variables", []),
        ("variables", {"A B": "x"}),
        ("variables", {"A": ["x"]}),
        ("variables", {"TENANT_ID": "x"}),
    ],
)
def test_a_faulty_configuration_is_refused_for_good(key, value):
    with pytest.raises(ProvisioningFailed, match=f"says for {key}") as failure:
        workload(wanted("acme", config={key: value}), host=HOST, default_image=IMAGE)
    assert failure.value.permanent


def test_a_fault_in_a_variable_does_not_tell_its_content():
    config = {"variables": {"A B": "s3cret"}}
    with pytest.raises(ProvisioningFailed) as failure:
        workload(wanted("acme", config=config), host=HOST, default_image=IMAGE)
    assert "s3cret" not in str(failure.value)


def test_names_fit_and_are_told_apart():
    names = {fitting("tenant", f"{'a' * 62}{end}") for end in "bc"}
    assert len(names) == 2
    assert all(len(name) <= LONGEST_LABEL for name in names)
    for name in names:
        check(name)
    check(fitting("tenant", f"{'a' * 42}-{'b' * 20}"))
    assert fitting("tenant", "acme") == "tenant-acme"


def test_registries_words_for_no_such_image():
    assert is_refused("manifest for x not found: manifest unknown")
    assert is_refused("unauthorized: authentication required")
    assert not is_refused("dial tcp 10.0.0.1:443: i/o timeout")


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_how_long_the_other_side_asks_us_to_wait(said, seconds):
    assert refused("It", status=429, reason="busy", retry_after=said).retry_after == seconds
