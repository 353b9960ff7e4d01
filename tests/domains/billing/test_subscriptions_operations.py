"""Subscriptions in a workflow: made, renewed, stopped, and undone again."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.core.errors import Invalid
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import PayableNotFound, QuoteOfAnother, QuoteUnpaid
from app.domains.billing.operations import OPERATIONS
from pipelines.errors import StepFailed
from tests.calls import DirectCall

START = datetime(2034, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def run(database, owner):
    """A function that runs the step of that key; returns its output and its effects."""

    def step(name, *, key="key", **params):
        operation = OPERATIONS[f"billing_service.{name}"]
        with ExitStack() as stack:
            call = DirectCall(database, owner, idempotency_key=f"{owner}/{key}", _stack=stack)
            return operation.function(call, **operation.bind(params)), call.effects

    return step


@pytest.fixture
def undo(run):
    """A function that undoes an effect of an operation."""

    def undone(name, effect):
        return run(OPERATIONS[f"billing_service.{name}"].undone_by.removeprefix("billing_service."), **effect.undo)[0]

    return undone


def test_a_customer_subscribes_and_its_undo_cancels(clock, run, undo, customer, sell):
    clock(START)
    plan = sell()
    output, (effect,) = run("create_subscription", customer_id=str(customer), plan_id=plan.code, quantity=2)
    shown = output["subscription"]
    assert output["subscription_id"] == shown["id"] == effect.reference
    assert (shown["status"], shown["amount"], shown["currency"]) == ("pending", "60.00", "USD")
    assert (shown["current_period_start"], shown["current_period_end"]) == (
        "2034-01-31T00:00:00+00:00",
        "2034-02-28T00:00:00+00:00",
    )
    assert shown["renews_automatically"] is True
    for _ in range(2):
        assert undo("create_subscription", effect)["subscription"]["status"] == "cancelled"


def test_another_attempt_of_the_step_finds_its_subscription(run, customer, sell):
    params = {"customer_id": str(customer), "plan_id": str(sell().id), "start_date": "2034-05-01", "trial_days": 7}
    (first, effects), (second, again) = (run("create_subscription", **params) for _ in range(2))
    assert (first, effects) == (second, again)
    assert first["subscription"]["trial_ends_at"] == "2034-05-08T00:00:00+00:00"
    other, _ = run("create_subscription", key="another step", **params)
    assert other["subscription_id"] != first["subscription_id"]


def test_who_may_renew_is_a_value_with_every_reason(clock, run, subscribe):
    clock(START)
    made = subscribe()
    early = run("check_renewal_eligibility", subscription_id=str(made.id))[0]["renewal"]
    assert (early["eligible"], early["obstacles"]) == (False, ["too_early"])
    assert early["reasons"] == ["The subscription can be renewed from 2034-02-21 on."]
    clock(datetime(2034, 2, 25, 12, tzinfo=UTC))
    output, effects = run(
        "check_renewal_eligibility", subscription_id=str(made.id), term_months=3, discount_percentage="10"
    )
    renewal = output["renewal"]
    assert (renewal["eligible"], renewal["reasons"], renewal["days_until_expiry"]) == (True, [], 2)
    assert (renewal["current_price"], renewal["renewal_price"], renewal["amount"]) == ("30.00", "90.00", "81.00")
    assert effects == []


@pytest.fixture
def quoted(sandbox_till, customer):
    """A function that puts up a customer's quote to be paid; returns its id."""

    def put(*, paid=True, customer_id=customer):
        quote = str(new_id())
        payable = sandbox_till.put(source=("quote", quote), customer_id=customer_id)
        if paid:
            service.take_payment(
                sandbox_till.world, owner_id=sandbox_till.owner, payable_id=payable.id, requested_by="test"
            )
        return quote

    return put


@pytest.mark.parametrize("name", ["extend_subscription", "process_renewal_payment"])
def test_only_a_quote_of_the_subscription_s_customer_renews_it(
    name, sandbox_till, new_customer, subscribe, quoted, now_is
):
    made = subscribe()
    with pytest.raises(PayableNotFound, match="nothing to be paid for quote"):
        sandbox_till.perform(name, subscription_id=str(made.id), quote_id=str(new_id()))
    for another in (new_customer(), None):
        quote = quoted(customer_id=another)
        with pytest.raises(QuoteOfAnother, match="not one of the subscription's customer"):
            sandbox_till.perform(name, subscription_id=str(made.id), quote_id=quote)
    after = now_is(made.id)
    assert (after.current_period_end, after.renewal_quote_id) == (made.current_period_end, None)


def test_what_is_not_paid_or_was_given_back_extends_nothing(run, sandbox_till, subscribe, quoted, now_is):
    made, unpaid, refunded = subscribe(), quoted(paid=False), quoted()
    with sandbox_till.transaction() as session:
        payable = service.find_payable(session, source_type="quote", source_id=refunded)
    (payment,) = sandbox_till.payments(payable.id)
    sandbox_till.perform("refund_payment", payment_id=str(payment.id))
    for quote in (unpaid, refunded):
        with pytest.raises(QuoteUnpaid, match="not paid: it is open"):
            run("extend_subscription", subscription_id=str(made.id), quote_id=quote)
    assert now_is(made.id).current_period_end == made.current_period_end


def test_a_quote_extends_and_its_undo_restores(clock, run, undo, subscribe, quoted):
    clock(START)
    made, quote = subscribe(), quoted()
    params = {"subscription_id": str(made.id), "quote_id": quote, "term_months": 2}
    output, (effect,) = run("extend_subscription", **params)
    assert output["subscription"]["current_period_end"] == "2034-04-30T00:00:00+00:00"
    assert run("extend_subscription", **params)[1] == [effect]
    # another step finds it extended, and has nothing to take back
    assert run("extend_subscription", key="another step", **params) == (output, [])
    for _ in range(2):
        restored = undo("extend_subscription", effect)["subscription"]
        assert restored["current_period_end"] == "2034-02-28T00:00:00+00:00"


def test_a_service_is_stopped_and_goes_on_when_that_is_undone(run, undo, subscribe):
    made = subscribe()
    output, (effect,) = run("suspend_service", service_id=str(made.id), reason="not paid")
    assert output["subscription"]["status"] == "suspended"
    # what was stopped before is not the second step's to let go on
    assert run("suspend_service", subscription_id=str(made.id))[1] == []
    for _ in range(2):
        assert undo("suspend_service", effect)["subscription"]["status"] == "active"


def test_nothing_named_is_nothing_to_stop(run):
    with pytest.raises(Invalid, match="Name the subscription"):
        run("suspend_service")


def test_a_subscription_is_read_again_as_it_is_now(database, owner, run, customer, sell):
    output, _ = run("create_subscription", customer_id=str(customer), plan_id=sell().code)
    with database.transaction(owner) as session:
        service.start_subscription(session, subscription_id=UUID(output["subscription_id"]))
    read = OPERATIONS.reader("subscription")
    with ExitStack() as stack:
        call = DirectCall(database, owner, _stack=stack)
        assert read(call, output["subscription"]) == {**output["subscription"], "status": "active"}
        assert read(call, {"id": str(new_id())}) is None


def test_wrong_parameters_are_named():
    with pytest.raises(StepFailed, match="customer_id"):
        OPERATIONS["billing_service.create_subscription"].bind({"customer_id": "nobody", "plan_id": "pro"})
