"""Telling a team: its members in the product, each channel with an outcome of its own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from app.adapters.delivery.outgoing import WAITS_SECONDS
from app.core.clock import now
from app.core.world import World
from app.domains.notifications import service
from app.domains.notifications.errors import UnknownTeam
from app.domains.notifications.models import Notification, NotificationChannel
from tests.calls import Outcome, perform
from tests.domains.notifications.conftest import Tell, address
from tests.listening import Listening, listening


@pytest.fixture
def second() -> Iterator[Listening]:
    """Another channel of the team."""
    with listening() as server:
        yield server


@pytest.fixture
def crew(world: World, owner: UUID, ann: UUID, server: Listening, second: Listening) -> UUID:
    """A team of one member and two channels."""
    with world.database.transaction(owner) as session:
        channels = [address(server), address(second)]
        return service.create_team(session, code="crew", name="Crew", members=[ann], channels=channels).id


def deliver(world: World, owner: UUID, row: Notification) -> Notification:
    """Have it delivered, due or not; what became of it."""
    with world.database.transaction(owner) as session:
        session.execute(update(Notification).where(Notification.id == row.id).values(next_attempt_at=now(session)))
    service.deliver(world, owner_id=owner, notification_id=row.id)
    with world.database.transaction(owner) as session:
        return session.scalars(select(Notification).where(Notification.id == row.id)).one()


def outcomes(world: World, owner: UUID, row: Notification) -> list[str]:
    with world.database.transaction(owner) as session:
        statement = select(NotificationChannel.status).where(NotificationChannel.notification_id == row.id)
        return list(session.scalars(statement.order_by(NotificationChannel.id)))


def inbox(world: World, owner: UUID, user_id: UUID) -> list[str]:
    with world.database.transaction(owner) as session:
        return [each.notification.title for each in session.scalars(service.told(user_id=user_id))]


def notify(world: World, owner: UUID, **params: str) -> Outcome:
    operation = world.operations["notifications_service.notify_team"]
    return perform(operation, world.database, owner, title="Look", message="Something happened.", **params)


@pytest.mark.usefixtures("crew")
def test_members_learn_of_it_at_once_and_channels_when_it_is_delivered(
    world: World, owner: UUID, ann: UUID, tell: Tell, server: Listening, second: Listening
) -> None:
    row = tell(severity="warning", link="https://example.com/1")
    assert tell(title="another").id == row.id
    assert inbox(world, owner, ann) == ["Look"]
    assert server.documents() == second.documents() == []
    assert deliver(world, owner, row).status == "delivered"
    assert outcomes(world, owner, row) == ["delivered", "delivered"]
    (said,) = server.documents()
    assert said["message"] == "Something happened.\n\nhttps://example.com/1"
    assert (said["title"], said["type"]) == ("Look", "warning")
    deliver(world, owner, row)
    assert len(server.documents()) == len(second.documents()) == 1


@pytest.mark.usefixtures("crew")
def test_a_channel_that_took_it_is_not_told_again(
    world: World, owner: UUID, tell: Tell, server: Listening, second: Listening
) -> None:
    second.status = 503
    row = tell()
    waiting = deliver(world, owner, row)
    assert (waiting.status, waiting.error) == ("queued", "json: the service did not take it")
    assert outcomes(world, owner, row) == ["delivered", "queued"]
    second.status = 200
    assert deliver(world, owner, row).status == "delivered"
    assert (len(server.documents()), len(second.documents())) == (1, 2)


@pytest.mark.usefixtures("crew")
def test_a_channel_that_never_takes_it_is_given_up_and_named(
    world: World, owner: UUID, tell: Tell, second: Listening
) -> None:
    second.status = 503
    row = tell()
    with world.database.transaction(owner) as session:
        session.execute(update(Notification).where(Notification.id == row.id).values(attempts=len(WAITS_SECONDS)))
    failed = deliver(world, owner, row)
    assert (failed.status, failed.error) == ("failed", "json: the service did not take it")
    assert outcomes(world, owner, row) == ["delivered", "failed"]
    with world.database.transaction(owner) as session:
        assert session.execute(text("SELECT type FROM outbox")).scalars().all() == ["notification.failed"]


def test_a_channel_that_the_team_has_no_more_is_not_told(
    world: World, owner: UUID, crew: UUID, tell: Tell, server: Listening
) -> None:
    row = tell()
    with world.database.transaction(owner) as session:
        service.update_team(session, team_id=crew, name="Crew", channels=[])
    failed = deliver(world, owner, row)
    assert failed.status == "failed"
    assert "does not have this channel any more" in (failed.error or "")
    assert server.documents() == []


@pytest.mark.usefixtures("crew")
def test_the_operation_says_whom_it_told_and_takes_it_back(world: World, owner: UUID, ann: UUID) -> None:
    outcome = notify(world, owner, team="crew")
    assert outcome.output is not None
    notification = outcome.output["notification"]
    assert notification == {
        "id": outcome.output["notification_id"],
        "team": "crew",
        "recipients": [str(ann)],
        "channels": ["json", "json"],
    }
    (effect,) = outcome.effects
    assert effect.undo is not None
    withdraw = world.operations["notifications_service.withdraw_notification"]
    assert perform(withdraw, world.database, owner, **effect.undo).output == {"withdrawn": True}
    assert inbox(world, owner, ann) == []


@pytest.mark.parametrize(("team", "channels"), [("operations", ["mail"]), ("onboarding_team", ["mail"])])
def test_nothing_is_said_to_nobody(world: World, owner: UUID, team: str, channels: list[str]) -> None:
    output = notify(world, owner, team=team).output
    assert output is not None
    assert (output["notification"]["recipients"], output["notification"]["channels"]) == ([], channels)


def test_a_team_without_channels_is_told_in_the_product_alone(world: World, owner: UUID, ann: UUID, tell: Tell) -> None:
    with world.database.transaction(owner) as session:
        service.create_team(session, code="crew", name="Crew", members=[ann])
    row = tell()
    assert (row.status, row.attempts) == ("delivered", 0)
    assert inbox(world, owner, ann) == ["Look"]


def test_an_unknown_team_fails_the_step_for_good(world: World, owner: UUID) -> None:
    with pytest.raises(UnknownTeam, match="'dreamers'") as caught:
        notify(world, owner, team="dreamers")
    assert caught.value.permanent
