"""Fixtures that everything shares: real servers, a migrated database per test process, the API, workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import settings as hypothesis_settings

from app.core.db import Database
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.tenants import service as tenants
from app.embedded.mail import MailServer
from app.factory import build_world, create_app
from app.http.principal import Principal
from app.http.tokens import Tokens
from app.seeds import seed
from tests.servers import Servers, prepared, with_mail, worker_processes

# a shared machine may be slow at any moment: no example is timed
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """The process that pytest was called in starts the servers; xdist's workers inherit where they are."""
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        servers = Servers()
        config.add_cleanup(servers.stop)


@contextmanager
def seeded(settings: Settings) -> Iterator[World]:
    """The wired application over a seeded database."""
    world = build_world(settings)
    try:
        seed(world)
        yield world
    finally:
        world.close()


@pytest.fixture(scope="session")
def process_number(worker_id: str) -> int:
    """Which of the test processes this is."""
    return 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1


@pytest.fixture(scope="session")
def bare_settings(worker_id: str, process_number: int) -> Settings:
    """Settings of this test process; no worker, sweeper or job ever looks at its database."""
    return prepared(f"turnup_{worker_id}", process_number)


@pytest.fixture(scope="session")
def mail_server(bare_settings: Settings) -> Iterator[MailServer]:
    """A real SMTP server that keeps what it is given."""
    _, server = with_mail(bare_settings, bare_settings.var_dir / "mail")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def settings(bare_settings: Settings, mail_server: MailServer) -> Settings:
    """The same, sending mails to the SMTP server."""
    return replace(bare_settings, smtp_url=mail_server.url)


@pytest.fixture(scope="session")
def world(settings: Settings) -> Iterator[World]:
    """The wired application over a seeded database."""
    with seeded(settings) as world:
        yield world


@pytest.fixture(scope="session")
def database(world: World) -> Database:
    """Transactions as one owner."""
    return world.database


@pytest.fixture
def owner(world: World) -> UUID:
    """A tenant of the test's own, so that what other tests do is not seen."""
    with world.database.transaction(OPERATOR_ID) as session:
        slug = f"t{new_id().hex[-12:]}"
        return tenants.create_tenant(session, name=slug, slug=slug).id


@pytest.fixture(scope="session")
def client(settings: Settings, world: World) -> FlaskClient:
    """The API, in this process."""
    return create_app(settings, world).test_client()


@pytest.fixture(scope="session")
def token_for(settings: Settings) -> Callable[..., str]:
    """An access token with just these permissions, for the operator or another owner."""

    def issue(*permissions: str, owner_id: UUID = OPERATOR_ID) -> str:
        principal = Principal(
            user_id=new_id(),
            owner_id=owner_id,
            email="test@example.com",
            roles=(),
            permissions=frozenset(permissions),
        )
        return Tokens(settings).issue(principal)

    return issue


@pytest.fixture(scope="session")
def live_settings(worker_id: str, process_number: int, mail_server: MailServer) -> Settings:
    """Settings of the database on which this test process's workers work."""
    return replace(prepared(f"turnup_live_{worker_id}", 8 + process_number), smtp_url=mail_server.url)


@pytest.fixture(scope="session")
def live_world(live_settings: Settings) -> Iterator[World]:
    """The wired application over the workers' database."""
    with seeded(live_settings) as world:
        yield world


@pytest.fixture(scope="session")
def live_client(live_settings: Settings, live_world: World) -> FlaskClient:
    """The API over the workers' database."""
    return create_app(live_settings, live_world).test_client()


@pytest.fixture(scope="session")
def workers(live_settings: Settings, live_world: World) -> Iterator[Settings]:
    """Two worker processes, beat with sweeper and relay, and the endpoints process."""
    with worker_processes(live_settings):
        yield live_settings
