"""Outside systems on real workers: one that is down and comes back, and one that may only be called so often."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.tenants import service as tenants
from app.domains.workflows import service
from app.embedded.machine import free_port
from tests.scenarios.conftest import Engine, step
from tests.servers import eventually, running

Sql = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def other(engine: Engine) -> Engine:
    """The engine for a second tenant."""
    with engine.world.database.transaction(OPERATOR_ID) as session:
        slug = f"t{new_id().hex[-12:]}"
        return Engine(engine.world, tenants.create_tenant(session, name=slug, slug=slug).id)


def state(world: World, name: str) -> service.IntegrationState:
    with world.across.transaction() as session:
        return next(each for each in service.list_integrations(session) if each.name == name)


def test_steps_wait_for_a_server_that_is_down_until_it_comes_back(
    engine: Engine, other: Engine, settings: Settings
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # two attempts that fail are left to each step: without the breaker none of them would outlast the silence
    started = [
        (each, each.start([step("s", "ask", params={"url": url})])) for _ in range(12) for each in (engine, other)
    ]
    eventually(lambda: state(engine.world, "test-asked").held == len(started), what="all steps to be held back")
    found = state(engine.world, "test-asked")
    assert found.state in {"open", "half_open"}
    eventually(lambda: state(engine.world, "test-asked").failures > found.failures + 2, what="probes that fail")
    assert {each.states(execution_id)["s"] for each, execution_id in started} <= {"pending", "running"}
    command = [sys.executable, "-m", "tests.scenarios.counting_server", str(port)]
    with running(settings, {"outside": command}):
        for each, execution_id in started:
            assert each.ended(execution_id).state == "completed"
        calls = httpx.get(url).json()
    keys = {each.steps(execution_id)["s"].idempotency_key for each, execution_id in started}
    assert calls == {str(key): 1 for key in keys}
    assert max(each.steps(execution_id)["s"].attempts for each, execution_id in started) <= 3
    found = state(engine.world, "test-asked")
    assert (found.state, found.failures, found.held) == ("closed", 0, 0)


def test_a_tenant_with_many_steps_in_line_does_not_keep_another_waiting(
    engine: Engine, other: Engine, sql: Sql
) -> None:
    many = [engine.start([step("s", "ask_gently")]) for _ in range(40)]
    eventually(lambda: state(engine.world, "test-metered").held > 15, what="steps to be held back")
    single = other.run([step("s", "ask_gently")])
    assert single.state == "completed"
    before = sql(
        f"SELECT count(*) FROM test_calls WHERE execution_id = ANY(ARRAY{many}) AND at < "
        f"(SELECT at FROM test_calls WHERE execution_id = {single.id})"
    )[0][0]
    assert before < len(many)
    for execution_id in many:
        assert engine.ended(execution_id, within=60).state == "completed"
