"""Message templates over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from app.core.world import World
from app.domains.communications import service

TEMPLATES = "/api/v1/message-templates"
MAIL = {"name": "hello", "subject": "Hi {{ name }}", "text": "Hello {{ name }}", "html": "<p>{{ name }}</p>"}


@pytest.fixture
def headers(token_for: Callable[..., str], owner: UUID) -> dict[str, str]:
    permissions = ("message_template.read", "message_template.update")
    return {"Authorization": f"Bearer {token_for(*permissions, owner_id=owner)}"}


def made(client: FlaskClient, headers: dict[str, str], **changes: Any) -> Any:
    return client.post(TEMPLATES, json=MAIL | changes, headers=headers)


def test_a_wording_is_added_per_language_and_changed(client: FlaskClient, headers: dict[str, str]) -> None:
    english = made(client, headers)
    assert english.status_code == 201, english.text
    assert english.json["variables"] == {"required": ["name"], "optional": []}
    german = made(client, headers, locale="de", subject="Hallo {{ name }}").json
    address = f"{TEMPLATES}/{german['id']}"
    tag = client.get(address, headers=headers).headers["ETag"]
    words = {"subject": "Moin", "text": "Moin {{ name }}", "html": "<p>Moin</p>"}
    changed = client.put(address, json=words, headers={**headers, "If-Match": tag})
    assert (changed.status_code, changed.json["subject"]) == (200, "Moin"), changed.text
    assert client.put(address, json=words, headers={**headers, "If-Match": tag}).status_code == 412
    listed = client.get(f"{TEMPLATES}?name=hello", headers=headers).json
    assert [(each["locale"], each["subject"]) for each in listed] == [("de", "Moin"), ("en", "Hi {{ name }}")]
    assert [each["locale"] for each in client.get(f"{TEMPLATES}?locale=de", headers=headers).json] == ["de"]
    assert made(client, headers).status_code == 409


def test_a_mail_and_a_text_message_may_have_one_name(client: FlaskClient, headers: dict[str, str]) -> None:
    assert made(client, headers).status_code == 201
    assert made(client, headers, channel="sms", subject="", html="").status_code == 201
    assert [each["channel"] for each in client.get(f"{TEMPLATES}?channel=sms", headers=headers).json] == ["sms"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"text": "{{ name"}, "/text"),
        ({"html": "{% if %}"}, "/html"),
        ({"subject": ""}, "/subject"),
        ({"text": "  "}, "/text"),
        ({"channel": "sms", "html": ""}, "/subject"),
        ({"channel": "fax"}, "/channel"),
        ({"name": "Hello There"}, "/name"),
        ({"locale": "English"}, "/locale"),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, headers: dict[str, str], wrong: dict[str, str], pointer: str
) -> None:
    refused = made(client, headers, **wrong)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_a_preview_shows_it_filled_in_and_names_what_is_missing(client: FlaskClient, headers: dict[str, str]) -> None:
    address = f"{TEMPLATES}/{made(client, headers).json['id']}/preview"
    shown = client.post(address, json={"variables": {"name": "<Ann>"}}, headers=headers)
    assert shown.json == {"subject": "Hi <Ann>", "text": "Hello <Ann>", "html": "<p>&lt;Ann&gt;</p>"}
    refused = client.post(address, json={}, headers=headers)
    assert refused.status_code == 422
    assert "'name' is undefined" in refused.json["detail"]


def test_what_may_be_left_out_of_a_shipped_template_stays_so_when_it_is_edited(
    client: FlaskClient, headers: dict[str, str], world: World, owner: UUID
) -> None:
    with world.database.transaction(owner) as session:
        service.seed(session)
    (welcome,) = client.get(f"{TEMPLATES}?name=customer_welcome", headers=headers).json
    address = f"{TEMPLATES}/{welcome['id']}"
    words = {"subject": "Welcome", "text": "{{ order_number or 'nothing' }} {{ spare }}", "html": "<p></p>"}
    changed = client.put(address, json=words, headers=headers).json
    assert changed["variables"] == {"required": ["spare"], "optional": ["order_number"]}
    preview = client.post(f"{address}/preview", json={"variables": {"spare": "x"}}, headers=headers)
    assert preview.json["text"] == "nothing x"


def test_permissions_and_other_owners(
    client: FlaskClient, token_for: Callable[..., str], owner: UUID, headers: dict[str, str]
) -> None:
    reader = {"Authorization": f"Bearer {token_for('message_template.read', owner_id=owner)}"}
    stranger = {"Authorization": f"Bearer {token_for('message_template.read')}"}
    address = f"{TEMPLATES}/{made(client, headers).json['id']}"
    assert made(client, reader).status_code == 403
    assert client.get(address, headers=reader).status_code == 200
    assert client.get(address, headers=stranger).status_code == 404
    assert client.get(f"{TEMPLATES}/{new_id()}", headers=reader).status_code == 404
