"""Templates and deployments over HTTP."""

from __future__ import annotations

import pytest

from app.core.ids import OPERATOR_ID, new_id
from app.domains.deployments import service

TEMPLATES = "/api/v1/deployment-templates"


@pytest.fixture
def headers(token_for, owner):
    return {"Authorization": f"Bearer {token_for('deployment.read', 'deployment.update', owner_id=owner)}"}


def body(**more):
    return {"name": "edge", "display_name": "Edge", "deployment_type": "kubernetes", **more}


def test_a_template_is_made_listed_and_changed(client, headers):
    made = client.post(TEMPLATES, json=body(resource_cpu_default=1.5), headers=headers)
    assert made.status_code == 201, made.text
    assert made.json["resource_cpu_default"] == 1.5
    address = f"{TEMPLATES}/{made.json['id']}"
    tag = client.get(address, headers=headers).headers["ETag"]
    changed = client.put(address, json=body(is_default=True), headers={**headers, "If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert changed.json["is_default"]
    stale = client.put(address, json=body(), headers={**headers, "If-Match": tag})
    assert stale.status_code == 412
    assert [each["name"] for each in client.get(TEMPLATES, headers=headers).json] == ["edge"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"deployment_type": "cloud"},
        {"name": "Not A Name"},
        {"resource_cpu_default": -1},
        {"owner_id": str(OPERATOR_ID)},
        {"display_name": ""},
    ],
)
def test_what_is_wrong_is_named(client, headers, wrong):
    refused = client.post(TEMPLATES, json=body(**wrong), headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [f"/{next(iter(wrong))}"]


def test_a_taken_name_is_a_conflict(client, headers):
    client.post(TEMPLATES, json=body(), headers=headers)
    assert client.post(TEMPLATES, json=body(), headers=headers).status_code == 409


def test_permissions_and_other_owners(client, token_for, headers):
    reader = {"Authorization": f"Bearer {token_for('deployment.read')}"}
    assert client.post(TEMPLATES, json=body(), headers=reader).status_code == 403
    made = client.post(TEMPLATES, json=body(), headers=headers).json["id"]
    assert client.get(f"{TEMPLATES}/{made}", headers=reader).status_code == 404
    assert client.get(f"{TEMPLATES}/{new_id()}", headers=headers).status_code == 404


def test_deployments_are_listed_by_tenant(client, token_for, database, tenant, local_template):
    with database.transaction(OPERATOR_ID) as session:
        instance = service.begin_provisioning(
            session, tenant_id=tenant.id, template_id=local_template, region="eu-west-1"
        )
    reader = {"Authorization": f"Bearer {token_for('deployment.read')}"}
    found = client.get(f"/api/v1/deployments?tenant_id={tenant.id}&state=provisioning", headers=reader).json
    assert [each["id"] for each in found] == [str(instance.id)]
    assert client.get(f"/api/v1/deployments/{instance.id}", headers=reader).json["state"] == "provisioning"
    assert client.get(f"/api/v1/deployments?tenant_id={tenant.id}&state=active", headers=reader).json == []
