"""The local provisioner, on a real database, a real directory and the real endpoints process."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.local import LocalProvisioner
from app.adapters.provisioners.port import DeploymentSpec
from app.adapters.provisioners.schemas import LONGEST_NAME, TenantSchemas
from app.embedded.machine import free_port
from tests.places import EVERYTHING, Place


def spec(slug: str, **fields: Any) -> DeploymentSpec:
    return DeploymentSpec(
        **{"reference": slug, "tenant_id": "0", "tenant_name": "Example & Söhne", "region": "eu-west-1", **fields}
    )


@pytest.fixture
def local(there: Place) -> LocalProvisioner:
    return LocalProvisioner(there.settings)


def test_a_tenant_gets_schema_role_folder_and_an_address_that_answers_with_its_name(there, local, slug):
    deployed = local.deploy(spec(slug))
    assert deployed.endpoint == f"http://{slug}.localhost"
    assert deployed.external_reference == slug
    assert there.things(slug) == EVERYTHING
    assert there.get(slug, "/health").json() == {"status": "ok", "tenant": "Example & Söhne", "slug": slug}
    assert local.healthy(deployed.endpoint)


def test_destroying_leaves_nothing_and_twice_does_no_harm(there, local, slug):
    deployed = local.deploy(spec(slug))
    names = TenantSchemas(there.settings.provisioner_database_url).names(slug)
    with psycopg.connect(there.settings.provisioner_database_url) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(names.role)))
        connection.execute(sql.SQL("CREATE TABLE {}.rows AS SELECT 1 AS x").format(sql.Identifier(names.schema)))
    local.destroy(slug)
    local.destroy(slug)
    assert there.things(slug) == set()
    assert not local.healthy(deployed.endpoint)


def test_destroying_what_never_was_does_no_harm(there, local, slug):
    local.destroy(slug)
    assert there.things(slug) == set()


@pytest.mark.parametrize("built", ["schema", "folder"])
def test_what_is_half_built_is_removed(there, local, slug, built):
    if built == "schema":
        TenantSchemas(there.settings.provisioner_database_url).create(slug)
    else:
        (there.folder(slug) / "left").mkdir(parents=True)
    assert there.things(slug)
    local.destroy(slug)
    assert there.things(slug) == set()


def test_deploying_twice_finds_the_first(there, local, slug):
    first = local.deploy(spec(slug))
    assert local.deploy(spec(slug)) == first
    assert there.things(slug) == EVERYTHING


def test_deploying_in_two_places_at_once_is_the_same_as_once(there, local, slug):
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(local.deploy, [spec(slug)] * 2)
    assert first == second
    assert there.things(slug) == EVERYTHING


def test_a_long_slug_gets_names_that_fit_and_are_its_own(there, local):
    slugs = ["a" * 62 + "b", "a" * 62 + "c"]
    names = [TenantSchemas(there.settings.provisioner_database_url).names(slug) for slug in slugs]
    assert len({name.schema for name in names}) == len({name.role for name in names}) == 2
    assert all(len(name.role) <= LONGEST_NAME and len(name.schema) <= LONGEST_NAME for name in names)
    for slug in slugs:
        local.deploy(spec(slug))
    local.destroy(slugs[0])
    assert there.things(slugs[0]) == set()
    assert there.things(slugs[1]) == EVERYTHING


def test_an_address_that_does_not_answer_fails_for_now(there, slug):
    nowhere = LocalProvisioner(replace(there.settings, endpoints_port=free_port()), start_seconds=0.2)
    with pytest.raises(ProvisioningFailed, match="did not answer its health check") as failure:
        nowhere.deploy(spec(slug))
    assert not failure.value.permanent
    nowhere.destroy(slug)
    assert there.things(slug) == set()


def test_a_database_that_is_away_fails_for_now_without_telling_the_password(there, slug):
    url = "postgresql://turnup_provisioner:very-secret@127.0.0.1:1/none"
    away = LocalProvisioner(replace(there.settings, provisioner_database_url=url))
    with pytest.raises(ProvisioningFailed) as failure:
        away.deploy(spec(slug))
    assert not failure.value.permanent
    assert "very-secret" not in str(failure.value)


@pytest.mark.parametrize("reference", ["../up", "A", "", "a.b", "a/b", "-a", "a" * 64])
def test_a_reference_that_is_no_label_is_refused(local, reference):
    with pytest.raises(ProvisioningFailed, match="no DNS label") as failure:
        local.deploy(spec(reference))
    assert failure.value.permanent
    with pytest.raises(ProvisioningFailed):
        local.destroy(reference)


def test_the_record_is_written_for_its_owner_alone_and_whole(there, local, slug):
    local.deploy(spec(slug, config={"plan": "x"}))
    path = there.folder(slug) / "tenant.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["config"] == {"plan": "x"}
    assert [child.name for child in there.folder(slug).iterdir()] == ["tenant.json"]


def test_tenants_roles_do_not_see_each_others_schemas(there, local, slug):
    for each in (f"{slug}-1", f"{slug}-2"):
        local.deploy(spec(each))
    schemas = TenantSchemas(there.settings.provisioner_database_url)
    with psycopg.connect(there.settings.provisioner_database_url) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(schemas.names(f"{slug}-1").role)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                sql.SQL("CREATE TABLE {}.mine (x int)").format(sql.Identifier(schemas.names(f"{slug}-2").schema))
            )
