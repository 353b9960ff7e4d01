"""Messages by operation and over HTTP: mails, text messages, welcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.world import World
from app.domains.communications import service
from app.domains.communications.errors import BadRecipient, TemplateNotFound
from app.domains.tenants import service as tenants
from tests.calls import perform

MESSAGES = "/api/v1/messages"
FAILED = {"total_amount": "1.00", "currency": "EUR", "reason": "Card declined."}


@pytest.fixture
def reader(token_for: Callable[..., str], owner: UUID) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for('message.read', owner_id=owner)}"}


def called(world: World, owner: UUID, name: str, **params: Any) -> Any:
    return perform(world.operations[name], world.database, owner, **params)


def send_sms(world: World, owner: UUID, **changes: Any) -> Any:
    params = {"template": "payment_failed", "phone": "+49 30 123456", "variables": FAILED}
    return called(world, owner, "communications_service.send_sms", **(params | changes))


def queue(world: World, owner: UUID, recipient: str = "ann@example.com", **changes: Any) -> service.Message:
    wanted = {"template": "payment_failed", "variables": FAILED, "key": str(new_id())}
    with world.database.transaction(owner) as session:
        return service.queue_mail(session, recipient=recipient, **(wanted | changes))


def spooled(world: World, message_id: str) -> Any:
    return json.loads((world.settings.var_dir / "sms" / f"{message_id}.json").read_text(encoding="utf-8"))


def test_a_text_message_is_delivered_once_to_the_number(
    world: World, owner: UUID, client: FlaskClient, reader: dict[str, str]
) -> None:
    outcome = send_sms(world, owner)
    message_id = outcome.output["message_id"]
    assert outcome.output["message"] == {
        "id": message_id,
        "channel": "sms",
        "template": "payment_failed",
        "recipient": "+4930123456",
        "status": "queued",
    }
    assert send_sms(world, owner).output["message_id"] == message_id
    tried = [service.deliver(world, owner_id=owner, message_id=UUID(message_id)) for _ in range(2)]
    assert tried == [True, False]
    text = "We could not collect 1.00 EUR: Card declined."
    assert spooled(world, message_id) == {"id": message_id, "to": "+4930123456", "text": text}
    shown = client.get(f"{MESSAGES}/{message_id}", headers=reader).json
    assert (shown["status"], shown["text"], shown["html"]) == ("delivered", text, "")


def test_what_cannot_be_sent_as_a_text_message_is_refused(world: World, owner: UUID) -> None:
    with pytest.raises(BadRecipient, match="too short"):
        send_sms(world, owner, phone="+493")
    with pytest.raises(TemplateNotFound, match="customer_welcome"):
        send_sms(world, owner, template="customer_welcome")


def test_a_text_message_that_nobody_has_sent_is_withdrawn(world: World, owner: UUID) -> None:
    outcome = send_sms(world, owner)
    (effect,) = outcome.effects
    undone = called(world, owner, "communications_service.withdraw_sms", **effect.undo)
    assert undone.output == {"withdrawn": True}
    assert not service.deliver(world, owner_id=owner, message_id=UUID(outcome.output["message_id"]))


def test_the_customer_of_a_tenant_is_welcomed(
    world: World, owner: UUID, client: FlaskClient, reader: dict[str, str]
) -> None:
    slug = f"t{new_id().hex[-12:]}"
    with world.database.transaction(owner) as session:
        tenants.create_tenant(session, name="Example ISP", slug=slug)
    outcome = called(
        world,
        owner,
        "notification_service.send_welcome_email",
        customer_email="ann@example.com",
        tenant_subdomain=slug,
    )
    shown = client.get(f"{MESSAGES}/{outcome.output['message_id']}", headers=reader).json
    assert (shown["template"], shown["recipient"]) == ("customer_welcome", "ann@example.com")
    assert shown["subject"] == "Welcome, Example ISP: your services are ready"
    assert f"http://{slug}.localhost" in shown["text"]


@pytest.mark.parametrize(("said", "shown"), [({}, "PUBLIC_URL"), ({"support_url": "https://help.example"}, "help")])
def test_every_mail_knows_where_help_is_found(
    world: World, owner: UUID, client: FlaskClient, reader: dict[str, str], said: dict[str, str], shown: str
) -> None:
    outcome = called(
        world,
        owner,
        "communications_service.send_template_email",
        template="onboarding_complete",
        recipient="ann@example.com",
        variables={"ticket_number": "TCK-1", **said},
    )
    text = client.get(f"{MESSAGES}/{outcome.output['message_id']}", headers=reader).json["text"]
    assert (world.settings.public_url if shown == "PUBLIC_URL" else "https://help.example") in text


def test_nobody_is_welcomed_to_a_tenant_that_is_not_there(world: World, owner: UUID) -> None:
    with pytest.raises(NotFound, match="nowhere-at-all"):
        called(
            world,
            owner,
            "notification_service.send_welcome_email",
            customer_email="ann@example.com",
            tenant_subdomain="nowhere-at-all",
        )


def test_messages_are_found_by_what_is_known_of_them(
    world: World, owner: UUID, client: FlaskClient, reader: dict[str, str]
) -> None:
    ann, bob = queue(world, owner), queue(world, owner, recipient="bob@example.com")
    text = send_sms(world, owner).output["message_id"]
    with world.database.transaction(owner) as session:
        service.withdraw(session, message_id=bob.id)

    def found(query: str) -> list[str]:
        return [each["id"] for each in client.get(f"{MESSAGES}?{query}", headers=reader).json]

    assert found("") == [text, str(bob.id), str(ann.id)]
    assert found("recipient=ann@example.com") == [str(ann.id)]
    assert found("status=withdrawn") == [str(bob.id)]
    assert found("channel=sms") == [text]
    assert found("template=payment_failed&status=queued&channel=mail") == [str(ann.id)]
    assert found("template=secret_link") == []
    assert client.get(f"{MESSAGES}?status=lost", headers=reader).status_code == 422


def test_a_list_does_not_tell_what_messages_say(
    world: World, owner: UUID, client: FlaskClient, reader: dict[str, str], token_for: Callable[..., str]
) -> None:
    message = queue(world, owner)
    (listed,) = client.get(MESSAGES, headers=reader).json
    assert {"text", "html"} & listed.keys() == set()
    assert "Card declined." in client.get(f"{MESSAGES}/{message.id}", headers=reader).json["text"]
    other = {"Authorization": f"Bearer {token_for('order.read', owner_id=owner)}"}
    stranger = {"Authorization": f"Bearer {token_for('message.read')}"}
    assert client.get(MESSAGES, headers=other).status_code == 403
    assert client.get(f"{MESSAGES}/{message.id}", headers=stranger).status_code == 404
