"""From an accepted quote to an order that is scheduled: paid in advance, or later."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from app.core.clock import utc_now
from app.jobs import JOBS
from tests.workflows.cases import a_prepaid_quote
from tests.workflows.office import Office

NAME = "quote_accepted_to_order"


def test_a_postpaid_quote_is_not_charged_and_everything_after_the_payment_runs(office: Office) -> None:
    quote = office.offered()
    execution = office.run_workflow(NAME, quote_id=str(quote.id), deployment_date=_in_days(3))
    assert execution.state == "completed", execution.error
    states = office.step_states(execution.id)
    assert states["process_payment"] == states["wait_for_payment"] == "skipped"
    assert {name for name, state in states.items() if state == "completed"} == {
        "mark_quote_accepted",
        "create_order",
        "schedule_deployment",
        "notify_customer",
        "notify_team",
    }
    assert office.count("payments") == 0
    (order,) = office.rows("SELECT status, external_order_id, quote_id, total_amount, customer_email FROM orders")
    assert (order.status, order.quote_id, order.total_amount) == ("draft", quote.id, quote.total_amount)
    assert order.external_order_id == f"QUOTE-{quote.quote_number}"
    assert office.mails("order_confirmation") == [order.customer_email]
    (payable,) = office.rows("SELECT status, amount FROM payables")
    assert (payable.status, payable.amount) == ("open", quote.total_amount)


def test_a_prepaid_quote_is_charged_once_and_its_draft_waits_for_its_time(office: Office) -> None:
    execution = office.run_workflow(NAME, deployment_date=_in_days(3), **a_prepaid_quote(office))
    assert execution.state == "completed", execution.error
    office.everything()
    assert len(office.executions(NAME)) == 1, "its own acceptance has started it again"
    (payment,) = office.rows("SELECT status, amount FROM payments")
    assert payment.status == "succeeded"
    (order,) = office.rows("SELECT status, total_amount FROM orders")
    # the payment is this execution's own affair: paid_draft_order does not submit it before its time
    assert (order.status, order.total_amount) == ("draft", payment.amount)
    assert office.executions("paid_draft_order") == []


def test_a_declined_card_fails_with_the_gateways_reason_and_undoes_order_and_acceptance(office: Office) -> None:
    context = a_prepaid_quote(office) | {"payment_method": "pm_card_chargeDeclined"}
    execution = office.run_workflow(NAME, **context)
    assert (execution.state, execution.rollback) == ("failed", "done")
    assert execution.error is not None
    assert "declined" in execution.error["message"]
    assert [row.status for row in office.rows("SELECT status FROM orders")] == ["cancelled"]
    assert [row.status for row in office.rows("SELECT status FROM quotes")] == ["open"]


def test_the_acceptance_of_a_new_quote_starts_it(office: Office) -> None:
    quote = office.offered()
    office.accept(quote.id)
    office.everything()
    (execution,) = office.executions(NAME)
    assert execution.context["quote_id"] == str(quote.id)
    assert office.count("orders") == 1


def test_two_executions_about_one_quote_make_one_order(office: Office) -> None:
    quote = office.offered()
    first = office.start_workflow(NAME, quote_id=str(quote.id))
    second = office.start_workflow(NAME, quote_id=str(quote.id))
    assert office.carried_out(first).state == office.carried_out(second).state == "completed"
    office.everything()
    assert office.count("orders") == 1
    assert office.count("scheduled_deployments") == 1


def test_a_scheduled_deployment_that_is_due_submits_and_processes_the_order(office: Office) -> None:
    quote = office.offered()
    office.run_workflow(NAME, quote_id=str(quote.id), deployment_date=_in_days(3))
    office.go_to(utc_now() + timedelta(days=4))
    JOBS["start_due_deployments"].run(office.world)
    office.hand_on()
    (execution,) = office.executions("scheduled_deployment")
    assert office.carried_out(execution.id).state == "completed"
    (order,) = office.rows("SELECT status, execution_id FROM orders")
    assert order.status == "active"
    with office.session() as session:
        parent = session.execute(
            text("SELECT parent_id FROM workflow_executions WHERE id = :id"), {"id": order.execution_id}
        ).scalar_one()
    assert parent == execution.id


def _in_days(days: int) -> str:
    return (utc_now() + timedelta(days=days)).isoformat()
