"""What the signed-in user was told, read and unread."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.notifications import service
from app.http.principal import Principal
from app.http.tokens import Tokens
from tests.domains.notifications.conftest import Tell
from tests.domains.tenants.accounts import make_account

NOTIFICATIONS = "/api/v1/notifications"


def signed_in(settings: Settings, owner: UUID, user_id: UUID) -> dict[str, str]:
    principal = Principal(user_id, owner, "ann@example.com", permissions=frozenset())
    return {"Authorization": f"Bearer {Tokens(settings).issue(principal)}"}


@pytest.fixture
def bob(world: World, owner: UUID) -> UUID:
    """Another user of the owner."""
    return make_account(world, "sales", owner_id=owner).user_id


@pytest.fixture
def as_ann(settings: Settings, owner: UUID, ann: UUID) -> dict[str, str]:
    return signed_in(settings, owner, ann)


@pytest.fixture
def as_bob(settings: Settings, owner: UUID, bob: UUID) -> dict[str, str]:
    return signed_in(settings, owner, bob)


@pytest.fixture(autouse=True)
def told_twice(world: World, owner: UUID, ann: UUID, bob: UUID, tell: Tell) -> None:
    """Ann and Bob are told of two things."""
    with world.database.transaction(owner) as session:
        service.create_team(session, code="crew", name="Crew", members=[ann, bob])
    tell(title="First", key="1", link="https://example.com/1")
    tell(title="Second", key="2", severity="critical")


def titles(client: FlaskClient, headers: dict[str, str], query: str = "") -> list[str]:
    return [each["title"] for each in client.get(f"{NOTIFICATIONS}{query}", headers=headers).json]


def test_what_somebody_was_told_is_listed_newest_first(client: FlaskClient, as_ann: dict[str, str]) -> None:
    second, first = client.get(NOTIFICATIONS, headers=as_ann).json
    assert (second["title"], second["severity"], second["team"], second["link"]) == ("Second", "critical", "crew", None)
    assert (first["title"], first["message"], first["link"]) == (
        "First",
        "Something happened.",
        "https://example.com/1",
    )
    assert first["read_at"] is None
    page = client.get(f"{NOTIFICATIONS}?limit=1", headers=as_ann)
    assert titles(client, as_ann, f"?limit=1&cursor={page.headers['X-Next-Cursor']}") == ["First"]


def test_what_one_has_read_the_others_have_not(
    client: FlaskClient, as_ann: dict[str, str], as_bob: dict[str, str]
) -> None:
    first = client.get(NOTIFICATIONS, headers=as_ann).json[1]["id"]
    read = client.post(f"{NOTIFICATIONS}/{first}/read", headers=as_ann).json["read_at"]
    assert read is not None
    assert client.post(f"{NOTIFICATIONS}/{first}/read", headers=as_ann).json["read_at"] == read
    assert titles(client, as_ann, "?unread=true") == ["Second"]
    assert titles(client, as_ann) == ["Second", "First"]
    assert titles(client, as_bob, "?unread=true") == ["Second", "First"]


def test_all_is_read_at_once(client: FlaskClient, as_ann: dict[str, str], as_bob: dict[str, str]) -> None:
    assert [client.post(f"{NOTIFICATIONS}/read", headers=as_ann).json for _ in range(2)] == [{"read": 2}, {"read": 0}]
    assert titles(client, as_ann, "?unread=true") == []
    assert len(titles(client, as_bob, "?unread=true")) == 2


def test_what_others_were_told_does_not_exist(
    client: FlaskClient, settings: Settings, owner: UUID, as_ann: dict[str, str], as_bob: dict[str, str]
) -> None:
    first = client.get(NOTIFICATIONS, headers=as_ann).json[1]["id"]
    assert client.post(f"{NOTIFICATIONS}/{first}/read", headers=as_bob).status_code == 404
    assert titles(client, signed_in(settings, owner, new_id())) == []
    assert client.get(NOTIFICATIONS).status_code == 401
