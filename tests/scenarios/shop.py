"""A seller with a catalogue of its own, and what a test does with its orders: by HTTP, as customers and staff do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.catalog import service as catalog
from app.domains.deployments import service as deployments
from app.domains.tenants import service as tenants
from app.embedded.mail import MailServer
from tests.servers import Json, eventually

API = "/api/v1/orders"
PUBLIC = "/api/public/orders"
ENDED = frozenset({"active", "failed", "cancelled"})
TEST_CODES = ("test-alpha", "test-beta", "test-gamma")
STARTER = ("subscriber-provisioning", "billing-invoicing")

PERMISSIONS = tuple(f"order.{action}" for action in ("read", "create", "update", "submit", "process", "delete"))


def fresh_slug() -> str:
    return f"isp-{new_id().hex[-12:]}"


def order_document(**changes: Any) -> Json:
    """A starter order under a slug, address and company that nobody else has."""
    slug = changes.get("organization_slug") or fresh_slug()
    order: Json = {
        "customer_email": f"{slug}@example.com",
        "customer_name": "John Smith",
        "company_name": f"Example {slug}",
        "organization_slug": slug,
        "deployment_region": "us-east-1",
        "selected_services": [{"service_code": code, "quantity": 1} for code in STARTER],
        "billing_cycle": "monthly",
    }
    return order | changes


@dataclass(frozen=True)
class Shop:
    """One owner's orders. What it returns of an order is what the API answers."""

    world: World
    client: FlaskClient
    mail_server: MailServer
    owner_id: UUID
    token: str

    @property
    def settings(self) -> Settings:
        return self.world.settings

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        """A request with all permissions on orders; by a client of its own, so that threads may call at once."""
        client = self.client.application.test_client()
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        return client.open(f"{API}{path}", method=method, headers=headers, **more)

    def ask(self, method: str, path: str, *, expect: int = 200, **more: Any) -> Any:
        """The same, and its answer as JSON; fails when it answers with another status."""
        response = self.call(method, path, **more)
        assert response.status_code == expect, response.get_data(as_text=True)
        return response.get_json()

    def draft(self, **changes: Any) -> Json:
        made: Json = self.ask("POST", "", json=order_document(**changes), expect=201)
        return made

    def services(self, *codes: str, base: tuple[str, ...] = STARTER, **behaviours: Json) -> Json:
        """Fields of an order of these codes besides `base`; a behaviour is for `alpha`, `beta` or `gamma`."""
        wanted = [*base, *codes, *(f"test-{name}" for name in behaviours)]
        return {
            "selected_services": [{"service_code": code} for code in dict.fromkeys(wanted)],
            "service_configuration": {f"test-{name}": behaviour for name, behaviour in behaviours.items()},
        }

    def submit(self, order: Json, *, begin: bool = True) -> Json:
        submitted: Json = self.ask("POST", f"/{order['id']}/submit", json={"auto_activate": begin}, expect=202)
        return submitted

    def place(self, *, begin: bool = True, **changes: Any) -> Json:
        return self.submit(self.draft(**changes), begin=begin)

    def process(self, order: Json) -> int:
        """Begin, or process again; the execution's number."""
        return int(self.ask("POST", f"/{order['id']}/process", expect=202)["execution_id"])

    def cancel(self, order: Json) -> Json:
        cancelled: Json = self.ask("DELETE", f"/{order['id']}")
        return cancelled

    def order(self, order: Json) -> Json:
        found: Json = self.ask("GET", f"/{order['id']}")
        return found

    def until(self, order: Json, *statuses: str, within: float = 60.0) -> Json:
        """The order once it has one of these states; fails at once when it has ended in another."""

        def look() -> Json | None:
            found = self.order(order)
            if found["status"] in statuses:
                return found
            assert found["status"] not in ENDED, found
            return None

        found = eventually(look, within=within, what=f"order {order['id']} to be {' or '.join(statuses)}")
        assert found is not None
        return found

    def active(self, order: Json, **more: Any) -> Json:
        return self.until(order, "active", **more)

    def over(self, order: Json) -> Json:
        """The order once nothing of it goes on: its execution ends after its last mails are queued."""
        eventually(lambda: not self.goes_on(order), what=f"the execution of order {order['id']} to end")
        return self.order(order)

    def goes_on(self, order: Json) -> bool:
        """Whether an execution of the order is at work."""
        return any(state in {"running", "waiting"} for state, _ in self.executions(order))

    def activations(self, order: Json) -> dict[str, Json]:
        return {each["service_code"]: each for each in self.order(order)["activations"]}

    def activation_states(self, order: Json) -> dict[str, str]:
        return {code: each["activation_status"] for code, each in self.activations(order).items()}

    def until_at_work(self, order: Json, code: str) -> None:
        """Return when the test service of that code has begun its work."""
        step = f"activate_{code.replace('-', '_')}"
        eventually(lambda: step in self.calls(order, "attempt"), what=f"{step} to be at work")

    def history(self, order: Json) -> list[str]:
        return [row["to_status"] for row in self.ask("GET", f"/{order['id']}/history")]

    def summary(self) -> Json:
        summary: Json = self.ask("GET", "/stats/summary")
        return summary

    def status(self, order: Json) -> Json:
        """What the customer sees."""
        response = self.client.get(f"{PUBLIC}/{order['order_number']}/status")
        assert response.status_code == 200
        shown: Json = response.get_json()
        return shown

    def calls(self, order: Json, what: str) -> list[str]:
        """The steps of test services, in all executions of the order, that noted this; in that order."""
        return [str(row[0]) for row in self._rows("step", order, what)]

    def call_times(self, order: Json, what: str) -> list[Any]:
        """When they did."""
        return [row[0] for row in self._rows("at", order, what)]

    def call_pids(self, order: Json, what: str) -> list[int]:
        """In which processes they did."""
        return [int(row[0]) for row in self._rows("pid", order, what)]

    def _rows(self, column: str, order: Json, what: str) -> list[Any]:
        query = f"""
            SELECT c.{column} FROM test_calls c JOIN workflow_executions e ON e.id = c.execution_id
            WHERE e.correlation_id = :number AND c.what = :what ORDER BY c.id
            """
        return self.rows(query, number=order["order_number"], what=what)

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        """Rows as the shop itself sees them."""
        with self.world.database.transaction(self.owner_id) as session:
            return list(session.execute(text(query), parameters))

    def executions(self, order: Json) -> list[tuple[str, str]]:
        """State and rollback of every execution of the order."""
        query = "SELECT state, rollback FROM workflow_executions WHERE correlation_id = :number ORDER BY id"
        return [(row.state, row.rollback) for row in self.rows(query, number=order["order_number"])]

    def events(self, order: Json) -> list[str]:
        """Types of the order's own events, in order."""
        query = "SELECT type FROM outbox WHERE subject = :subject AND type LIKE 'order.%' ORDER BY position"
        return [row.type for row in self.rows(query, subject=f"order/{order['id']}")]

    def raise_flag(self, name: str) -> None:
        """Let go the services that block on it; mend those that are broken until then."""
        with self.world.database.transaction(self.owner_id) as session:
            session.execute(text("INSERT INTO test_flags VALUES (:name) ON CONFLICT DO NOTHING"), {"name": name})

    def mails(self, order: Json) -> list[Message]:
        """What the customer has got, once nothing is going on or on its way; in the order in which it was sent."""
        query = "SELECT count(*) FILTER (WHERE status <> 'delivered') AS open, count(*) AS all FROM messages WHERE recipient = :to"

        def sent() -> tuple[int] | None:
            if self.goes_on(order):  # asked first: what ends afterwards may have queued one more
                return None
            row = self.rows(query, to=order["customer_email"])[0]
            return None if row.open else (row.all,)

        expected = eventually(sent, what="the mails to be delivered")
        mails = self.mails_to(order["customer_email"])
        assert (len(mails),) == expected, "the SMTP server and the messages' states disagree"
        return mails

    def subjects(self, order: Json) -> list[str]:
        """The subjects of those mails, without the order's own number and name, in order of the alphabet."""
        return sorted(
            str(mail["Subject"]).replace(order["order_number"], "#").replace(order["company_name"], "@")
            for mail in self.mails(order)
        )

    def mails_to(self, recipient: str) -> list[Message]:
        """What the SMTP server has kept for a recipient."""
        mails = (message_from_bytes(path.read_bytes(), policy=default) for path in self.mail_server.mails())
        return [mail for mail in mails if mail["X-Envelope-To"] == recipient]

    def notices(self, about: str) -> list[Message]:
        """What operations have got with this in its subject."""
        return [mail for mail in self.mails_to(self.settings.operations_email) if about in str(mail["Subject"])]


CONFIRMED = "We have received your order #"
WELCOME = "Welcome, @: your services are ready"
FAILED = "Your order # could not be completed"
CANCELLED = "Your order # has been cancelled"


def text_of(mail: Message) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))  # type: ignore[attr-defined]
    return str(part.get_content())


def open_shop(world: World, client: FlaskClient, mail_server: MailServer, token_for: Callable[..., str]) -> Shop:
    """A seller of the test's own, with the seeded catalogue and the test services behind the standard sequence."""
    with world.database.transaction(OPERATOR_ID) as session:
        name = f"s{new_id().hex[-12:]}"
        owner_id = tenants.create_tenant(session, name=name, slug=name).id
    with world.database.transaction(owner_id) as session:
        catalog.seed(session)
        deployments.seed(session)
        activation.seed(session)
        for code in TEST_CODES:
            catalog.create_service(session, code=code, name=code.replace("-", " ").title())
            catalog.set_price(session, service_code=code, currency="USD", unit_price=Decimal("10.00"))
    return Shop(world, client, mail_server, owner_id, token_for(*PERMISSIONS, owner_id=owner_id))


def set_sequence(shop: Shop, *test_services: Json, **more: Any) -> None:
    """The standard sequence and then these entries for test services; `more`: other fields of the activation workflow."""
    with shop.world.database.transaction(shop.owner_id) as session:
        workflow = activation.choose_workflow(session, template_id=None)
        standard = [entry for entry in workflow.service_sequence if entry["service"] not in TEST_CODES]
        entries = [
            {"sequence": len(standard) + place, "depends_on": ["billing-invoicing"], "max_retries": 0, **entry}
            for place, entry in enumerate(test_services, start=1)
        ]
        activation.update_workflow(
            session, workflow_id=workflow.id, fields={"service_sequence": standard + entries, **more}
        )
