"""Provisioning and its undo, over real parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.adapters.provisioners import registry
from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.local import LocalProvisioner
from app.adapters.provisioners.port import Provisioners
from app.core.ids import OPERATOR_ID
from app.core.ports import Ports
from app.core.settings import Settings
from app.domains.deployments import service
from app.domains.deployments.operations import OPERATIONS
from app.embedded.machine import free_port
from tests.calls import claim, perform
from tests.places import EVERYTHING

PROVISION = OPERATIONS["deployment_service.provision_deployment"]
DEPROVISION = OPERATIONS["deployment_service.deprovision"]


@pytest.fixture
def params(tenant, local_template):
    return {"tenant_id": str(tenant.id), "template_id": str(local_template), "region": "eu-west-1", "order_id": 42}


def state(database, instance_id):
    with database.transaction(OPERATOR_ID) as session:
        return service.get_instance(session, instance_id=instance_id).state


def test_a_deployment_stands_and_is_taken_away_whole(database, there, tenant, params):
    done = perform(PROVISION, database, OPERATOR_ID, ports=there.ports, **params)
    deployment = done.output["deployment"]
    assert deployment["state"] == "active"
    assert deployment["endpoint"] == f"http://{tenant.slug}.localhost"
    assert there.things(tenant.slug) == EVERYTHING
    assert [(e.kind, e.reference, e.undo) for e in done.effects] == [
        (e.kind, e.reference, e.undo) for e in done.intended
    ]
    for destroyed in (True, False):
        undone = perform(DEPROVISION, database, OPERATOR_ID, ports=there.ports, **done.effects[0].undo)
        assert undone.output == {"destroyed": destroyed}
    assert there.things(tenant.slug) == set()
    assert state(database, deployment["id"]) == "destroyed"


def test_doing_it_twice_finds_the_first(database, there, params):
    first = perform(PROVISION, database, OPERATOR_ID, ports=there.ports, **params)
    assert perform(PROVISION, database, OPERATOR_ID, ports=there.ports, **params).output == first.output


def test_what_died_after_its_claim_is_undone_by_the_intended_effect(database, there, tenant, params):
    intended = claim(PROVISION, database, OPERATOR_ID, **params)
    assert state(database, intended[0].reference) == "provisioning"
    (there.folder(tenant.slug)).mkdir(parents=True)
    perform(DEPROVISION, database, OPERATOR_ID, ports=there.ports, **intended[0].undo)
    assert there.things(tenant.slug) == set()
    assert state(database, intended[0].reference) == "destroyed"


def test_a_failure_half_way_is_seen_retried_and_undone(database, there, tenant, params):
    deaf = Provisioners()
    deaf.add("local", LocalProvisioner(replace(there.settings, endpoints_port=free_port()), start_seconds=0.1))
    ports = Ports()
    ports.add(Provisioners, deaf)
    with pytest.raises(ProvisioningFailed):
        perform(PROVISION, database, OPERATOR_ID, ports=ports, **params)
    assert {"schema", "role", "folder"} <= there.things(tenant.slug)
    with database.transaction(OPERATOR_ID) as session:
        failed = service.find_instance(session, tenant_id=tenant.id)
        assert failed.state == "failed"
    done = perform(PROVISION, database, OPERATOR_ID, ports=there.ports, **params)
    assert done.output["deployment_id"] == str(failed.id)
    perform(DEPROVISION, database, OPERATOR_ID, ports=there.ports, **done.effects[0].undo)
    assert there.things(tenant.slug) == set()


def test_type_none_is_active_without_an_address(database, tenant, params):
    with database.transaction(OPERATOR_ID) as session:
        nothing = service.choose_template(session, region="eu-west-1", deployment_type="none")
    ports = Ports()
    ports.add(Provisioners, registry.configured(Settings()))
    done = perform(PROVISION, database, OPERATOR_ID, ports=ports, **{**params, "template_id": str(nothing.id)})
    assert (done.output["deployment"]["state"], done.output["deployment"]["endpoint"]) == ("active", None)
    assert perform(DEPROVISION, database, OPERATOR_ID, ports=ports, **done.effects[0].undo).output["destroyed"]


def test_another_owners_deployment_is_not_found(database, there, owner, params):
    done = perform(PROVISION, database, OPERATOR_ID, ports=there.ports, **params)
    assert perform(DEPROVISION, database, owner, ports=there.ports, **done.effects[0].undo).output == {
        "destroyed": False
    }
    assert state(database, done.output["deployment_id"]) == "active"
