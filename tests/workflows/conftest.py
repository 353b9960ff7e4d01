"""A database of its own for the built-in workflows, which no worker and no sweeper looks at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.core.clock import move_to, utc_now
from app.core.world import World
from tests.domains.workflows.lab import Recorder
from tests.servers import prepared
from tests.workflows.office import Office, open_office, opened


@pytest.fixture(scope="session")
def flows(worker_id: str) -> Iterator[tuple[World, Recorder]]:
    """The application with the built-in workflows, and its broker in memory."""
    with opened(prepared(f"turnup_flows_{worker_id}", 15)) as found:
        yield found


@pytest.fixture
def office(flows: tuple[World, Recorder]) -> Iterator[Office]:
    """A seller of the test's own, at the time that it is."""
    world, broker = flows
    yield open_office(world, broker)
    with world.across.transaction() as session:
        move_to(session, utc_now())
