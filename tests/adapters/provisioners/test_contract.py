"""What every provisioner keeps to, whatever it builds with: repeatable, bounded in time, and leaving nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.polling import Deadline
from tests.adapters.provisioners.fakes.awx import FakeAwx
from tests.adapters.provisioners.fakes.docker import FakeDocker
from tests.adapters.provisioners.fakes.kubernetes import FakeKubernetes
from tests.adapters.provisioners.sites import (
    PATIENCE,
    AwxSite,
    Builder,
    DockerSite,
    KubernetesSite,
    LocalSite,
    Named,
    NoSite,
    Remote,
    Site,
    wanted,
)

REMOTE = ("kubernetes", "awx", "docker")


def _site(kind: str, request: pytest.FixtureRequest, servers: ExitStack) -> Site:
    match kind:
        case "none":
            return NoSite()
        case "local":
            return LocalSite(request.getfixturevalue("there"))
        case "kubernetes":
            server = servers.enter_context(FakeKubernetes())
            servers.enter_context(server.addresses)
            return KubernetesSite(server)
        case "awx":
            controller = servers.enter_context(FakeAwx())
            servers.enter_context(controller.addresses)
            return AwxSite(controller)
    engine = servers.enter_context(FakeDocker())
    servers.enter_context(engine.addresses)
    return DockerSite(engine)


@pytest.fixture(params=("none", "local", *REMOTE))
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with ExitStack() as servers:
        yield _site(request.param, request, servers)


@pytest.fixture(params=("local", *REMOTE))
def builder(request: pytest.FixtureRequest) -> Iterator[Site]:
    with ExitStack() as servers:
        yield _site(request.param, request, servers)


@pytest.fixture(params=("local", "kubernetes", "docker"))
def named(request: pytest.FixtureRequest) -> Iterator[Site]:
    with ExitStack() as servers:
        yield _site(request.param, request, servers)


@pytest.fixture(params=REMOTE)
def remote(request: pytest.FixtureRequest) -> Iterator[Site]:
    with ExitStack() as servers:
        yield _site(request.param, request, servers)


def kinds(site: Site, slug: str) -> list[str]:
    """What there is of a tenant; twice what there is twice."""
    return sorted(kind for kind, _ in site.census(slug))


def test_deploying_twice_is_deploying_once(site: Site, slug: str):
    first = site.provisioner.deploy(wanted(slug))
    standing = site.census(slug)
    assert site.provisioner.deploy(wanted(slug)) == first
    assert site.census(slug) == standing
    assert first.external_reference == slug


def test_destroying_leaves_nothing_and_twice_does_no_harm(site: Site, slug: str):
    site.provisioner.deploy(wanted(slug))
    site.provisioner.destroy(slug)
    assert site.census(slug) == []
    site.provisioner.destroy(slug)
    assert site.census(slug) == []


def test_destroying_what_never_was_does_no_harm(site: Site, slug: str):
    site.provisioner.destroy(slug)
    assert site.census(slug) == []


def test_what_stands_answers_its_health_check(builder: Builder, slug: str):
    deployed = builder.provisioner.deploy(wanted(slug))
    assert kinds(builder, slug) == sorted(builder.whole)
    assert deployed.endpoint
    assert builder.provisioner.healthy(deployed.endpoint)
    builder.provisioner.destroy(slug)
    assert not builder.provisioner.healthy(deployed.endpoint)


def test_destroying_one_leaves_the_others(builder: Builder, slug: str):
    neighbour = f"{slug}-2"
    for each in (slug, neighbour):
        builder.provisioner.deploy(wanted(each))
    standing = builder.census(neighbour)
    builder.provisioner.destroy(slug)
    assert builder.census(neighbour) == standing


def test_what_was_destroyed_can_be_deployed_again(builder: Builder, slug: str):
    first = builder.provisioner.deploy(wanted(slug))
    builder.provisioner.destroy(slug)
    assert builder.provisioner.deploy(wanted(slug)) == first
    assert set(kinds(builder, slug)) == builder.whole


def test_the_longest_name_is_one(builder: Builder, slug: str):
    longest = [f"{slug}{'a' * (62 - len(slug))}{end}" for end in "bc"]
    for each in longest:
        builder.provisioner.deploy(wanted(each))
    builder.provisioner.destroy(longest[0])
    assert builder.census(longest[0]) == []
    assert kinds(builder, longest[1]) == sorted(builder.whole)


def test_what_is_half_built_is_removed(builder: Builder, slug: str):
    for number, interruption in enumerate(builder.interruptions):
        half = f"{slug}-{number}"
        builder.interrupt(wanted(half), interruption)
        builder.provisioner.destroy(half)
        assert builder.census(half) == []


def test_what_is_half_built_is_finished_by_a_repeat(builder: Builder, slug: str):
    for number, interruption in enumerate(builder.interruptions):
        half = f"{slug}-{number}"
        builder.interrupt(wanted(half), interruption)
        builder.provisioner.deploy(wanted(half))
        assert kinds(builder, half) == sorted(builder.whole)


def test_what_does_not_answer_in_time_fails_for_now(builder: Builder, slug: str):
    with builder.unready() as hasty:
        with pytest.raises(ProvisioningFailed) as failure:
            hasty.deploy(wanted(slug))
        assert not failure.value.permanent
    builder.provisioner.deploy(wanted(slug))
    assert set(kinds(builder, slug)) == builder.whole


def test_what_did_not_answer_in_time_can_be_removed(builder: Builder, slug: str):
    with builder.unready() as hasty, pytest.raises(ProvisioningFailed):
        hasty.deploy(wanted(slug))
    builder.provisioner.destroy(slug)
    assert builder.census(slug) == []


def test_two_at_once_are_one(builder: Builder, slug: str):
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(builder.provisioner.deploy, [wanted(slug)] * 2)
    assert first == second
    assert kinds(builder, slug) == sorted(builder.whole)


def test_two_at_once_are_one_wherever_they_meet(remote: Remote, slug: str):
    for number, write in enumerate(remote.writes):
        spec = wanted(f"{slug}-{number}")
        with remote.server.meeting(*write), ThreadPoolExecutor(2) as threads:
            first, second = threads.map(remote.provisioner.deploy, [spec] * 2)
        assert first == second
        assert kinds(remote, spec.reference) == sorted(remote.whole)


def test_two_that_destroy_at_once_leave_nothing(builder: Builder, slug: str):
    builder.provisioner.deploy(wanted(slug))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(builder.provisioner.destroy, [slug] * 2))
    assert builder.census(slug) == []


@pytest.mark.parametrize("reference", ["../up", "A", "", "a.b", "a/b", "-a", "a" * 64])
def test_a_name_that_is_no_label_is_refused_for_good(builder: Builder, reference: str):
    with pytest.raises(ProvisioningFailed, match="no DNS label") as failure:
        builder.provisioner.deploy(wanted(reference))
    assert failure.value.permanent
    with pytest.raises(ProvisioningFailed, match="no DNS label"):
        builder.provisioner.destroy(reference)


def test_what_belongs_to_somebody_else_is_not_touched(named: Named, slug: str):
    with named.put_foreign(slug):
        before = named.census(slug)
        assert before
        with pytest.raises(ProvisioningFailed, match="belongs to somebody else") as failure:
            named.provisioner.deploy(wanted(slug))
        assert failure.value.permanent
        named.provisioner.destroy(slug)
        assert named.census(slug) == before


def test_what_cannot_succeed_fails_for_good_with_the_reason_and_is_removed(remote: Remote, slug: str):
    with remote.hopeless(slug) as (spec, reason):
        with pytest.raises(ProvisioningFailed, match=reason) as failure:
            remote.provisioner.deploy(spec)
        assert failure.value.permanent
    remote.provisioner.destroy(slug)
    assert remote.census(slug) == []


def test_an_answer_that_is_lost_does_not_double_anything(remote: Remote, slug: str):
    for number, write in enumerate(remote.writes):
        lost = wanted(f"{slug}-{number}")
        with remote.server.dropping(*write), pytest.raises(ProvisioningFailed) as failure:
            remote.provisioner.deploy(lost)
        assert not failure.value.permanent
        remote.provisioner.deploy(lost)
        assert kinds(remote, lost.reference) == sorted(remote.whole)


def test_a_removal_whose_answer_is_lost_is_found_done(remote: Remote, slug: str):
    for number, removal in enumerate(remote.removals):
        lost = f"{slug}-{number}"
        remote.provisioner.deploy(wanted(lost))
        with remote.server.dropping(*removal), pytest.raises(ProvisioningFailed) as failure:
            remote.provisioner.destroy(lost)
        assert not failure.value.permanent
        remote.provisioner.destroy(lost)
        assert remote.census(lost) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_is_refused_stays_refused(remote: Remote, slug: str, status: int):
    with remote.server.refusing(*remote.writes[-1], status), pytest.raises(ProvisioningFailed) as failure:
        remote.provisioner.deploy(wanted(slug))
    assert failure.value.permanent
    remote.provisioner.destroy(slug)
    assert remote.census(slug) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_failed_on_the_other_side_may_be_repeated(remote: Remote, slug: str, status: int):
    with remote.server.refusing(*remote.writes[-1], status), pytest.raises(ProvisioningFailed) as failure:
        remote.provisioner.deploy(wanted(slug))
    assert not failure.value.permanent
    remote.provisioner.deploy(wanted(slug))
    assert kinds(remote, slug) == sorted(remote.whole)


def test_a_server_that_is_away_fails_for_now(remote: Remote, slug: str):
    away = remote.away()
    for attempt in (lambda: away.deploy(wanted(slug)), lambda: away.destroy(slug)):
        with pytest.raises(ProvisioningFailed, match="did not answer") as failure:
            attempt()
        assert not failure.value.permanent
        assert not remote.secret or remote.secret not in str(failure.value)


def test_the_time_that_a_deployment_is_given_comes_before_the_usual_one(
    remote: Remote, slug: str, monkeypatch: pytest.MonkeyPatch
):
    given: list[float] = []
    within = Deadline.within

    def noted(seconds: float) -> Deadline:
        given.append(seconds)
        return within(seconds)

    monkeypatch.setattr(Deadline, "within", noted)
    for seconds in (PATIENCE + 1, None):
        remote.provisioner.deploy(wanted(slug, seconds=seconds))
    assert given == [PATIENCE + 1, PATIENCE]
