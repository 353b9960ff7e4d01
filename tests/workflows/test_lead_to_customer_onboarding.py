"""From a qualified lead to a customer with subscription, license and tenant."""

from __future__ import annotations

from app.domains.crm import service as crm
from tests.workflows.cases import a_qualified_lead
from tests.workflows.office import Office

NAME = "lead_to_customer_onboarding"


def test_a_qualified_lead_is_a_customer_with_all_that_belongs_to_it(office: Office) -> None:
    context = a_qualified_lead(office)
    execution = office.run_workflow(NAME, region=None, **context)
    assert execution.state == "completed", execution.error
    (customer,) = office.rows("SELECT id, email, name, status FROM customers")
    assert customer.status == "active"
    (lead,) = office.rows("SELECT status, customer_id FROM leads")
    assert (lead.status, lead.customer_id) == ("converted", customer.id)
    (subscription,) = office.rows("SELECT id, customer_id, status FROM subscriptions")
    assert (subscription.customer_id, subscription.status) == (customer.id, "pending")
    (license_,) = office.rows("SELECT customer_id, subscription_id, status, license_key FROM licenses")
    assert (license_.customer_id, license_.subscription_id, license_.status) == (customer.id, subscription.id, "active")
    assert office.count("deployment_instances", "state = 'active'") == 1
    (ticket,) = office.rows("SELECT title, priority, assigned_team, ticket_type, customer_id FROM tickets")
    assert ticket.title == "New Customer Onboarding"
    assert (ticket.priority, ticket.assigned_team, ticket.ticket_type) == ("high", "onboarding_team", "general_inquiry")
    assert office.mails("customer_welcome") == [customer.email]
    assert office.mails("onboarding_complete") == [customer.email]


def test_it_starts_by_itself_when_a_lead_is_qualified(office: Office) -> None:
    lead = office.qualified(deployment_type=None)
    office.everything()
    (execution,) = office.executions(NAME)
    assert (execution.trigger_type, execution.context["lead_id"]) == ("event", str(lead.id))
    assert office.carried_out(execution.id).state == "completed"
    assert office.count("licenses") == 1


def test_a_lead_that_is_not_qualified_becomes_no_customer(office: Office) -> None:
    lead = office.lead()
    execution = office.run_workflow(NAME, lead_id=str(lead.id))
    assert (execution.state, execution.error) != ("completed", None)
    assert execution.error is not None
    assert execution.error["step"] == "create_customer"
    assert office.count("customers") == 0
    with office.session() as session:
        assert crm.get_lead(session, lead_id=lead.id).status == "new"


def test_a_plan_that_there_is_not_undoes_the_customer(office: Office) -> None:
    execution = office.run_workflow(NAME, plan_id="no-such-plan", **a_qualified_lead(office))
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert [row.status for row in office.rows("SELECT status FROM customers")] == ["prospect"]
    assert [row.status for row in office.rows("SELECT status FROM leads")] == ["qualified"]
