"""Notifications: told once per key, delivered by mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from uuid import UUID

import pytest

from app.core.world import World
from app.domains.notifications import service
from app.domains.notifications.errors import BadNotification, UnknownTeam
from app.domains.notifications.models import Notification
from app.embedded.mail import MailServer


def notify(world: World, owner: UUID, **changes: str) -> Notification:
    wanted = {"title": "New Tenant Deployed: B", "message": "Order ORD-1 completed.", "key": "k"}
    with world.database.transaction(owner) as session:
        return service.notify_operations(session, **(wanted | changes))


def test_operations_get_one_mail_per_key(world: World, owner: UUID, mail_server: MailServer) -> None:
    title = f"New Tenant Deployed: {owner}"
    first = notify(world, owner, title=title, link="https://example.com/orders/1")
    assert notify(world, owner, title="another").id == first.id
    for _ in range(2):
        service.deliver(world, owner_id=owner, notification_id=first.id)
    kept = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in mail_server.mails()]
    (mail,) = [each for each in kept if each["Subject"] == title]
    assert mail["To"] == world.settings.operations_email
    assert mail["X-Severity"] == "info"
    assert mail.get_content().split() == ["Order", "ORD-1", "completed.", "https://example.com/orders/1"]
    with world.database.transaction(owner) as session:
        row = session.get(Notification, first.id)
        assert row is not None
        assert (row.status, row.attempts) == ("delivered", 1)


def test_what_is_due_and_nobody_sends_is_found_by_the_net(world: World, owner: UUID) -> None:
    row = notify(world, owner)
    with world.across.transaction() as session:
        assert (owner, row.id) in service.undelivered(session, limit=1000)
    with world.database.transaction(owner) as session:
        assert service.withdraw(session, notification_id=row.id)
    with world.across.transaction() as session:
        assert (owner, row.id) not in service.undelivered(session, limit=1000)


@pytest.mark.parametrize(
    "changes", [{"title": "a\nBcc: x@y.z"}, {"title": ""}, {"severity": "loud"}, {"link": "javascript:alert(1)"}]
)
def test_what_cannot_be_told_is_refused(world: World, owner: UUID, changes: dict[str, str]) -> None:
    with pytest.raises(BadNotification):
        notify(world, owner, **changes)


def test_an_unknown_team_is_named(world: World, owner: UUID) -> None:
    with world.database.transaction(owner) as session, pytest.raises(UnknownTeam, match="'dreamers'"):
        service.notify_team(session, team="dreamers", title="t", message="m", key="k")
