"""A subscription that is about to end: offered, accepted, paid for and extended, or not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.core.clock import utc_now
from app.domains.billing import service as billing
from app.domains.crm import service as crm
from app.jobs import JOBS
from tests.workflows.cases import a_subscription, accepted
from tests.workflows.office import Office

NAME = "customer_renewal_process"


def subscription(office: Office, context: dict[str, Any]) -> billing.Subscription:
    with office.session() as session:
        return billing.get_subscription(session, subscription_id=UUID(context["subscription_id"]))


def end_of(office: Office, context: dict[str, Any]) -> datetime:
    end = subscription(office, context).current_period_end
    assert end is not None
    return end


def waiting(office: Office, context: dict[str, Any]) -> int:
    """An execution that has made its offer and waits for the answer."""
    execution_id = office.start_workflow(NAME, **context)
    office.work()
    assert office.step_states(execution_id)["wait_for_acceptance"] == "waiting"
    return execution_id


def test_an_accepted_offer_is_paid_and_extends_the_subscription_once(office: Office) -> None:
    context = a_subscription(office)
    end = end_of(office, context)
    execution = office.run_workflow(NAME, meanwhile=lambda: accepted(office), **context)
    assert execution.state == "completed", execution.error
    assert end_of(office, context) == end.replace(year=end.year + 1)
    (payment,) = office.rows("SELECT status, amount FROM payments")
    (quote,) = office.rows("SELECT status, kind, total_amount FROM quotes")
    assert (payment.status, quote.status, quote.kind) == ("succeeded", "accepted", "renewal")
    assert payment.amount == quote.total_amount
    assert len(office.mails("subscription_renewal")) == len(office.mails("renewal_confirmation")) == 1
    assert office.mails("subscription_expired") == []
    # a renewal orders nothing
    office.everything()
    assert office.count("orders") == 0
    assert office.executions("quote_accepted_to_order") == []


def test_a_term_and_a_discount_of_its_own(office: Office) -> None:
    context = a_subscription(office) | {"renewal_term": 24, "discount_percentage": 10}
    end = end_of(office, context)
    execution = office.run_workflow(NAME, meanwhile=lambda: accepted(office), **context)
    assert execution.state == "completed", execution.error
    assert end_of(office, context) == end.replace(year=end.year + 2)
    (quote,) = office.rows("SELECT subtotal, discount_amount FROM quotes")
    assert quote.discount_amount * 10 == quote.subtotal


def test_a_quote_that_was_made_before_is_extended_by_the_term_that_it_says(office: Office) -> None:
    context = a_subscription(office)
    end = end_of(office, context)
    with office.session() as session:
        crm.create_renewal_quote(
            session, subscription_id=UUID(context["subscription_id"]), key="by hand", term_months=24
        )
    execution = office.run_workflow(NAME, meanwhile=lambda: accepted(office), **context)
    assert execution.state == "completed", execution.error
    assert office.count("quotes") == 1
    assert end_of(office, context) == end.replace(year=end.year + 2)


def test_what_is_not_eligible_ends_completed_with_the_reasons_and_without_quote_or_charge(office: Office) -> None:
    context = a_subscription(office)
    with office.session() as session:
        billing.cancel_subscription(session, subscription_id=UUID(context["subscription_id"]), at_period_end=True)
    execution = office.run_workflow(NAME, **context)
    assert (execution.state, execution.error) == ("completed", None)
    assert execution.result is not None
    assert execution.result["not_eligible"] == {
        "reasons": ["The subscription was cancelled for the end of its period."]
    }
    assert execution.result["check_eligibility"]["renewal"]["eligible"] is False
    assert "create_renewal_quote" not in execution.result
    assert office.count("quotes") == office.count("payments") == 0
    assert office.mails() == []


def test_what_is_not_accepted_in_time_expires_and_the_customer_is_told(office: Office) -> None:
    context = a_subscription(office)
    execution_id = waiting(office, context)
    end = end_of(office, context)
    office.go_to(end + timedelta(seconds=1))
    execution = office.carried_out(execution_id)
    assert execution.state == "completed", execution.error
    assert [row.status for row in office.rows("SELECT status FROM quotes")] == ["expired"]
    assert len(office.mails("subscription_expired")) == 1
    assert office.mails("renewal_confirmation") == []
    assert office.count("payments") == 0
    assert end_of(office, context) == end


def test_an_acceptance_in_the_eleventh_hour_counts_though_nobody_was_told_of_it_yet(office: Office) -> None:
    context = a_subscription(office)
    execution_id = waiting(office, context)
    end = end_of(office, context)
    office.go_to(end - timedelta(seconds=5))
    accepted(office)
    # the event is still on its way when the wait's time is over
    office.go_to(end + timedelta(seconds=5))
    office.tick()
    office.work()
    assert office.step_states(execution_id)["wait_for_acceptance"] == "completed"
    assert office.carried_out(execution_id).state == "completed"
    assert [row.status for row in office.rows("SELECT status FROM payments")] == ["succeeded"]
    assert office.mails("subscription_expired") == []


def test_what_renews_by_itself_is_accepted_shortly_before_its_end(office: Office) -> None:
    context = a_subscription(office)
    office.sql("UPDATE subscriptions SET renews_automatically = true")
    execution_id = waiting(office, context)
    end = end_of(office, context)
    office.go_to(end - timedelta(hours=23))
    execution = office.carried_out(execution_id)
    assert execution.state == "completed", execution.error
    (quote,) = office.rows("SELECT status, accepted_by FROM quotes")
    assert (quote.status, quote.accepted_by) == ("accepted", "automatic renewal")
    assert end_of(office, context) == end.replace(year=end.year + 1)


def test_who_has_cancelled_meanwhile_is_not_renewed_though_it_would_renew_by_itself(office: Office) -> None:
    context = a_subscription(office)
    office.sql("UPDATE subscriptions SET renews_automatically = true")
    execution_id = waiting(office, context)
    with office.session() as session:
        billing.cancel_subscription(session, subscription_id=UUID(context["subscription_id"]), at_period_end=True)
    end = end_of(office, context)
    office.go_to(end - timedelta(hours=23))
    for _ in range(3):
        office.tick()
        office.work()
        office.hand_on()
    assert office.step_states(execution_id)["accept_automatically"] == "skipped"
    assert office.count("payments") == 0
    office.go_to(end + timedelta(seconds=1))
    assert office.carried_out(execution_id).state == "completed"
    assert len(office.mails("subscription_expired")) == 1


def test_who_rejects_the_offer_is_not_renewed(office: Office) -> None:
    context = a_subscription(office)
    office.sql("UPDATE subscriptions SET renews_automatically = true")
    execution_id = waiting(office, context)
    with office.session() as session:
        crm.reject_quote(session, quote_id=UUID(office.open_quote()))
    office.go_to(end_of(office, context) + timedelta(seconds=1))
    assert office.carried_out(execution_id).state == "completed"
    assert office.count("payments") == 0
    assert office.step_states(execution_id)["accept_automatically"] == "skipped"


def test_a_soft_decline_is_tried_again_on_its_days_and_the_renewal_goes_on_when_it_is_paid(office: Office) -> None:
    context = a_subscription(office, card="pm_card_chargeDeclinedInsufficientFunds", days_left=20)
    end = end_of(office, context)
    execution_id = waiting(office, context)
    accepted(office)
    for _ in range(3):
        office.hand_on()
        office.work()
    assert office.step_states(execution_id)["wait_for_payment"] == "waiting"
    assert [row.status for row in office.rows("SELECT status FROM payables")] == ["dunning"]
    assert len(office.mails("payment_failed")) == 1
    began = utc_now()
    for day in (1, 3):
        office.go_to(began + timedelta(days=day, minutes=5))
        JOBS["collect_payments"].run(office.world)
    assert office.count("payments", "status = 'failed'") == 3
    with office.session() as session:
        billing.add_method(session, customer_id=UUID(context["customer_id"]), reference="pm_card_visa")
    office.go_to(began + timedelta(days=5, minutes=5))
    JOBS["collect_payments"].run(office.world)
    execution = office.carried_out(execution_id)
    assert execution.state == "completed", execution.error
    assert office.count("payments", "status = 'succeeded'") == 1
    assert end_of(office, context) == end.replace(year=end.year + 1)
    assert len(office.mails("renewal_confirmation")) == 1


def test_a_payment_that_is_given_up_extends_nothing_and_the_customer_is_told_at_the_end(office: Office) -> None:
    context = a_subscription(office, card="pm_card_chargeDeclinedInsufficientFunds", days_left=20)
    end = end_of(office, context)
    execution_id = waiting(office, context)
    accepted(office)
    for _ in range(3):
        office.hand_on()
        office.work()
    began = utc_now()
    for day in (1, 3, 5, 7, 8, 15):
        office.go_to(began + timedelta(days=day, minutes=5))
        JOBS["collect_payments"].run(office.world)
    assert [row.status for row in office.rows("SELECT status FROM payables")] == ["withdrawn"]
    assert subscription(office, context).renewal_quote_id is None
    for _ in range(3):
        office.hand_on()
        office.work()
    assert office.step_states(execution_id)["wait_for_end"] == "waiting"
    assert office.mails("subscription_expired") == []
    office.go_to(end + timedelta(seconds=1))
    execution = office.carried_out(execution_id)
    assert execution.state == "completed", execution.error
    assert end_of(office, context) == end
    assert len(office.mails("subscription_expired")) == 1


def test_a_notice_starts_it_once_for_a_period(office: Office) -> None:
    context = a_subscription(office)
    for _ in range(2):
        JOBS["announce_expiring_subscriptions"].run(office.world)
        office.hand_on()
    (execution,) = office.executions(NAME)
    assert execution.context["subscription_id"] == context["subscription_id"]
    assert office.carried_out(execution.id, meanwhile=lambda: accepted(office)).state == "completed"
