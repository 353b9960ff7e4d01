"""From a lead to a deployed customer, with every trigger of the other workflows switched on."""

from __future__ import annotations

from datetime import timedelta

from app.core.clock import utc_now
from tests.workflows.cases import a_lead, accepted
from tests.workflows.office import Office

NAME = "lead_to_customer"


def test_one_lead_makes_one_customer_one_license_one_tenant_one_order_and_one_payment(office: Office) -> None:
    execution = office.run_workflow(NAME, meanwhile=lambda: accepted(office), **a_lead(office))
    assert execution.state == "completed", execution.error
    office.everything()
    (customer,) = office.rows("SELECT id, status FROM customers")
    assert customer.status == "active"
    (order,) = office.rows("SELECT id, status, payment_status, tenant_id, total_amount, execution_id FROM orders")
    assert (order.status, order.payment_status) == ("active", "paid")
    (payment,) = office.rows("SELECT status, amount FROM payments")
    assert (payment.status, payment.amount) == ("succeeded", order.total_amount)
    assert office.count("licenses", "customer_id = :id", id=customer.id) == office.count("licenses") == 1
    assert office.count("tenants", "id <> :owner", owner=office.owner) == 1
    assert office.count("deployment_instances") == 1
    # what the others would have done about the same events was this one's to do
    for other in (
        "lead_to_customer_onboarding",
        "quote_accepted_to_order",
        "paid_draft_order",
        "payment_received_license",
    ):
        assert office.executions(other) == [], other
    child = office.look(order.execution_id)
    assert (child.parent_id, child.workflow_name) == (execution.id, "order_to_activation")
    assert execution.result is not None
    assert execution.result["process_order"]["order"]["status"] == "active"


def test_an_acceptance_before_the_wait_has_looked_starts_nothing_else_either(office: Office) -> None:
    execution_id = office.start_workflow(NAME, **a_lead(office))
    while not office.count("quotes"):
        _, _, number, undo = office.broker.sent.pop(0)
        office.deliver(execution_id, number, undo=undo)
    accepted(office)
    office.hand_on()
    assert office.step_states(execution_id)["wait_for_quote_acceptance"] == "pending"
    assert office.executions("quote_accepted_to_order") == []
    assert office.carried_out(execution_id).state == "completed"
    assert office.count("orders") == 1


def test_a_quote_that_nobody_accepts_within_seven_days_is_withdrawn(office: Office) -> None:
    execution_id = office.start_workflow(NAME, **a_lead(office))
    office.work()
    assert office.step_states(execution_id)["wait_for_quote_acceptance"] == "waiting"
    office.go_to(utc_now() + timedelta(days=7, minutes=1))
    execution = office.carried_out(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert [row.status for row in office.rows("SELECT status FROM quotes")] == ["withdrawn"]
    assert [row.status for row in office.rows("SELECT status FROM leads")] == ["new"]
    assert office.count("customers") == 0


def test_an_order_that_fails_takes_payment_license_and_quote_with_it(office: Office) -> None:
    execution_id = office.start_workflow(NAME, **a_lead(office))
    office.work()
    accepted(office)
    # what was ordered is not sold any more when the order is checked
    office.sql("UPDATE services SET is_active = false WHERE code = 'billing-invoicing'")
    execution = office.carried_out(execution_id)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert execution.error is not None
    assert execution.error["step"] == "process_order"
    assert "order_to_activation" in execution.error["message"]
    assert [row.status for row in office.rows("SELECT status FROM orders")] == ["cancelled"]
    assert [row.status for row in office.rows("SELECT status FROM payments")] == ["refunded"]
    assert [row.status for row in office.rows("SELECT status FROM licenses")] == ["revoked"]
    assert [row.status for row in office.rows("SELECT status FROM quotes")] == ["withdrawn"]


def test_a_cancel_while_the_order_is_processed_stops_and_undoes_the_order_as_well(office: Office) -> None:
    from app.domains.workflows import service as workflows

    execution_id = office.start_workflow(NAME, **a_lead(office))
    office.work()
    accepted(office)
    office.hand_on()
    while "waiting" not in (states := office.step_states(execution_id))["process_order"]:
        owner, running, number, undo = office.broker.sent.pop(0)
        assert owner == office.owner, states
        office.deliver(running, number, undo=undo)
    with office.session() as session:
        workflows.cancel(session, execution_id=execution_id, reason="changed their mind")
    execution = office.carried_out(execution_id)
    assert (execution.state, execution.rollback) == ("cancelled", "done")
    assert [row.status for row in office.rows("SELECT status FROM orders")] == ["cancelled"]
    assert office.count("tenants", "id <> :owner", owner=office.owner) == 0
