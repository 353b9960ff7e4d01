"""PgBouncer in transaction mode in front of PostgreSQL: API, workers, sweeper and relay work as they do without it.

The tests are those of the other modules, run once more: what is theirs here are the settings.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import psycopg
import pytest
from flask.testing import FlaskClient

from app.core.db import Database
from app.core.settings import Settings
from app.core.world import World
from app.embedded import redis
from app.embedded.mail import MailServer
from app.factory import create_app
from tests import pooler as poolers
from tests.conftest import seeded
from tests.pooler import SERVERS, Pooler
from tests.scenarios.conftest import Engine, step
from tests.scenarios.test_engine import (  # noqa: F401 - run here, too
    test_a_chain_and_a_fan_out_longer_than_any_message,
    test_a_diamond_joins_once,
    test_a_killed_worker_child_in_the_lease_form,
    test_a_step_that_fails_twice_is_retried_with_growing_waits,
)
from tests.scenarios.test_isolation import test_a_step_sees_its_own_tenant_s_orders_only  # noqa: F401
from tests.scenarios.test_orders_active import test_an_order_by_the_public_api_becomes_an_active_service  # noqa: F401
from tests.scenarios.test_orders_failing import (  # noqa: F401
    test_a_critical_activation_that_fails_for_good_undoes_everything_in_reverse,
)
from tests.scenarios.test_orders_racing import test_submitted_twice_at_once_it_has_one_execution  # noqa: F401
from tests.scenarios.test_recovery import (  # noqa: F401
    test_an_emptied_broker_loses_nothing,
    test_two_sweepers_at_once_send_a_step_once,
)
from tests.servers import prepared, worker_processes

pytestmark = [pytest.mark.xdist_group("pgbouncer"), pytest.mark.usefixtures("pooler")]


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "prepared"])
def pooler(request: pytest.FixtureRequest, worker_id: str, mail_server: MailServer) -> Iterator[Pooler]:
    """PgBouncer without and with prepared statements, over a database of its own."""
    if why := poolers.why_not(prepared=request.param):
        pytest.skip(why)
    direct = prepared(f"turnup_pooled_{secrets.token_hex(3)}", 0)
    broker = redis.start(direct.var_dir / "redis", durable=False)
    direct = replace(direct, redis_url=broker.url, smtp_url=mail_server.url)
    with poolers.pooler(direct, prepared=request.param) as pooler:
        yield pooler
    broker.stop()


@pytest.fixture(scope="session")
def settings(pooler: Pooler) -> Settings:
    return pooler.settings


@pytest.fixture(scope="session")
def world(settings: Settings) -> Iterator[World]:
    with seeded(settings) as world:
        yield world


@pytest.fixture(scope="session")
def database(world: World) -> Database:
    return world.database


@pytest.fixture(scope="session")
def client(settings: Settings, world: World) -> FlaskClient:
    return create_app(settings, world).test_client()


@pytest.fixture(scope="session")
def workers(settings: Settings, world: World) -> Iterator[Settings]:
    with worker_processes(settings):
        yield settings


def test_more_clients_than_connections_are_served(engine: Engine, pooler: Pooler, settings: Settings) -> None:
    with ExitStack() as stack:
        for _ in range(2 * SERVERS):
            idle = stack.enter_context(psycopg.connect(settings.database_url, autocommit=True))
            assert idle.execute("SELECT 1").fetchone() == (1,)
        for execution_id in [engine.start([step("a"), step("b", "outside")]) for _ in range(20)]:
            assert engine.ended(execution_id).state == "completed"
        ours = [each for each in pooler.show("SERVERS") if each["user"] == "turnup_app"]
        theirs = [each for each in pooler.show("CLIENTS") if each["user"] == "turnup_app"]
        assert 0 < len(ours) <= SERVERS < 2 * SERVERS <= len(theirs)


def test_the_settings_of_this_run_are_those_it_is_about(pooler: Pooler, settings: Settings) -> None:
    said = {each["key"]: each["value"] for each in pooler.show("CONFIG")}
    assert said["pool_mode"] == "transaction"
    assert said["listen_port"] in settings.database_url
    assert said["listen_port"] in settings.system_database_url
    assert settings.prepared_statements == (said.get("max_prepared_statements", "0") != "0")
