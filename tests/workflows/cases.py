"""How each built-in workflow is run: what there has to be before, and what a customer does meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Any

from app.core.clock import now
from app.core.ids import new_id
from app.domains.billing import service as billing
from app.domains.customers import service as customers
from app.domains.licensing import service as licensing
from app.domains.partners import service as partners
from app.domains.workflows import service as workflows
from pipelines.documents import parse
from tests.workflows.office import Office

POOL = 20


@dataclass(frozen=True)
class Case:
    """`prepare` makes what there has to be and returns the context; `meanwhile` is done once, when the execution waits.

    `left_out`: steps that have nothing to do then.
    """

    workflow: str
    prepare: Callable[[Office], dict[str, Any]]
    meanwhile: Callable[[Office], object] | None = None
    left_out: frozenset[str] = frozenset()

    def run(self, office: Office, context: Mapping[str, Any]) -> workflows.WorkflowExecution:
        meanwhile = self.meanwhile
        return office.run_workflow(
            self.workflow, meanwhile=None if meanwhile is None else lambda: meanwhile(office), **context
        )

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The steps that call something and are not left out in this run."""
        steps = document(self.workflow)["steps"]
        return [step for step in steps if step["type"] == "service_call" and step["name"] not in self.left_out]


def document(workflow: str) -> dict[str, Any]:
    """The definition as it is shipped."""
    found: dict[str, Any] = parse((files("pipelines.builtin") / f"{workflow}.yaml").read_text(encoding="utf-8"))
    return found


def a_lead(office: Office) -> dict[str, Any]:
    return {"lead_id": str(office.lead().id)}


def a_qualified_lead(office: Office) -> dict[str, Any]:
    lead = office.qualified()
    office.settled()
    return {"lead_id": str(lead.id), "deployment_type": "none"}


def a_prepaid_quote(office: Office) -> dict[str, Any]:
    return {"quote_id": str(office.offered().id), "accepted_by": "Ada Lovelace", "payment_type": "prepaid"}


def an_accepted_quote(office: Office) -> dict[str, Any]:
    quote = office.offered()
    office.accept(quote.id)
    office.settled()
    return {"quote_id": str(quote.id)}


def a_partner(office: Office, *, licenses: int = POOL) -> partners.Partner:
    with office.session() as session:
        code = f"p-{new_id().hex[-10:]}"
        partner = partners.create_partner(
            session, fields={"code": code, "name": "Acme Resale", "email": f"{code}@example.com"}
        )
        pool = {"total": licenses, "unit_price": Decimal("12.50"), "currency": "USD"}
        partners.put_pool(session, partner_id=partner.id, template="standard", fields=pool)
        terms = partners.Terms(kind="percentage", currency="USD", rate=Decimal(10))
        partners.create_agreement(session, partner_id=partner.id, terms=terms)
        return partner


def a_wish_of_a_partner(office: Office) -> dict[str, Any]:
    return {
        "partner_id": str(a_partner(office).id),
        "customer_data": {"name": "Grace Hopper", "email": f"{new_id().hex}@example.com"},
        "license_count": 3,
        "white_label_config": {"company_name": "Acme Net", "primary_color": "#123456"},
    }


def a_subscription(office: Office, *, card: str = "pm_card_visa", days_left: int = 10, **terms: Any) -> dict[str, Any]:
    """A yearly subscription that is about to end, of a customer who pays by this card."""
    with office.session() as session:
        new = customers.NewCustomer(email=f"{new_id().hex}@example.com", name="Ada Lovelace", currency="USD")
        customer = customers.create_customer(session, new=new)
        billing.add_method(session, customer_id=customer.id, reference=card)
        licensing.issue_license(session, customer_id=customer.id, key=f"test/{new_id()}", template="standard")
        wanted = {"plan": "standard", "billing_cycle": "annual", "key": f"test/{new_id()}"} | terms
        made = billing.create_subscription(session, customer_id=customer.id, **wanted)
        billing.start_subscription(session, subscription_id=made.id)
        made.current_period_end = (now(session) + timedelta(days=days_left)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        made.anchor_day = made.current_period_end.day
        made.current_period_start = made.current_period_end - timedelta(days=365)
        made.renews_automatically = False
        session.flush()
        return {"subscription_id": str(made.id), "customer_id": str(customer.id)}


def accepted(office: Office) -> None:
    office.accept(office.open_quote())


CASES: Mapping[str, Case] = {
    case.workflow: case
    for case in (
        Case("lead_to_customer_onboarding", a_qualified_lead),
        Case("quote_accepted_to_order", a_prepaid_quote),
        Case("partner_customer_provisioning", a_wish_of_a_partner),
        Case(
            "customer_renewal_process",
            a_subscription,
            accepted,
            frozenset({"close_offer", "check_again", "accept_automatically", "send_expired"}),
        ),
        Case("lead_to_customer", a_lead, accepted),
        Case("quote_accepted", an_accepted_quote),
    )
}
