"""A team's member, a server that listens, and a way to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from app.core.world import World
from app.domains.notifications import service
from app.domains.notifications.models import Notification
from tests.domains.tenants.accounts import make_account
from tests.listening import Listening, listening

Tell = Callable[..., Notification]


@pytest.fixture
def ann(world: World, owner: UUID) -> UUID:
    """A user of the owner."""
    return make_account(world, "sales", owner_id=owner).user_id


@pytest.fixture
def server() -> Iterator[Listening]:
    with listening() as server:
        yield server


@pytest.fixture
def tell(world: World, owner: UUID) -> Tell:
    """Tell a team of the owner something."""

    def told(team: str = "crew", **changes: str) -> Notification:
        wanted = {"title": "Look", "message": "Something happened.", "key": "k"}
        with world.database.transaction(owner) as session:
            return service.notify_team(session, team=team, **(wanted | changes))

    return told


def address(server: Listening) -> str:
    """The channel that this server is."""
    return server.url.replace("http://", "json://ann:s3cret@")
