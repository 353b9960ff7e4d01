"""A lead's whole way by HTTP, on real workers, a real mail server, real deployments and the sandbox gateway's books."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from app.core.settings import Settings
from app.core.world import World
from app.domains.billing import service as billing
from app.domains.licensing import service as licensing
from app.domains.ticketing import service as ticketing
from tests.scenarios.processes import kill_child_of
from tests.scenarios.remains import tenant_answer
from tests.scenarios.shop import Shop
from tests.servers import Json, eventually

PERMISSIONS = (
    "lead.create",
    "lead.read",
    "quote.read",
    "quote.accept",
    "workflow:view",
    "workflow:execute",
    "order.read",
)


class Front:
    """What sales sees, by HTTP."""

    def __init__(self, shop: Shop, client: FlaskClient, token: str) -> None:
        self.shop = shop
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, *, expect: int = 200, **more: Any) -> Any:
        client = self._client.application.test_client()
        answer = client.open(f"/api/v1{path}", method=method, headers=self._headers, **more)
        assert answer.status_code == expect, answer.get_data(as_text=True)
        return answer.get_json()

    def lead(self) -> Json:
        name = new_id().hex[-8:]
        lead: Json = self.ask(
            "POST",
            "/leads",
            expect=201,
            json={
                "email": f"{name}@example.com",
                "first_name": "Ada",
                "last_name": "Lovelace",
                "company_name": f"Engines {name}",
                "deployment_region": "us-east-1",
                "currency": "USD",
                "wanted_products": [
                    {"product_code": "subscriber-provisioning", "quantity": 1},
                    {"product_code": "billing-invoicing", "quantity": 1},
                ],
            },
        )
        return lead

    def start(self, workflow: str, **context: Any) -> int:
        answer = self.ask("POST", f"/workflows/execute/{workflow}", expect=202, json=context)
        return int(answer["execution_id"])

    def step(self, execution_id: int, name: str) -> str:
        shown = self.ask("GET", f"/workflows/executions/{execution_id}")
        return next(str(step["status"]) for step in shown["steps"] if step["step_name"] == name)

    def ended(self, execution_id: int) -> Json:
        def look() -> Json | None:
            shown: Json = self.ask("GET", f"/workflows/executions/{execution_id}")
            return shown if shown["status"] in {"completed", "failed", "cancelled"} else None

        return eventually(look, within=120, what=f"the end of execution {execution_id}")  # type: ignore[return-value]

    def accept(self) -> Json:
        """The customer accepts the only open quote."""

        def found() -> list[Json]:
            quotes: list[Json] = self.ask("GET", "/quotes?status=open")
            return quotes

        (quote,) = eventually(found, what="the quote")
        accepted: Json = self.ask("POST", f"/quotes/{quote['id']}/accept", json={"accepted_by": "Ada Lovelace"})
        return accepted

    def count(self, table: str, where: str = "true") -> int:
        return int(self.shop.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


@pytest.fixture
def front(shop: Shop, world: World, client: FlaskClient, token_for: Callable[..., str]) -> Front:
    """A seller with plan, license template and ticket targets besides its catalogue."""
    with world.database.transaction(shop.owner_id) as session:
        billing.seed(session)
        licensing.seed(session)
        ticketing.seed(session)
    return Front(shop, client, token_for(*PERMISSIONS, owner_id=shop.owner_id))


def check_one_of_each(front: Front, lead: Json) -> None:
    """One customer, one license, one tenant, one order and one payment, and what the customer has got of them."""
    assert front.count("customers") == front.count("licenses") == front.count("payments") == front.count("orders") == 1
    (order,) = front.shop.rows("SELECT id, status, payment_status, organization_slug, activation_url FROM orders")
    assert (order.status, order.payment_status) == ("active", "paid")
    assert front.count("tenants", f"slug = '{order.organization_slug}'") == 1
    assert tenant_answer(front.shop.settings, order.organization_slug, "/health").status_code == 200
    (payment,) = front.shop.rows("SELECT status, reference FROM payments")
    assert payment.status == "succeeded"
    assert payment.reference is not None

    def sent() -> bool:
        return not front.count("messages", "status = 'queued'")

    eventually(sent, what="the mails to be sent")
    subjects = {str(mail["Subject"]).partition(" ")[0] for mail in front.shop.mails_to(lead["email"])}
    assert "Welcome," in subjects


def test_a_lead_is_a_deployed_customer_with_every_other_trigger_switched_on(front: Front) -> None:
    lead = front.lead()
    execution_id = front.start("lead_to_customer", lead_id=lead["id"])
    eventually(lambda: front.step(execution_id, "wait_for_quote_acceptance") == "waiting", what="the wait")
    front.accept()
    ended = front.ended(execution_id)
    assert ended["status"] == "completed", ended
    check_one_of_each(front, lead)
    names = {row.workflow_name for row in front.shop.rows("SELECT DISTINCT workflow_name FROM workflow_executions")}
    assert names == {"lead_to_customer", "order_to_activation"}


def test_a_worker_that_is_killed_in_the_middle_costs_nothing_but_time(
    front: Front, settings: Settings, sql: Callable[[str], list[tuple[Any, ...]]]
) -> None:
    lead = front.lead()
    execution_id = front.start("lead_to_customer", lead_id=lead["id"])
    eventually(lambda: front.step(execution_id, "wait_for_quote_acceptance") == "waiting", what="the wait")
    front.accept()
    for step in ("process_payment", "process_order"):
        eventually(lambda name=step: front.step(execution_id, name) in {"running", "waiting", "completed"}, what=step)
        for worker in ("w1", "w2"):
            kill_child_of(f"{worker}@")
    ended = front.ended(execution_id)
    assert ended["status"] == "completed", ended
    check_one_of_each(front, lead)
    assert sql(
        f"SELECT count(*) FROM execution_effects WHERE execution_id = {execution_id} AND state = 'intended'"
    ) == [(0,)]


def test_a_cancelled_lead_leaves_nothing_but_its_history(front: Front) -> None:
    lead = front.lead()
    started = front.start("lead_to_customer", lead_id=lead["id"])
    eventually(lambda: front.step(started, "wait_for_quote_acceptance") == "waiting", what="the wait")
    front.ask("POST", f"/workflows/executions/{started}/cancel", json={"reason": "another way"}, expect=202)
    assert front.ended(started)["status"] == "cancelled"
    assert front.count("customers") == 0
