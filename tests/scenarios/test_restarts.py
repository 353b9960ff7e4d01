"""PostgreSQL stopped and started, and Redis emptied, while executions run: all of them end, and nothing is done twice."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from app.core.bootstrap import bootstrap
from app.core.ids import OPERATOR_ID
from app.core.schema import upgrade
from app.core.settings import Settings
from app.core.world import World
from app.embedded import postgres, redis
from app.embedded.postgres import PostgresServer
from tests.conftest import seeded
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually, make_test_tables, settings_for, worker_processes

pytestmark = pytest.mark.xdist_group("restarts")

MANY = 30


@dataclass
class Servers:
    """PostgreSQL and Redis of these tests alone, which they may stop."""

    folder: Path
    settings: Settings
    database: PostgresServer

    def stop_database(self) -> None:
        self.database.stop()

    def restart_database(self) -> None:
        """A fast stop, which ends every session and its transaction, and a start on the same port."""
        self.stop_database()
        self.database = postgres.start(self.folder / "postgres", port=self.database.port, durable=False)


@pytest.fixture(scope="module")
def own_servers() -> Iterator[Servers]:
    settings = settings_for(f"turnup_restarts_{secrets.token_hex(3)}", 0)
    folder = settings.var_dir
    folder.mkdir()
    with ExitStack() as stack:
        database = postgres.start(folder / "postgres", durable=False)
        servers = Servers(folder, settings, database)
        stack.callback(servers.stop_database)
        broker = redis.start(folder / "redis", durable=False)
        stack.callback(broker.stop)
        roles = ("database_url", "system_database_url", "migration_database_url", "provisioner_database_url")
        urls = {role: at_port(getattr(settings, role), database.port) for role in roles}
        servers.settings = replace(settings, **urls, redis_url=broker.url)
        bootstrap(database.admin_url, servers.settings)
        upgrade(servers.settings)
        make_test_tables(servers.settings)
        yield servers


def at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))


@pytest.fixture(scope="module")
def world(own_servers: Servers) -> Iterator[World]:
    with seeded(own_servers.settings) as world:
        yield world


@pytest.fixture(scope="module")
def engine(own_servers: Servers, world: World) -> Iterator[Engine]:
    with worker_processes(own_servers.settings):
        yield Engine(world, OPERATOR_ID)


def started(engine: Engine) -> list[int]:
    """Executions of both forms, with a join and a retry, some of which have begun."""
    steps = [
        step("a", params={"seconds": 0.05}),
        step("b", "outside", depends_on=["a"], params={"seconds": 0.05}),
        step("c", depends_on=["a"], params={"fail": 1}),
        step("d", depends_on=["b", "c"]),
        {"name": "wait", "type": "wait", "seconds": 1},
        step("e"),
    ]
    executions = [engine.start(steps) for _ in range(MANY)]
    eventually(lambda: engine.calls(executions[2], "attempt"), what="the work to begin")
    return executions


def check(engine: Engine, executions: list[int]) -> None:
    for execution_id in executions:
        assert engine.ended(execution_id, within=120).state == "completed"
        assert sorted(engine.calls(execution_id, "effect")) == ["a", "b", "c", "d", "e"]
        assert engine.calls(execution_id, "undo") == []


def test_postgresql_is_restarted_under_load(own_servers: Servers, engine: Engine) -> None:
    executions = started(engine)
    own_servers.restart_database()
    check(engine, executions)


def test_redis_is_emptied_under_load(world: World, engine: Engine) -> None:
    executions = started(engine)
    world.redis.flushall()
    eventually(lambda: engine.calls(executions[-1], "effect"), within=120, what="all work to begin")
    world.redis.flushall()
    check(engine, executions)


def test_redis_is_emptied_and_postgresql_restarted(own_servers: Servers, world: World, engine: Engine) -> None:
    executions = started(engine)
    world.redis.flushall()
    own_servers.restart_database()
    check(engine, executions)
