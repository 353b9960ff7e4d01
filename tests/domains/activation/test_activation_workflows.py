"""Activation workflows: chosen, edited, over HTTP."""

from __future__ import annotations

import pytest

from app.core.ids import OPERATOR_ID, new_id
from app.domains.activation import service
from app.domains.activation.errors import NoActivationWorkflow
from app.domains.catalog import service as catalog
from app.domains.deployments import service as deployments

WORKFLOWS = "/api/v1/activation-workflows"


@pytest.fixture
def seeded(database, owner):
    """An owner with a catalogue, templates and the standard workflow."""
    with database.transaction(owner) as session:
        catalog.seed(session)
        deployments.seed(session)
        service.seed(session)
    return owner


@pytest.fixture
def headers(token_for, seeded):
    permissions = ("activation_workflow.read", "activation_workflow.update")
    return {"Authorization": f"Bearer {token_for(*permissions, owner_id=seeded)}"}


def body(**more):
    entry = {"service": "radius-aaa", "sequence": 1, "depends_on": []}
    return {"name": "Radius alone", "service_sequence": [entry], **more}


def test_the_seeded_one_is_chosen_and_seeding_again_keeps_what_was_edited(database, seeded):
    with database.transaction(seeded) as session:
        standard = service.choose_workflow(session, template_id=None)
        assert standard.name == "Standard ISP Activation"
        assert (standard.rollback_on_failure, standard.max_duration_minutes) == (True, 60)
        service.update_workflow(session, workflow_id=standard.id, fields={"auto_activate": False})
    with database.transaction(seeded) as session:
        service.seed(session)
        edited = service.choose_workflow(session, template_id=new_id())
        assert (edited.id, edited.auto_activate, edited.version) == (standard.id, False, 2)


def test_a_templates_own_comes_before_the_default(database, seeded):
    with database.transaction(seeded) as session:
        template = deployments.choose_template(session, package_code="enterprise")
        own = service.create_workflow(session, fields=body(deployment_template_id=template.id))
        assert service.choose_workflow(session, template_id=template.id).id == own.id
        service.update_workflow(session, workflow_id=own.id, fields={"is_active": False})
        assert service.choose_workflow(session, template_id=template.id).id != own.id


def test_without_any_nothing_can_be_activated(database, owner):
    with database.transaction(owner) as session, pytest.raises(NoActivationWorkflow):
        service.choose_workflow(session, template_id=None)


def test_one_is_made_and_changed_over_http(client, headers):
    made = client.post(WORKFLOWS, json=body(is_default=True, tags=["own"]), headers=headers)
    assert made.status_code == 201, made.text
    address = f"{WORKFLOWS}/{made.json['id']}"
    tag = client.get(address, headers=headers).headers["ETag"]
    changed = client.put(address, json=body(auto_activate=False), headers={**headers, "If-Match": tag})
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    assert client.put(address, json=body(), headers={**headers, "If-Match": tag}).status_code == 412
    listed = {each["name"]: each["is_default"] for each in client.get(WORKFLOWS, headers=headers).json}
    assert listed == {"Radius alone": False, "Standard ISP Activation": False}


def test_cycles_and_unknown_codes_are_refused_by_their_place(client, headers):
    cycle = [
        {"service": "radius-aaa", "sequence": 1, "depends_on": ["network-monitoring"]},
        {"service": "network-monitoring", "sequence": 2, "depends_on": ["radius-aaa"]},
    ]
    refused = client.post(WORKFLOWS, json=body(service_sequence=cycle), headers=headers)
    assert refused.status_code == 422
    assert "circle" in refused.json["errors"][0]["message"]
    unknown = [{"service": "teleport", "sequence": 1, "depends_on": []}]
    refused = client.post(WORKFLOWS, json=body(service_sequence=unknown), headers=headers)
    assert refused.json["errors"][0]["pointer"] == "/service_sequence/0/service"
    refused = client.post(WORKFLOWS, json=body(deployment_template_id=str(new_id())), headers=headers)
    assert refused.json["errors"][0]["pointer"] == "/deployment_template_id"


def test_names_permissions_and_owners(client, headers, token_for):
    made = client.post(WORKFLOWS, json=body(), headers=headers)
    assert client.post(WORKFLOWS, json=body(), headers=headers).status_code == 409
    reader = {"Authorization": f"Bearer {token_for('activation_workflow.read', owner_id=OPERATOR_ID)}"}
    assert client.post(WORKFLOWS, json=body(), headers=reader).status_code == 403
    assert client.get(f"{WORKFLOWS}/{made.json['id']}", headers=reader).status_code == 404
