"""Executions on real workers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core.db import Database
from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.core.world import World
from app.domains.workflows import service
from app.embedded.mail import MailServer
from tests.scenarios.shop import PERMISSIONS, Shop, open_shop
from tests.servers import eventually

ENDED = {"completed", "failed", "cancelled"}


def step(name: str, method: str = "note", *, service_name: str = "test_service", **more: Any) -> dict[str, Any]:
    """A service_call of the test plugin; `params` and everything else as given."""
    return {"name": name, "type": "service_call", "service": service_name, "method": method, **more}


@dataclass
class Engine:
    """Runs definitions for one fresh owner."""

    world: World
    owner: UUID

    def start(self, steps: Sequence[dict[str, Any]], *, context: dict[str, Any] | None = None, **more: Any) -> int:
        name = f"scenario_{secrets.token_hex(6)}"
        document = {"name": name, "version": "1.0.0", "steps": list(steps), **more}
        with self.world.database.transaction(self.owner) as session:
            service.create_workflow(session, document=document)
            return service.start(session, workflow=name, context=context or {}, trigger_type="manual")

    def ended(self, execution_id: int, *, within: float = 60.0) -> service.WorkflowExecution:
        """The execution once it has ended."""

        def look() -> service.WorkflowExecution | None:
            with self.world.database.transaction(self.owner) as session:
                execution = service.get_execution(session, execution_id=execution_id)
                return execution if execution.state in ENDED else None

        return eventually(look, within=within, what=f"the end of execution {execution_id}")  # type: ignore[return-value]

    def run(self, steps: Sequence[dict[str, Any]], **more: Any) -> service.WorkflowExecution:
        return self.ended(self.start(steps, **more))

    def steps(self, execution_id: int) -> dict[str, service.WorkflowStep]:
        with self.world.database.transaction(self.owner) as session:
            return {row.step_name: row for row in service.steps(session, execution_id=execution_id)}

    def states(self, execution_id: int) -> dict[str, str]:
        return {name: row.state for name, row in self.steps(execution_id).items()}

    def until_step(self, execution_id: int, name: str, state: str) -> service.WorkflowStep:
        def look() -> service.WorkflowStep | None:
            found = self.steps(execution_id)[name]
            return found if found.state == state else None

        return eventually(look, what=f"{name} to be {state}")  # type: ignore[return-value]

    def calls(self, execution_id: int, what: str) -> list[str]:
        """The steps that noted this, in the order in which they did."""
        with self.world.database.transaction(self.owner) as session:
            rows = session.execute(
                text("SELECT step FROM test_calls WHERE execution_id = :id AND what = :what ORDER BY id"),
                {"id": execution_id, "what": what},
            )
            return list(rows.scalars())

    def history(self, execution_id: int) -> list[service.ExecutionEvent]:
        with self.world.database.transaction(self.owner) as session:
            return service.history(session, execution_id=execution_id)

    def raise_flag(self, name: str) -> None:
        """Let go the steps that block on it."""
        with self.world.database.transaction(self.owner) as session:
            session.execute(text("INSERT INTO test_flags VALUES (:name) ON CONFLICT DO NOTHING"), {"name": name})


@pytest.fixture(scope="session")
def settings(live_settings: Settings) -> Settings:
    """Here everything happens on the database of the workers."""
    return live_settings


@pytest.fixture(scope="session")
def world(live_world: World) -> World:
    return live_world


@pytest.fixture(scope="session")
def database(live_world: World) -> Database:
    return live_world.database


@pytest.fixture(scope="session")
def client(live_client: FlaskClient) -> FlaskClient:
    return live_client


@pytest.fixture
def engine(world: World, owner: UUID, workers: Settings) -> Engine:
    """The engine with real workers, for a tenant of the test's own."""
    return Engine(world, owner)


@pytest.fixture
def sql(settings: Settings) -> Callable[[str], list[tuple[Any, ...]]]:
    """Ask the database as its tables' owner, past all walls."""

    def ask(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(settings.migration_database_url) as connection:
            return connection.execute(query.encode()).fetchall()

    return ask


@pytest.fixture
def shop(
    world: World, client: FlaskClient, mail_server: MailServer, token_for: Callable[..., str], workers: Settings
) -> Shop:
    """A seller of the test's own, over real workers."""
    return open_shop(world, client, mail_server, token_for)


@pytest.fixture
def operator(
    world: World, client: FlaskClient, mail_server: MailServer, token_for: Callable[..., str], workers: Settings
) -> Shop:
    """The operator, to whom public orders belong."""
    return Shop(world, client, mail_server, OPERATOR_ID, token_for(*PERMISSIONS))
