"""Teams over HTTP: channels go in and never come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from app.core.ids import OPERATOR_ID, new_id
from app.core.secrets import SealedSecret
from app.core.world import World
from tests.domains.tenants.accounts import make_account

TEAMS = "/api/v1/teams"
CHANNEL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general"


@pytest.fixture
def headers(token_for: Callable[..., str], owner: UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for('team.read', 'team.update', owner_id=owner)}"}


def made(client: FlaskClient, headers: dict[str, str], **changes: Any) -> Any:
    return client.post(TEAMS, json={"code": "crew", "name": "Crew", **changes}, headers=headers)


def sealed(world: World, owner: UUID) -> int | None:
    with world.database.transaction(owner) as session:
        return session.scalar(select(func.count()).select_from(SealedSecret))


def test_a_team_is_made_changed_and_deleted(
    client: FlaskClient, headers: dict[str, str], world: World, owner: UUID, ann: UUID
) -> None:
    team = made(client, headers, members=[str(ann)], channels=[CHANNEL])
    assert team.status_code == 201, team.text
    assert (team.json["members"], [each["service"] for each in team.json["channels"]]) == ([str(ann)], ["slack"])
    assert sealed(world, owner) == 1
    address = f"{TEAMS}/{team.json['id']}"
    tag = client.get(address, headers=headers).headers["ETag"]
    changed = client.put(address, json={"name": "The crew"}, headers={**headers, "If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert (changed.json["name"], changed.json["members"], len(changed.json["channels"])) == ("The crew", [], 1)
    stale = client.put(address, json={"name": "x"}, headers={**headers, "If-Match": tag})
    assert stale.status_code == 412
    replaced = client.put(address, json={"name": "x", "channels": ["json://example.com"] * 2}, headers=headers)
    assert [each["service"] for each in replaced.json["channels"]] == ["json", "json"]
    assert sealed(world, owner) == 2
    assert client.delete(address, headers=headers).status_code == 204
    assert client.get(address, headers=headers).status_code == 404
    assert sealed(world, owner) == 0


def test_the_address_of_a_channel_is_nowhere_to_be_read(
    client: FlaskClient, headers: dict[str, str], world: World, owner: UUID
) -> None:
    team = made(client, {**headers, "Idempotency-Key": "k"}, channels=[CHANNEL])
    address = f"{TEAMS}/{team.json['id']}"
    seen = team.text + client.get(address, headers=headers).text + client.get(TEAMS, headers=headers).text
    with world.database.transaction(owner) as session:
        for table in ("audit_log", "outbox", "idempotency_keys", "team_channels", "sealed_secrets"):
            seen += str(session.execute(text(f"SELECT * FROM {table}")).all())
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in seen


def test_a_member_more_is_another_version(client: FlaskClient, headers: dict[str, str], ann: UUID) -> None:
    address = f"{TEAMS}/{made(client, headers).json['id']}"
    before = client.get(address, headers=headers).headers["ETag"]
    changed = client.put(address, json={"name": "Crew", "members": [str(ann)]}, headers=headers)
    assert changed.headers["ETag"] == client.get(address, headers=headers).headers["ETag"] != before


def test_what_is_wrong_is_named_and_no_address_repeated(
    client: FlaskClient, headers: dict[str, str], world: World, ann: UUID
) -> None:
    stranger = make_account(world, "sales").user_id
    refused = made(
        client, headers, members=[str(ann), str(stranger)], channels=[CHANNEL, "nonsense://s3cret", "syslog://"]
    )
    assert refused.status_code == 422
    assert [each["pointer"] for each in refused.json["errors"]] == ["/members/1", "/channels/1", "/channels/2"]
    assert "s3cret" not in refused.text
    assert made(client, headers, code="Not A Code").status_code == 422
    assert made(client, headers).status_code == 201
    assert made(client, headers).status_code == 409


def test_the_teams_of_the_product_are_there_and_stay(client: FlaskClient, token_for: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {token_for('team.read', 'team.update')}"}
    teams = {each["code"]: each["id"] for each in client.get(f"{TEAMS}?limit=200", headers=headers).json}
    assert {"operations", "onboarding_team", "field_ops"} <= teams.keys()
    refused = client.delete(f"{TEAMS}/{teams['operations']}", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "team-needed")


def test_permissions_and_other_owners(
    client: FlaskClient, headers: dict[str, str], token_for: Callable[..., str], owner: UUID
) -> None:
    reader = {"Authorization": f"Bearer {token_for('team.read', owner_id=owner)}"}
    stranger = {"Authorization": f"Bearer {token_for('team.read', 'team.update', owner_id=OPERATOR_ID)}"}
    address = f"{TEAMS}/{made(client, headers).json['id']}"
    assert made(client, reader).status_code == 403
    assert client.delete(address, headers=reader).status_code == 403
    assert client.get(address, headers=stranger).status_code == 404
    assert client.delete(address, headers=stranger).status_code == 404
    assert client.get(f"{TEAMS}/{new_id()}", headers=reader).status_code == 404
