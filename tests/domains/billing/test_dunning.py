"""What could not be collected is tried again on days 1, 3, 5 and 7, asked for by another method, or given up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from app.adapters.payments.errors import PaymentDeclined
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import PayableSettled
from app.domains.communications.models import Message
from pipelines.errors import OutcomeUnknown
from tests.domains.billing.tills import GOOD, HARD, SOFT

BEGIN = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
def day(clock):
    """A function that goes to so many days, and some minutes, after the first attempt."""
    clock(BEGIN)

    def go(days):
        if days:  # business time never goes back
            clock(BEGIN + timedelta(days=days, minutes=5))

    return go


@pytest.fixture
def on_file(till, customer):
    """A function that puts a payment method on the customer's file."""

    def put(reference):
        with till.transaction() as session:
            return service.add_method(session, customer_id=customer, reference=reference)

    return put


@pytest.fixture
def invoice(till, subscribe, on_file, day):
    """A function that bills the customer's subscription, which is collected by a method of that name."""

    def make(reference):
        on_file(reference)
        subscription = subscribe()
        with till.transaction() as session:
            return service.bill_period(
                session,
                subscription=subscription,
                period_start=subscription.current_period_start,
                period_end=subscription.current_period_end,
            )

    return make


@pytest.fixture
def renewal(till, customer, subscribe, day):
    """A subscription, and the quote that renews it for 300 dollars."""
    subscription, quote = subscribe(), str(new_id())
    payable = till.put("300.00", currency="USD", source=("quote", quote), customer_id=customer)
    return {"subscription_id": str(subscription.id), "quote_id": quote}, payable


def run(till):
    while service.collect_due(till.world, limit=3):
        pass


def payable_of(till, invoice):
    with till.transaction() as session:
        return service.find_payable(session, source_type="invoice", source_id=str(invoice.id))


def outcomes(till, payable):
    return [payment.status for payment in till.payments(payable.id)]


def mails(till):
    with till.transaction() as session:
        return session.scalars(
            select(Message.text).where(Message.template == "payment_failed").order_by(Message.id)
        ).all()


def pay_more(till, payable_id, method):
    return service.take_payment(
        till.world, owner_id=till.owner, payable_id=payable_id, requested_by=f"x-{new_id()}", payment_method=method
    )


def test_a_soft_decline_is_tried_again_on_days_1_3_5_7_and_then_given_up(till, invoice, day, now_is):
    billed = invoice(SOFT)
    payable = payable_of(till, billed)
    tried = {}
    for days in (0, 0.5, 1, 2, 3, 4, 5, 6, 7, 8):
        day(days)
        run(till)
        tried[days] = len(till.payments(payable.id))
    assert tried == {0: 1, 0.5: 1, 1: 2, 2: 2, 3: 3, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5}
    assert till.payable(payable.id).status == "given_up"
    assert now_is(billed.subscription_id).status == "suspended"
    with till.transaction() as session:
        assert service.get_invoice(session, invoice_id=billed.id).status == "uncollectible"
    told = [till.data_of("payment.failed", f"payment/{each.id}")["is_final"] for each in till.payments(payable.id)]
    assert told == [False, False, False, False, True]
    assert till.charges(payable.id) == 0


def test_the_customer_is_told_at_the_first(till, invoice, day):
    invoice(SOFT)
    for days in (0, 1, 3):
        day(days)
        run(till)
    said = mails(till)
    assert len(said) == 1
    assert "30.00 USD: Your card has insufficient funds." in said[0]
    assert "We will try again on 2027-03-02." in said[0]


def test_meanwhile_the_service_is_past_due_and_paid_it_is_in_order(till, invoice, day, now_is, on_file):
    billed = invoice(SOFT)
    payable = payable_of(till, billed)
    run(till)
    assert (till.payable(payable.id).status, now_is(billed.subscription_id).status) == ("dunning", "past_due")
    on_file(GOOD)
    day(1)
    run(till)
    assert (till.payable(payable.id).status, now_is(billed.subscription_id).status) == ("paid", "active")
    assert outcomes(till, payable) == ["failed", "succeeded"]


def test_a_hard_decline_is_never_tried_again_and_another_method_is_tried_at_once(till, invoice, day, on_file):
    billed = invoice(HARD)
    payable = payable_of(till, billed)
    for days in (0, 1, 3):
        day(days)
        run(till)
    assert outcomes(till, payable) == ["failed"]
    assert till.payable(payable.id).status == "dunning"
    assert "We will try again" not in mails(till)[0]
    on_file(GOOD)
    run(till)
    assert (outcomes(till, payable), till.payable(payable.id).status) == (["failed", "succeeded"], "paid")


def test_what_nobody_names_another_method_for_is_given_up_after_the_last_day(till, invoice, day):
    payable = payable_of(till, invoice(HARD))
    for days in (0, 6.9, 7):
        day(days)
        run(till)
    assert (outcomes(till, payable), till.payable(payable.id).status) == (["failed"], "given_up")


def test_given_up_it_may_still_be_paid(till, invoice, day):
    payable = payable_of(till, invoice(HARD))
    for days in (0, 7):
        day(days)
        run(till)
    assert pay_more(till, payable.id, GOOD).status == "succeeded"
    assert till.payable(payable.id).status == "paid"


def test_after_a_standstill_what_was_missed_is_not_made_up_for(till, invoice, day):
    payable = payable_of(till, invoice(SOFT))
    for days in (0, 6):
        day(days)
        run(till)
    assert len(till.payments(payable.id)) == 2
    day(6.5)
    run(till)
    assert len(till.payments(payable.id)) == 2


def test_two_places_at_once_charge_once(till, invoice):
    payable = payable_of(till, invoice(GOOD))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: run(till), range(3)))
    assert till.charges(payable.id) == 1
    assert till.payable(payable.id).status in {"paid", "open"}


def test_a_lost_answer_is_found_by_the_next_run_and_nothing_is_charged_twice(till, invoice, day):
    payable = payable_of(till, invoice(till.unheard_of()))
    run(till)
    assert outcomes(till, payable) == ["pending"]
    till.forget_keys()
    day(0.1)
    run(till)
    assert (outcomes(till, payable), till.payable(payable.id).status) == (["succeeded"], "paid")
    assert till.charges(payable.id) == 1


def test_a_payable_that_cannot_be_collected_stops_no_other(till, invoice, customer, day):
    broken = payable_of(till, invoice(GOOD))
    with till.transaction() as session:
        session.execute(text("UPDATE payment_methods SET gateway = 'gone' WHERE customer_id = :id"), {"id": customer})
    other = till.put(customer_id=None)
    with till.transaction() as session:
        session.execute(text("UPDATE payables SET next_attempt_at = now() WHERE id = :id"), {"id": other.id})
    day(0.1)
    run(till)
    assert till.payable(broken.id).status == "open"
    assert till.payable(broken.id).next_attempt_at > BEGIN
    assert till.payable(other.id).status != "open"


def test_a_renewal_is_collected_while_the_customer_is_not_there(till, renewal, on_file):
    params, payable = renewal
    on_file(GOOD)
    done = till.perform("process_renewal_payment", key="step", **params)
    assert (done.output["payment"]["status"], done.output["payable"]["status"]) == ("succeeded", "paid")
    assert till.perform("process_renewal_payment", key="other", **params).output == done.output
    assert till.charges(payable.id) == 1
    till.perform("refund_payment", key="undo", **done.effects[0].undo)
    assert till.payable(payable.id).status == "open"


def test_a_renewal_that_is_declined_is_dunned_and_paid_on_the_third_day(till, renewal, on_file, day):
    params, payable = renewal
    on_file(SOFT)
    output = till.perform("process_renewal_payment", key="step", **params).output
    assert (output["payment"]["status"], output["payable"]["status"]) == ("failed", "dunning")
    assert (
        till.perform("process_renewal_payment", key="step", attempt=2, **params).output["payable"]["status"]
        == "dunning"
    )
    assert len(till.payments(payable.id)) == 1
    day(1)
    run(till)
    on_file(GOOD)
    day(3)
    run(till)
    assert till.payable(payable.id).status == "paid"
    assert till.told(f"payable/{payable.id}") == ["payable.changed", "payable.changed"]
    # what dunning took for the step is the step's to give back
    till.perform("refund_payment", key="undo", requested_by="step")
    assert till.payable(payable.id).status == "open"
    assert sum(each.amount for each in till.refunds(payable.id)) == Decimal(300)


def test_undone_in_the_middle_nothing_is_collected_any_more(till, renewal, on_file, day, now_is):
    params, payable = renewal
    on_file(SOFT)
    till.perform("process_renewal_payment", key="step", **params)
    till.perform("refund_payment", key="undo", requested_by="step")
    assert (till.payable(payable.id).status, till.payable(payable.id).next_attempt_at) == ("open", None)
    assert now_is(params["subscription_id"]).renewal_quote_id is None
    on_file(GOOD)
    day(3)
    run(till)
    assert outcomes(till, payable) == ["failed"]


def test_a_renewal_that_is_given_up_suspends_nothing_and_is_not_to_be_paid_any_more(
    till, renewal, on_file, day, now_is
):
    params, payable = renewal
    on_file(HARD)
    till.perform("process_renewal_payment", key="step", **params)
    assert str(now_is(params["subscription_id"]).renewal_quote_id) == params["quote_id"]
    day(7)
    run(till)
    assert till.payable(payable.id).status == "withdrawn"
    assert now_is(params["subscription_id"]).status == "active"
    # nobody waits for it: no money is taken, and the subscription ends with its period
    with pytest.raises(PayableSettled, match="withdrawn"):
        service.take_payment(
            till.world, owner_id=till.owner, payable_id=payable.id, requested_by="late", payment_method=GOOD
        )
    assert till.charges(payable.id) == 0
    outcome = till.perform("process_renewal_payment", key="outcome", **params).output
    assert outcome["payable"]["status"] == "withdrawn"
    assert now_is(params["subscription_id"]).renewal_quote_id is None


def test_with_nothing_on_file_the_customer_is_asked_and_what_they_name_is_charged(
    stripe_till, customer, subscribe, day
):
    subscription, quote = subscribe(), str(new_id())
    payable = stripe_till.put("300.00", currency="USD", source=("quote", quote), customer_id=customer)
    params = {"subscription_id": str(subscription.id), "quote_id": quote}
    output = stripe_till.perform("process_renewal_payment", key="step", **params).output
    assert output["payable"]["status"] == "dunning"
    assert "no payment method on file" in mails(stripe_till)[0]
    with stripe_till.transaction() as session:
        service.add_method(session, customer_id=customer, reference=GOOD)
    run(stripe_till)
    assert stripe_till.payable(payable.id).status == "paid"


def test_a_renewal_s_lost_answer_is_found(till, renewal, on_file):
    params, payable = renewal
    on_file(till.unheard_of())
    with pytest.raises(OutcomeUnknown):
        till.perform("process_renewal_payment", key="step", **params)
    till.forget_keys()
    output = till.perform("process_renewal_payment", key="step", attempt=2, **params).output
    assert output["payable"]["status"] == "paid"
    assert till.charges(payable.id) == 1


def test_what_was_declined_for_good_is_not_charged_because_it_is_put_on_file(till, renewal, on_file):
    params, payable = renewal
    with pytest.raises(PaymentDeclined):
        till.perform("process_payment", quote_id=params["quote_id"], payment_method=HARD)
    on_file(HARD)
    output = till.perform("process_renewal_payment", key="step", **params).output
    assert (output["payment"]["reason"], output["payable"]["status"]) == (
        "There is no payment method on file that could be charged.",
        "dunning",
    )
    assert till.charges(payable.id) == 0
