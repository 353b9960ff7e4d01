"""The short form, and what answers payments and the checkout address."""

from __future__ import annotations

from decimal import Decimal

from app.domains.billing import service as billing
from app.domains.sales import service as sales
from tests.domains.sales.conftest import new_order
from tests.workflows.cases import a_prepaid_quote, an_accepted_quote
from tests.workflows.office import Office


def a_draft(office: Office) -> sales.Order:
    with office.session() as session:
        order = sales.create_order(session, new=new_order(deployment_region=None))
        billing.put_payable(
            session,
            source_type="order",
            source_id=str(order.id),
            amount=order.total_amount,
            currency=order.currency,
            description=f"Order {order.order_number}",
        )
        return order


def test_the_short_form_makes_an_order_and_submits_it(office: Office) -> None:
    execution = office.run_workflow("quote_accepted", **an_accepted_quote(office))
    assert execution.state == "completed", execution.error
    office.everything()
    assert [row.status for row in office.rows("SELECT status FROM orders")] == ["active"]


def test_the_short_form_may_leave_the_processing_to_somebody_else(office: Office) -> None:
    execution = office.run_workflow("quote_accepted", auto_activate=False, **an_accepted_quote(office))
    assert execution.state == "completed", execution.error
    assert [row.status for row in office.rows("SELECT status FROM orders")] == ["submitted"]


def test_a_payment_for_a_draft_submits_it(office: Office) -> None:
    order = a_draft(office)
    assert office.run_workflow("order_checkout", order_id=order.id).state == "completed"
    office.everything()
    paid = office.order(order.id)
    assert (paid.status, paid.payment_status) == ("active", "paid")
    assert paid.payment_reference is not None
    assert office.count("payments") == 1


def test_who_pays_twice_is_charged_once(office: Office) -> None:
    order = a_draft(office)
    first = office.start_workflow("order_checkout", order_id=order.id)
    second = office.start_workflow("order_checkout", order_id=order.id)
    assert office.carried_out(first).state == office.carried_out(second).state == "completed"
    assert office.count("payments", "status = 'succeeded'") == office.count("payments") == 1


def test_a_payment_of_another_amount_submits_nothing(office: Office) -> None:
    order = a_draft(office)
    execution = office.run_workflow(
        "paid_draft_order", order_id=order.id, amount="0.01", currency=order.currency, payment_reference="pi_1"
    )
    assert execution.state == "completed", execution.error
    assert execution.result is not None
    assert execution.result["receive_payment"]["submitted"] is False
    assert office.order(order.id).status == "draft"


def test_a_payment_of_a_customer_without_a_license_issues_one_and_only_one(office: Office) -> None:
    execution = office.run_workflow("quote_accepted_to_order", **a_prepaid_quote(office))
    assert execution.state == "completed", execution.error
    office.everything()
    (customer,) = office.rows("SELECT id FROM customers")
    assert office.count("licenses", "customer_id = :id AND status = 'active'", id=customer.id) == 1
    again = office.run_workflow("payment_received_license", customer_id=str(customer.id))
    assert (again.state, again.error) == ("completed", None)
    assert office.step_states(again.id)["issue_license"] == "skipped"
    assert office.count("licenses") == 1


def test_an_order_that_fails_owes_nothing_and_owes_again_when_it_is_processed_again(office: Office) -> None:
    order = a_draft(office)
    office.sql("UPDATE services SET is_active = false WHERE code = 'billing-invoicing'")
    with office.session() as session:
        sales.submit_order(session, order_id=order.id, auto_activate=True)
    office.everything()
    assert office.order(order.id).status == "failed"
    assert office.count("payables") == 0
    office.sql("UPDATE services SET is_active = true")
    with office.session() as session:
        sales.process_order(session, order_id=order.id)
    office.everything()
    assert office.order(order.id).status == "active"
    (payable,) = office.rows("SELECT amount, status FROM payables")
    assert (payable.amount, payable.status) == (order.total_amount, "open")
    assert payable.amount > Decimal(0)
