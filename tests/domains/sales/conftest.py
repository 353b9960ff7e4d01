"""A world whose messages go nowhere: a test does itself what a worker would do, one step after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.adapters.provisioners.errors import ProvisioningFailed
from app.adapters.provisioners.port import Deployed, DeploymentSpec, Provisioners
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.catalog import service as catalog
from app.domains.deployments import service as deployments
from app.domains.sales import service as sales
from app.domains.tenants import service as tenants
from app.domains.workflows import service as workflows
from app.factory import build_world, create_app

_READY = text(
    """
    SELECT s.sequence_number, s.step_name, s.state = 'compensating' AS undo FROM workflow_steps s
    JOIN workflow_executions e ON e.id = s.execution_id
    WHERE e.id = :execution AND e.state = 'running' AND s.unmet = 0 AND s.token IS NULL
      AND (s.state = 'pending' AND e.stopping IS NULL OR s.state = 'compensating')
    ORDER BY s.sequence_number
    """
)


class Nowhere:
    """A sender that sends nothing."""

    def send_steps(self, *_: Any, **__: Any) -> None: ...

    def send_task(self, *_: Any) -> None: ...

    def is_reachable(self) -> bool:
        return True

    def wake(self, *_: Any) -> None: ...


class Unwilling:
    """A provisioner that fails half-way, and says what was removed."""

    def __init__(self) -> None:
        self.destroyed: list[str] = []

    def deploy(self, spec: DeploymentSpec) -> Deployed:
        raise ProvisioningFailed(f"There is no room for {spec.reference}.", permanent=True)

    def destroy(self, reference: str) -> None:
        self.destroyed.append(reference)

    def healthy(self, _endpoint: str) -> bool:
        return False


@dataclass(frozen=True)
class Shop:
    """An owner with a catalogue of its own, and what a test does with its orders."""

    world: World
    owner_id: UUID

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.world.database.transaction(self.owner_id) as session:
            yield session

    def draft(self, **changes: Any) -> sales.Order:
        with self.session() as session:
            return sales.create_order(session, new=new_order(**changes))

    def template_id(self, name: str) -> UUID:
        with self.session() as session:
            row = session.execute(text("SELECT id FROM deployment_templates WHERE name = :name"), {"name": name})
            return UUID(str(row.scalar_one()))

    def submitted(self, *, auto_activate: bool = True, **changes: Any) -> sales.Order:
        order = self.draft(**changes)
        with self.session() as session:
            return sales.submit_order(session, order_id=order.id, auto_activate=auto_activate)

    def order(self, order_id: int) -> sales.Order:
        with self.session() as session:
            return sales.get_order(session, order_id=order_id)

    def activations(self, order_id: int) -> dict[str, str]:
        with self.session() as session:
            found = activation.activations_of(session, order_id=order_id)
            return {each.service_code: each.activation_status for each in found}

    def run_step(self, order: sales.Order, name: str | None = None) -> str | None:
        """Do the next ready step (or that one) of the order's execution; its name, None when nothing is ready."""
        execution_id = self.order(order.id).execution_id
        assert execution_id is not None
        with self.session() as session:
            ready = session.execute(_READY, {"execution": execution_id}).all()
        row = next((each for each in ready if name in {None, each.step_name}), None)
        if row is None:
            return None
        delivery = workflows.Delivery(
            owner_id=self.owner_id, execution_id=execution_id, number=row.sequence_number, undo=row.undo
        )
        workflows.run(self.world, delivery)
        return str(row.step_name)

    def run(self, order: sales.Order, *, until: str | None = None) -> list[str]:
        """Do what is ready until nothing is, or until that step is the next; the names of what was done."""
        done: list[str] = []
        while True:
            if until is not None and until in self.ready(order):
                return done
            name = self.run_step(order)
            if name is None and not self.settle(order):
                return done
            if name is not None:
                done.append(name)

    def ready(self, order: sales.Order) -> list[str]:
        execution_id = self.order(order.id).execution_id
        with self.session() as session:
            return [row.step_name for row in session.execute(_READY, {"execution": execution_id})]

    def settle(self, order: sales.Order) -> bool:
        execution_id = self.order(order.id).execution_id
        assert execution_id is not None
        return workflows.settle(self.world.database, owner_id=self.owner_id, execution_id=execution_id)

    def count(self, table: str, where: str = "true") -> int:
        with self.session() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())

    def events(self, order: sales.Order) -> list[str]:
        with self.session() as session:
            rows = session.execute(
                text("SELECT type FROM outbox WHERE subject = :subject ORDER BY position"),
                {"subject": f"order/{order.id}"},
            )
            return [row.type for row in rows if row.type.startswith("order.")]

    def mails(self, order: sales.Order) -> list[str]:
        with self.session() as session:
            rows = session.execute(
                text("SELECT template FROM messages WHERE recipient = :to ORDER BY created_at, id"),
                {"to": order.customer_email},
            )
            return [row.template for row in rows]


def slug() -> str:
    return f"isp-{new_id().hex[-12:]}"


def new_order(**changes: Any) -> sales.NewOrder:
    wanted = slug()
    fields: dict[str, Any] = {
        "source": sales.Source.INTERNAL,
        "customer_email": f"{wanted}@example.com",
        "customer_name": "John Smith",
        "company_name": "Example ISP Inc.",
        "organization_slug": wanted,
        "deployment_region": "us-east-1",
        "deployment_type": "none",
        "selected_services": [
            {"service_code": "subscriber-provisioning", "quantity": 1},
            {"service_code": "billing-invoicing", "quantity": 1},
        ],
    }
    return sales.NewOrder(**(fields | changes))


@pytest.fixture(scope="session")
def quiet_world(settings: Settings, world: World) -> Iterator[World]:
    quiet = build_world(replace(settings, resend_after=3600.0), sender=Nowhere())
    quiet.ports.get(Provisioners).add("docker", Unwilling())
    yield quiet
    quiet.close()


@pytest.fixture(scope="session")
def quiet_client(quiet_world: World) -> FlaskClient:
    return create_app(quiet_world.settings, quiet_world).test_client()


@pytest.fixture
def shop(quiet_world: World) -> Shop:
    """A seller of the test's own, with catalogue, templates and the standard activation workflow."""
    return open_shop(quiet_world)


def open_shop(world: World) -> Shop:
    with world.database.transaction(OPERATOR_ID) as session:
        name = f"s{new_id().hex[-12:]}"
        owner_id = tenants.create_tenant(session, name=name, slug=name).id
    with world.database.transaction(owner_id) as session:
        catalog.seed(session)
        deployments.seed(session)
        activation.seed(session)
        for deployment_type in ("none", "docker", "kubernetes"):
            deployments.create_template(session, fields={"name": deployment_type, "deployment_type": deployment_type})
    return Shop(world, owner_id)


@pytest.fixture
def bearer(token_for: Callable[..., str], shop: Shop) -> Callable[..., dict[str, str]]:
    """Headers of somebody of the shop with these permissions."""

    def headers(*permissions: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_for(*permissions, owner_id=shop.owner_id)}"}

    return headers
