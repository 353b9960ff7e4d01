"""A seller with all that the built-in workflows need, over the engine in this process: one delivery at a time, no sleep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.clock import move_to
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.billing import service as billing
from app.domains.catalog import service as catalog
from app.domains.crm import service as crm
from app.domains.deployments import service as deployments
from app.domains.licensing import service as licensing
from app.domains.sales import service as sales
from app.domains.tenants import service as tenants
from app.domains.ticketing import service as ticketing
from app.domains.workflows import service as workflows
from app.factory import build_world
from pipelines.errors import StepFailed
from pipelines.operations import Call
from tests.domains.workflows.lab import TASKS, Lab, Recorder

ENDED = {"completed", "failed", "cancelled"}
ROUNDS = 30
MOST_EVENTS = 50


@dataclass
class Office(Lab):
    """One seller's executions, and what a test does for its customers."""

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.world.database.transaction(self.owner) as session:
            yield session

    def start_workflow(self, name: str, **context: Any) -> int:
        with self.session() as session:
            return workflows.start(session, workflow=name, context=context, trigger_type="api")

    def work(self) -> None:
        """Deliver what is in the broker until nothing is. Mails stay where they are: a rollback withdraws them."""
        while self.broker.sent or self.broker.tasks:
            if self.broker.tasks:
                name, args = self.broker.tasks.pop(0)
                if name in TASKS:
                    TASKS[name](self.world.database, UUID(str(args[0])), args[1])
                continue
            owner, execution_id, number, undo = self.broker.sent.pop(0)
            if owner != self.owner:
                continue
            self.deliver(execution_id, number, undo=undo)

    def hand_on(self) -> None:
        """Tell waits and triggers of all that has happened."""
        for _ in range(MOST_EVENTS):
            if not workflows.handle_events(self.world):
                return

    def hurry(self) -> None:
        """As if much time went by for whoever waits for another attempt, and the sweeper came."""
        self.sql("UPDATE workflow_steps SET not_before = NULL WHERE not_before IS NOT NULL")
        self.sql("UPDATE workflow_steps SET sent_at = now() - interval '1 day' WHERE sent_at IS NOT NULL")
        self.sql("UPDATE workflow_executions SET check_at = now() - interval '1 year' WHERE state = 'running'")
        self.sweep()

    def carried_out(
        self, execution_id: int, *, meanwhile: Callable[[], object] | None = None
    ) -> workflows.WorkflowExecution:
        """The execution once it has ended; what it waits for comes about when it waits (`meanwhile`, once)."""
        for _ in range(ROUNDS):
            self.work()
            found = self.look(execution_id)
            if found.state in ENDED:
                self.work()
                return found
            if found.state == "waiting" and meanwhile is not None:
                meanwhile()
                meanwhile = None
            self.hand_on()
            self.tick()
            self.hurry()
        return self.look(execution_id)

    def everything(self) -> None:
        """Work and hand on until nothing more comes of anything, retries included."""
        for _ in range(ROUNDS):
            self.work()
            self.hand_on()
            if not self.broker.sent and not self.broker.tasks:
                return

    def tick(self) -> None:
        workflows.tick(self.world)

    def run_workflow(
        self, name: str, *, meanwhile: Callable[[], object] | None = None, **context: Any
    ) -> workflows.WorkflowExecution:
        return self.carried_out(self.start_workflow(name, **context), meanwhile=meanwhile)

    def go_to(self, at: datetime) -> None:
        """Set business time for all that follows; the fixture sets it back."""
        with self.world.across.transaction() as session:
            move_to(session, at)

    def executions(self, name: str) -> list[workflows.WorkflowExecution]:
        with self.session() as session:
            return list(session.scalars(workflows.list_executions(workflow=name)))

    def step_states(self, execution_id: int) -> dict[str, str]:
        return {name: row.state for name, row in self.steps(execution_id).items()}

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.session() as session:
            return list(session.execute(text(query), values).all())

    def count(self, table: str, where: str = "true", **values: Any) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table} WHERE {where}", **values)[0][0])

    def mails(self, template: str | None = None) -> list[str]:
        """To whom mails (of that template) wait to be sent."""
        found = self.rows(
            "SELECT template, recipient FROM messages WHERE status <> 'withdrawn' ORDER BY created_at, id"
        )
        return [row.recipient for row in found if template in {None, row.template}]

    # --- customers and what they want -------------------------------------------------------------------------------------

    def lead(self, **changes: Any) -> crm.Lead:
        fields = {
            "email": f"{new_id().hex}@example.com",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company_name": f"Analytical Engines {new_id().hex[-6:]}",
            "wanted_products": [{"product_code": "subscriber-provisioning"}, {"product_code": "billing-invoicing"}],
            "deployment_type": "none",
            "currency": "USD",
            "billing_cycle": "monthly",
        }
        with self.session() as session:
            return crm.create_lead(session, fields=fields | changes)

    def qualified(self, **changes: Any) -> crm.Lead:
        lead = self.lead(**changes)
        with self.session() as session:
            return crm.qualify_lead(session, lead_id=lead.id, key=f"test/{new_id()}")

    def offered(self) -> crm.Quote:
        """An open quote; that its lead is qualified starts nothing."""
        lead = self.qualified()
        with self.session() as session:
            quote = crm.generate_quote(session, lead_id=lead.id, key=f"test/{new_id()}")
        self.settled()
        return quote

    def settled(self) -> None:
        """What has happened so far starts nothing any more."""
        with self.world.across.transaction() as session:
            about = {"owner": self.owner}
            session.execute(text("UPDATE outbox SET handled_at = now() WHERE owner_id = :owner"), about)

    def accept(self, quote_id: UUID | str) -> None:
        """As the customer does, outside of any execution."""
        with self.session() as session:
            crm.accept_quote(session, quote_id=UUID(str(quote_id)), key=f"test/{new_id()}", accepted_by="the customer")

    def open_quote(self) -> str:
        """The id of the only quote that waits for an answer."""
        (row,) = self.rows("SELECT id FROM quotes WHERE status = 'open'")
        return str(row.id)

    def order(self, order_id: int) -> sales.Order:
        with self.session() as session:
            return sales.get_order(session, order_id=order_id)


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[World, Recorder]]:
    """The wired application over this database with the built-in workflows, and its broker in memory."""
    broker = Recorder()
    world = build_world(replace(settings, resend_after=3600.0), sender=broker)
    try:
        with world.across.transaction() as session:
            workflows.sync_builtins(session, operations=world.operations)
        yield world, broker
    finally:
        world.close()


def open_office(world: World, broker: Recorder) -> Office:
    """A seller of its own: catalogue, plan, license template, teams, and deployments that need nothing outside."""
    with world.database.transaction(OPERATOR_ID) as session:
        name = f"office-{new_id().hex[-12:]}"
        owner = tenants.create_tenant(session, name=name, slug=name).id
    with world.database.transaction(owner) as session:
        catalog.seed(session)
        billing.seed(session)
        licensing.seed(session)
        ticketing.seed(session)
        activation.seed(session)
        deployments.create_template(session, fields={"name": "none", "deployment_type": "none", "is_default": True})
        # the first license makes the key that it is signed with
        licensing.rotate_signing_key(session)
    broker.sent.clear()
    broker.tasks.clear()
    return Office(world, owner, broker)


@contextmanager
def failing(office: Office, step: str, operation_name: str, *, permanent: bool) -> Iterator[list[int]]:
    """A step's operation does all that it does, and then fails: for good each time, or once. Yields its attempts.

    What it did outside is done then, and what it did in its transaction is not: the worst moment.
    """
    operation = office.world.operations[operation_name]
    attempts: list[int] = []

    def act(call: Call, **params: Any) -> Any:
        answer = operation.function(call, **params)
        if call.step_name != step or call.owner_id != office.owner:
            return answer
        attempts.append(call.attempt)
        if permanent or len(attempts) == 1:
            message = "it broke"
            raise StepFailed(message, permanent=permanent)
        return answer

    catalogue = office.world.operations._operations
    catalogue[operation_name] = replace(operation, function=act)
    try:
        yield attempts
    finally:
        catalogue[operation_name] = operation
