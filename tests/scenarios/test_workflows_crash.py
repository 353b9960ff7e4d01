"""Each built-in business workflow on real workers, and every step of it costs one of them its child, once.

They die when a step has done all that it does, outside and in its transaction, and has not committed it. Whatever was to happen
outside has happened once: at the gateway, at the SMTP server, on the machine, in the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from app.core.settings import Settings
from app.core.world import World
from app.embedded.mail import MailServer
from tests.scenarios.firm import Firm, open_firm
from tests.workflows.cases import POOL, a_subscription, a_wish_of_a_partner


@pytest.fixture
def firm(
    world: World, client: FlaskClient, mail_server: MailServer, token_for: Callable[..., str], workers: Settings
) -> Firm:
    """A seller of the test's own, over real workers."""
    return open_firm(world, client, mail_server, token_for)


TABLES = (
    "customers",
    "leads",
    "quotes",
    "subscriptions",
    "subscription_extensions",
    "licenses",
    "deployment_instances",
    "tickets",
    "orders",
    "scheduled_deployments",
    "payments",
    "commissions",
)


def there_is(firm: Firm, **expected: int) -> None:
    """That many rows, of everything that is not named none; and as many tenants that answer as were deployed."""
    found = {table: firm.office.count(table) for table in TABLES}
    assert {table: number for table, number in found.items() if number} == expected
    assert len(firm.deployed()) == expected.get("deployment_instances", 0)


def was_mailed(firm: Firm, recipient: str, *templates: str) -> None:
    """These templates, each once, and the SMTP server has taken just so many."""
    rows = firm.office.rows("SELECT template FROM messages WHERE recipient = :to ORDER BY template", to=recipient)
    assert [row.template for row in rows] == sorted(templates)
    mails = firm.mails(recipient)
    assert len(mails) == len(set(mails)) == len(templates), mails


def was_charged(firm: Firm, before: Mapping[str, str]) -> None:
    """One charge more in the gateway's books than before, the one that the payment is about, and nothing given back."""
    (payment,) = firm.office.rows("SELECT status, reference, amount FROM payments")
    new = {reference: Decimal(amount) for reference, amount in firm.charges().items() if reference not in before}
    assert new == {payment.reference: payment.amount}
    assert payment.status == "succeeded"
    assert firm.office.count("refunds") == 0


def a_new_lead(firm: Firm) -> tuple[str, str]:
    """The lead's id and e-mail address."""
    lead = firm.office.lead(deployment_type=None)
    return str(lead.id), str(lead.email)


def test_onboarding_loses_a_worker_at_each_step(firm: Firm) -> None:
    lead_id, email = a_new_lead(firm)
    firm.lose_workers()
    firm.ask(f"/leads/{lead_id}/qualify", {}, expect=200)
    firm.completed(firm.started_by_event("lead_to_customer_onboarding"))
    assert firm.survivors() == set()
    there_is(firm, leads=1, customers=1, subscriptions=1, licenses=1, deployment_instances=1, tickets=1)
    was_mailed(firm, email, "customer_welcome", "onboarding_complete")


def test_an_order_of_a_quote_loses_a_worker_at_each_step(firm: Firm) -> None:
    lead_id, email = a_new_lead(firm)
    firm.ask(f"/leads/{lead_id}/qualify", {}, expect=200)
    firm.completed(firm.started_by_event("lead_to_customer_onboarding"))
    quote = firm.ask("/quotes", {"lead_id": lead_id}, expect=201)
    firm.lose_workers()
    before = firm.charges()
    execution_id = firm.start("quote_accepted_to_order", quote_id=quote["id"], payment_type="prepaid")
    firm.completed(execution_id)
    assert firm.survivors() == set()
    there_is(
        firm,
        leads=1,
        customers=1,
        subscriptions=1,
        licenses=1,
        deployment_instances=1,
        tickets=1,
        quotes=1,
        orders=1,
        payments=1,
        scheduled_deployments=1,
    )
    was_charged(firm, before)
    was_mailed(firm, email, "customer_welcome", "onboarding_complete", "order_confirmation")
    assert firm.office.count("notifications") == 1


def test_a_partners_customer_loses_a_worker_at_each_step(firm: Firm) -> None:
    context = a_wish_of_a_partner(firm.office)
    firm.lose_workers()
    firm.completed(firm.start("partner_customer_provisioning", **context))
    assert firm.survivors() == set()
    there_is(firm, customers=1, licenses=3, deployment_instances=1, commissions=1)
    assert [row.free for row in firm.office.rows("SELECT total - allocated AS free FROM license_pools")] == [POOL - 3]
    (partner,) = firm.office.rows("SELECT email FROM partners")
    was_mailed(firm, partner.email, "partner_customer_provisioned")


def test_a_renewal_loses_a_worker_at_each_step(firm: Firm) -> None:
    context = a_subscription(firm.office)
    firm.quiet()
    firm.lose_workers()
    before = firm.charges()
    (was,) = firm.office.rows("SELECT current_period_end AS at FROM subscriptions")
    execution_id = firm.start("customer_renewal_process", **context)
    firm.accept_offer()
    firm.completed(execution_id)
    assert firm.survivors() == set()
    there_is(firm, customers=1, licenses=1, subscriptions=1, subscription_extensions=1, quotes=1, payments=1)
    was_charged(firm, before)
    (now_,) = firm.office.rows("SELECT current_period_end AS at FROM subscriptions")
    assert now_.at == was.at.replace(year=was.at.year + 1)
    (customer,) = firm.office.rows("SELECT email FROM customers")
    was_mailed(firm, customer.email, "subscription_renewal", "renewal_confirmation")


def became_a_customer(firm: Firm, email: str, before: Mapping[str, str]) -> None:
    """One customer, one license, one tenant that answers, one order and one payment came of one lead."""
    there_is(
        firm,
        leads=1,
        quotes=1,
        customers=1,
        licenses=1,
        deployment_instances=1,
        orders=1,
        payments=1,
        subscriptions=1,
    )
    was_charged(firm, before)
    assert [row.status for row in firm.office.rows("SELECT status FROM orders")] == ["active"]
    # the order's own mails, and this workflow's welcome
    was_mailed(firm, email, "order_confirmation", "customer_welcome", "customer_welcome")


@pytest.mark.parametrize("deadly", [False, True], ids=["by_itself", "with_a_worker_lost_at_each_step"])
def test_a_lead_becomes_one_customer_with_one_of_everything(firm: Firm, deadly: bool) -> None:
    lead_id, email = a_new_lead(firm)
    if deadly:
        firm.lose_workers()
    before = firm.charges()
    execution_id = firm.start("lead_to_customer", lead_id=lead_id)
    firm.accept_offer()
    execution = firm.completed(execution_id)
    if deadly:
        assert firm.survivors() == set()
    became_a_customer(firm, email, before)
    # every trigger is on: what the others would have done about the same events was this one's to do
    names = {row.name for row in firm.office.rows("SELECT DISTINCT workflow_name AS name FROM workflow_executions")}
    assert names == {execution.workflow_name, "order_to_activation"}
