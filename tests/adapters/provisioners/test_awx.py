"""What is AWX's own: which jobs count, how they end, and what their playbooks tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.adapters.provisioners.addresses import tenant_host
from app.adapters.provisioners.awx import jobs
from app.adapters.provisioners.awx.provisioner import AwxProvisioner
from app.adapters.provisioners.errors import ProvisioningFailed
from tests.adapters.provisioners.fakes.awx import DEPLOY, DESTROY, UNASKED, FakeAwx, Job
from tests.adapters.provisioners.sites import POLL, AwxSite, wanted

HOST = "acme.tenants.example"


@pytest.fixture
def site() -> Iterator[AwxSite]:
    with FakeAwx() as server, server.addresses:
        yield AwxSite(server)


def add(site: AwxSite, slug: str, action: str, status: str) -> Job:
    """A job of the past."""
    host = tenant_host(site.settings, slug)
    if action == jobs.DEPLOY:
        return site.server.add(DEPLOY, jobs.to_deploy(wanted(slug), host), status)
    return site.server.add(DESTROY, jobs.to_destroy(slug, host), status)


def test_the_playbook_gets_the_whole_specification(site, slug):
    site.provisioner.deploy(wanted(slug, config={"plan": "x"}))
    [job] = site.server.kept.values()
    assert job.template == DEPLOY
    assert job.variables == {
        "turnup_action": "deploy",
        "turnup_reference": slug,
        "turnup_host": f"{slug}.tenants.example",
        "turnup_tenant_id": f"id-of-{slug}",
        "turnup_tenant_name": "Example & Söhne",
        "turnup_region": "eu-west-1",
        "turnup_environment": "production",
        "turnup_config": {"plan": "x"},
        "turnup_cpu": 0.5,
        "turnup_memory_gb": 1.0,
        "turnup_storage_gb": 2.5,
    }


def test_the_playbook_is_told_of_domain_brand_and_license(site, slug):
    brand = {"company_name": "Fast Partner"}
    site.provisioner.deploy(wanted(slug, domain="portal.example.com", branding=brand, license_key="AAAAA"))
    [job] = site.server.kept.values()
    told = {name: job.variables[f"turnup_{name}"] for name in ("domain", "branding", "license_key")}
    assert told == {"domain": "portal.example.com", "branding": brand, "license_key": "AAAAA"}


def test_the_address_is_what_the_playbook_has_set(site, slug):
    deployed = site.provisioner.deploy(wanted(slug))
    assert deployed.endpoint == f"{site.server.addresses.address}/{slug}.tenants.example"


@pytest.mark.parametrize(
    "artifacts", [{}, None, {"endpoint": None}, {"endpoint": "ftp://x"}, {"endpoint": "/x"}, {"endpoint": "http://[x"}]
)
def test_without_one_the_address_is_the_tenants_own(artifacts):
    assert jobs.endpoint({"artifacts": artifacts}) is None
    assert jobs.endpoint({"artifacts": {"endpoint": "https://a.example"}}) == "https://a.example"


def test_a_running_job_is_followed_and_not_launched_again(site, slug):
    running = add(site, slug, "deploy", "running")
    site.provisioner.deploy(wanted(slug))
    assert list(site.server.kept) == [running.id]
    assert running.status == "successful"


def test_a_job_is_found_behind_those_of_others(site, slug):
    own = add(site, slug, "deploy", "successful")
    own.artifacts = {"endpoint": f"{site.server.addresses.address}/{slug}.tenants.example"}
    site.server.things[f"{slug}.tenants.example"] = {"machine", "address"}
    for number in range(450):
        add(site, f"other-{number}", "deploy", "successful")
    site.provisioner.deploy(wanted(slug))
    assert len(site.server.kept) == 451


@pytest.mark.parametrize(
    "history",
    [
        [("deploy", "successful"), ("destroy", "successful")],
        # it may have removed half of it
        [("deploy", "successful"), ("destroy", "failed")],
        [("deploy", "successful"), ("destroy", "canceled")],
        [("deploy", "failed")],
        [("deploy", "canceled")],
    ],
)
def test_what_no_longer_stands_for_certain_is_deployed_anew(site, slug, history):
    for action, status in history:
        add(site, slug, action, status)
    site.provisioner.deploy(wanted(slug))
    newest = site.server.kept[len(history) + 1]
    assert (newest.template, newest.status) == (DEPLOY, "successful")


def test_the_second_of_two_that_was_canceled_does_not_hide_the_first(site, slug):
    first = add(site, slug, "deploy", "running")
    add(site, slug, "deploy", "canceled")
    site.provisioner.deploy(wanted(slug))
    assert len(site.server.kept) == 2
    assert first.status == "successful"


def test_a_deployment_of_another_tenant_of_that_name_does_not_count(site, slug):
    site.provisioner.deploy(wanted(slug))
    site.provisioner.deploy(wanted(slug, tenant_id="another"))
    assert len(site.server.kept) == 2


def test_while_it_is_being_removed_nothing_is_launched(site, slug):
    add(site, slug, "destroy", "running")
    with pytest.raises(ProvisioningFailed, match="still removing") as failure:
        site.provisioner.deploy(wanted(slug))
    assert not failure.value.permanent
    assert len(site.server.kept) == 1


def test_a_job_that_takes_too_long_is_canceled(site, slug):
    with site.unready() as hasty, pytest.raises(ProvisioningFailed, match="was canceled") as failure:
        hasty.deploy(wanted(slug))
    assert not failure.value.permanent
    [job] = site.server.kept.values()
    assert job.status == "canceled"


def test_what_still_deploys_is_canceled_before_it_is_removed(site, slug):
    running = add(site, slug, "deploy", "running")
    site.provisioner.destroy(slug)
    assert running.status == "canceled"
    assert site.server.kept[2].template == DESTROY


def test_a_removal_that_runs_is_followed(site, slug):
    running = add(site, slug, "destroy", "running")
    site.provisioner.destroy(slug)
    assert running.status == "successful"
    assert len(site.server.kept) == 1


def test_a_failure_tells_the_last_lines_and_the_way_it_ended(site, slug):
    site.server.failing = "failed"
    with pytest.raises(ProvisioningFailed, match=r"job 1 of AWX ended as failed: .*quota exceeded") as failure:
        site.provisioner.deploy(wanted(slug))
    assert failure.value.permanent


@pytest.mark.parametrize(("status", "unreached"), [("error", 0), ("failed", 2)])
def test_a_machine_out_of_reach_or_awx_itself_may_be_better_next_time(site, slug, status, unreached):
    site.server.failing, site.server.unreached = status, unreached
    with pytest.raises(ProvisioningFailed) as failure:
        site.provisioner.deploy(wanted(slug))
    assert not failure.value.permanent
    site.server.failing = None
    site.provisioner.deploy(wanted(slug))


def test_a_failure_is_told_even_without_its_output(site, slug):
    site.server.failing = "failed"
    with site.server.refusing("GET", ".*/stdout/", 500), pytest.raises(ProvisioningFailed, match="no output"):
        site.provisioner.deploy(wanted(slug))


def test_a_template_that_would_ignore_the_variables_is_refused_before_it_runs(site, slug):
    unasked = AwxProvisioner(site.settings, deploy_template=UNASKED, destroy_template=DESTROY, poll_seconds=POLL)
    with pytest.raises(ProvisioningFailed, match="does not prompt for variables") as failure:
        unasked.deploy(wanted(slug))
    assert failure.value.permanent
    assert not site.server.kept


def test_a_template_that_is_not_there_is_told(site, slug):
    unknown = AwxProvisioner(site.settings, deploy_template=99, destroy_template=DESTROY, poll_seconds=POLL)
    with pytest.raises(ProvisioningFailed, match="Not found") as failure:
        unknown.deploy(wanted(slug))
    assert failure.value.permanent


def test_a_wrong_token_is_refused_for_good_and_not_told(site, slug):
    stranger = site.made(replace(site.settings, awx_token="wrong-secret-token"))
    with pytest.raises(ProvisioningFailed, match="Authentication credentials") as failure:
        stranger.deploy(wanted(slug))
    assert failure.value.permanent
    assert "wrong-secret-token" not in str(failure.value)


@pytest.mark.parametrize("variables", ["", "---\nturnup_host: x", "[]", '{"turnup_host": "other.example"}'])
def test_jobs_of_others_are_passed_over(variables):
    assert jobs.past({"id": 1, "status": "successful", "extra_vars": variables}, HOST) is None
