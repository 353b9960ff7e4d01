"""Messages: queued once per key, handed over once at a time, tried again with growing waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.adapters.delivery.outgoing import WAITS_SECONDS, wait_after
from app.adapters.mail.errors import MailRefused, MailUnavailable
from app.adapters.mail.port import Mailer
from app.adapters.mail.posting import message_id
from app.core.clock import now
from app.core.ports import Ports
from app.core.queue import Sender
from app.core.settings import Settings
from app.core.world import World
from app.domains.communications import service
from app.domains.communications.errors import TemplateFault, TemplateNotFound
from app.domains.communications.models import Message, MessageTemplate
from app.factory import build_world

VARIABLES = {"order_number": "ORD-1", "customer_name": "Ann", "total_amount": "1.00 USD"}


class Postman:
    """A mailer that keeps what it is given, or fails as it was told to."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.fault: Exception | None = None
        self.hold: threading.Barrier | None = None

    def send(self, message: EmailMessage) -> None:
        if self.hold:
            self.hold.wait(timeout=30)
        self.sent.append(message)
        if self.fault:
            raise self.fault

    def check(self) -> None: ...


class Noted:
    """A sender that notes which tasks it was to send."""

    def __init__(self) -> None:
        self.tasks: list[tuple[Any, ...]] = []

    def send_steps(self, *_: Any, **__: Any) -> None: ...

    def send_task(self, name: str, *args: Any) -> None:
        self.tasks.append((name, *args))

    def is_reachable(self) -> bool:
        return True

    def wake(self, _channel: str) -> None: ...


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def tasks() -> Noted:
    return Noted()


@pytest.fixture
def world(settings: Settings, world: World, postman: Postman, tasks: Noted) -> Iterator[World]:
    ports = Ports()
    ports.add(Settings, settings)
    ports.add(Mailer, postman)  # type: ignore[type-abstract]
    ports.add(Sender, tasks)  # type: ignore[type-abstract]
    own = build_world(settings, sender=tasks)
    own.database.ports = ports
    yield replace(own, ports=ports)
    own.close()


def queue(world: World, owner: UUID, **changes: Any) -> Message:
    wanted = {"template": "order_confirmation", "recipient": "ann@example.com", "variables": VARIABLES, "key": "k"}
    with world.database.transaction(owner) as session:
        return service.queue_mail(session, **(wanted | changes))


def message(world: World, owner: UUID, message_id: UUID) -> Message:
    with world.database.transaction(owner) as session:
        return service.get_message(session, message_id=message_id)


def events(world: World, owner: UUID) -> list[str]:
    from app.core.events import OutboxEvent

    with world.database.transaction(owner) as session:
        return [event.type for event in session.query(OutboxEvent).order_by(OutboxEvent.position)]


def test_a_key_is_one_message_and_one_task(world: World, owner: UUID, tasks: Noted) -> None:
    first = queue(world, owner)
    second = queue(world, owner, variables={**VARIABLES, "customer_name": "Bob"})
    assert first.id == second.id
    assert (first.status, first.subject) == ("queued", "We have received your order ORD-1")
    assert "Hello Ann" in first.text
    assert tasks.tasks == [("communications.deliver_message", str(owner), str(first.id))]


def test_the_owners_own_wording_goes_before_the_shipped_one(world: World, owner: UUID) -> None:
    with world.database.transaction(owner) as session:
        service.seed(session)
        session.execute(
            update(MessageTemplate)
            .where(MessageTemplate.name == "order_confirmation")
            .values(subject="Ours {{ order_number }}")
        )
        service.seed(session)
    assert queue(world, owner).subject == "Ours ORD-1"
    assert queue(world, owner, locale="de", key="de").subject == "Ours ORD-1"


def test_what_cannot_be_rendered_is_not_queued(world: World, owner: UUID, tasks: Noted) -> None:
    with pytest.raises(TemplateNotFound, match="nonsense"):
        queue(world, owner, template="nonsense")
    with pytest.raises(TemplateFault, match="total_amount"):
        queue(world, owner, variables={"order_number": "1", "customer_name": "A"})
    assert tasks.tasks == []


def test_a_delivered_message_is_sent_once(world: World, owner: UUID, postman: Postman) -> None:
    row = queue(world, owner)
    assert service.deliver(world, owner_id=owner, message_id=row.id)
    assert not service.deliver(world, owner_id=owner, message_id=row.id)
    sent = message(world, owner, row.id)
    assert (sent.status, sent.attempts, sent.error) == ("delivered", 1, None)
    assert sent.sent_at is not None
    (mail,) = postman.sent
    assert mail["To"] == "ann@example.com"
    assert mail["Message-ID"] == message_id(row.id, world.settings.mail_from)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert events(world, owner) == ["message.delivered"]


def test_two_tasks_at_once_send_one_mail(world: World, owner: UUID, postman: Postman) -> None:
    row = queue(world, owner)
    with ThreadPoolExecutor(4) as pool:
        tried = list(pool.map(lambda _: service.deliver(world, owner_id=owner, message_id=row.id), range(4)))
    assert tried.count(True) == 1
    assert len(postman.sent) == 1


def test_a_refusal_is_final_and_says_why(world: World, owner: UUID, postman: Postman) -> None:
    row = queue(world, owner)
    postman.fault = MailRefused("550 no such user")
    service.deliver(world, owner_id=owner, message_id=row.id)
    failed = message(world, owner, row.id)
    assert (failed.status, failed.error, failed.sent_at) == ("failed", "550 no such user", None)
    assert events(world, owner) == ["message.failed"]


def test_an_absent_server_means_later_and_later_until_it_is_given_up(
    world: World, owner: UUID, postman: Postman
) -> None:
    row = queue(world, owner)
    postman.fault = MailUnavailable("away")
    for attempt, wait in enumerate(WAITS_SECONDS, start=1):
        with world.database.transaction(owner) as session:
            before = now(session)
        assert service.deliver(world, owner_id=owner, message_id=row.id)
        waiting = message(world, owner, row.id)
        assert (waiting.status, waiting.attempts) == ("queued", attempt)
        assert waiting.next_attempt_at >= before + timedelta(seconds=wait)
        assert not service.deliver(world, owner_id=owner, message_id=row.id)
        with world.database.transaction(owner) as session:
            session.execute(update(Message).where(Message.id == row.id).values(next_attempt_at=before))
    service.deliver(world, owner_id=owner, message_id=row.id)
    assert message(world, owner, row.id).status == "failed"
    assert len({mail["Message-ID"] for mail in postman.sent}) == 1


def test_waits_grow() -> None:
    waits = [wait_after(attempt) for attempt in range(1, len(WAITS_SECONDS) + 2)]
    assert waits[-1] is None
    known = [wait for wait in waits if wait is not None]
    assert known == sorted(known)


def test_a_sender_that_died_is_followed_by_another_with_the_same_message_id(
    world: World, owner: UUID, postman: Postman
) -> None:
    row = queue(world, owner)
    with world.database.transaction(owner) as session:
        past = now(session) - timedelta(hours=1)
        session.execute(
            update(Message)
            .where(Message.id == row.id)
            .values(status="sending", attempts=1, token=row.id, lease_until=past)
        )
    with world.across.transaction() as session:
        assert (owner, row.id) in service.undelivered(session, limit=1000)
    assert service.deliver(world, owner_id=owner, message_id=row.id)
    assert postman.sent[0]["Message-ID"] == message_id(row.id, world.settings.mail_from)
    assert message(world, owner, row.id).attempts == 2


def test_a_sender_whose_lease_ended_records_nothing(world: World, owner: UUID, postman: Postman) -> None:
    row = queue(world, owner)
    postman.fault = None
    taken = UUID(int=7)

    def steal(_mail: EmailMessage) -> None:
        with world.database.transaction(owner) as session:
            session.execute(update(Message).where(Message.id == row.id).values(token=taken))

    postman.send = steal  # type: ignore[method-assign]
    service.deliver(world, owner_id=owner, message_id=row.id)
    left = message(world, owner, row.id)
    assert (left.status, left.token) == ("sending", taken)


def test_only_what_nobody_has_begun_to_send_is_withdrawn(world: World, owner: UUID, postman: Postman) -> None:
    queued, sent = queue(world, owner, key="a"), queue(world, owner, key="b")
    service.deliver(world, owner_id=owner, message_id=sent.id)
    with world.database.transaction(owner) as session:
        assert service.withdraw(session, message_id=queued.id)
        assert not service.withdraw(session, message_id=sent.id)
        assert not service.withdraw(session, message_id=UUID(int=1))
    assert not service.deliver(world, owner_id=owner, message_id=queued.id)
    assert len(postman.sent) == 1


def test_a_message_of_another_owner_does_not_exist(world: World, owner: UUID, postman: Postman) -> None:
    row = queue(world, owner)
    assert not service.deliver(world, owner_id=UUID(int=5), message_id=row.id)
    assert postman.sent == []
