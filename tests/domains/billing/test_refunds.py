"""Giving back: never more than was taken, once however often it is asked, and never while it is not known what was taken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import text

from app.adapters.payments.errors import GatewayUnavailable
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import AmountInvalid, PaymentStateForbids
from app.factory import create_app
from pipelines.errors import OutcomeUnknown, StepFailed
from tests.domains.billing.tills import GOOD, SOFT


@pytest.fixture
def quote():
    return str(new_id())


@pytest.fixture
def payable(till, quote):
    return till.put(source=("quote", quote))


@pytest.fixture
def payment_id(till, quote, payable):
    """Of a payment that a step has taken."""
    return till.perform("process_payment", key="step", quote_id=quote, payment_method=GOOD).output["payment_id"]


def undo(till, key="step", **more):
    return till.perform("refund_payment", key=f"undo-{key}", requested_by=key, **more).output


def asked_long_ago(till):
    with till.transaction() as session:
        session.execute(text("UPDATE payments SET asked_at = asked_at - interval '2 minutes'"))


def test_what_a_step_took_is_given_back_and_owed_again(till, payable, payment_id):
    given = undo(till)
    assert (given["payment"]["status"], given["payable"]["status"]) == ("refunded", "open")
    assert undo(till)["payment"] == given["payment"]
    assert [(each.status, each.amount) for each in till.refunds(payable.id)] == [("succeeded", Decimal("49.90"))]
    assert till.told(f"payment/{payment_id}") == ["payment.received", "payment.refunded"]


def test_given_back_it_may_be_paid_anew(till, quote, payable, payment_id):
    undo(till)
    again = till.perform("process_payment", quote_id=quote, payment_method=GOOD).output
    assert again["payment_id"] != payment_id
    assert till.payable(payable.id).status == "paid"


def test_what_another_step_took_is_not_given_back(till, payable, payment_id):
    assert undo(till, "other") == {"payment_id": None, "payment": None, "refund_ids": []}
    assert till.payable(payable.id).status == "paid"


def test_what_was_declined_is_nothing_to_give_back(till, quote, payable):
    with pytest.raises(StepFailed):
        till.perform("process_payment", key="step", quote_id=quote, payment_method=SOFT)
    assert undo(till)["payment"]["status"] == "failed"
    assert till.refunds(payable.id) == []


def test_a_step_that_died_after_its_claim_has_nothing_to_give_back_and_is_withdrawn(till, quote, payable):
    till.claim("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    assert undo(till)["payment"]["status"] == "cancelled"
    assert till.charges(payable.id) == 0


def test_what_was_taken_without_anybody_hearing_of_it_is_found_and_given_back(till, quote, payable):
    with pytest.raises(OutcomeUnknown):
        till.perform("process_payment", key="step", quote_id=quote, payment_method=till.unheard_of())
    till.forget_keys()
    assert undo(till)["payment"]["status"] == "refunded"
    assert till.charges(payable.id) == 1
    assert sum(each.amount for each in till.refunds(payable.id)) == Decimal("49.90")


def test_while_a_call_may_be_on_its_way_nothing_is_decided(stripe_till, quote):
    payable = stripe_till.put(source=("quote", quote))
    stripe_till.bench.server.switches.drop_request = True
    with pytest.raises(OutcomeUnknown):
        stripe_till.perform("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    with pytest.raises(GatewayUnavailable, match="not known yet") as waiting:
        undo(stripe_till)
    assert 0 < waiting.value.retry_after <= 60
    asked_long_ago(stripe_till)
    assert undo(stripe_till)["payment"]["status"] == "cancelled"
    assert stripe_till.charges(payable.id) == 0


def test_a_refund_whose_answer_was_lost_is_made_once(stripe_till, server, quote):
    payable = stripe_till.put(source=("quote", quote))
    stripe_till.perform("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    server.switches.drop_answer = True
    with pytest.raises(OutcomeUnknown):
        undo(stripe_till)
    server.forget_keys()
    assert undo(stripe_till)["payment"]["status"] == "refunded"
    assert [each["amount"] for each in server.books.refunds.values()] == [4990]
    assert len(stripe_till.refunds(payable.id)) == 1


def test_a_refund_that_nobody_ended_is_ended_by_beat(stripe_till, server, quote):
    payable = stripe_till.put(source=("quote", quote))
    stripe_till.perform("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    server.switches.drop_answer = True
    with pytest.raises(OutcomeUnknown):
        undo(stripe_till)
    with stripe_till.transaction() as session:
        session.execute(text("UPDATE refunds SET look_at = now() - interval '1 hour'"))
    service.look_after_payments(stripe_till.world)
    assert stripe_till.payable(payable.id).status == "open"
    assert len(server.books.refunds) == 1


def test_a_refund_that_comes_back_leaves_it_paid_as_before(stripe_till, server, subscribe, customer):
    subscription = subscribe()
    with stripe_till.transaction() as session:
        service.add_method(session, customer_id=customer, reference=GOOD)
        invoice = service.bill_period(
            session,
            subscription=subscription,
            period_start=subscription.current_period_start,
            period_end=subscription.current_period_end,
        )
        payable = service.find_payable(session, source_type="invoice", source_id=str(invoice.id))
    seller = {"world": stripe_till.world, "owner_id": stripe_till.owner}
    payment = service.take_payment(**seller, payable_id=payable.id, requested_by="test")
    stripe_till.perform("refund_payment", payment_id=str(payment.id))
    assert stripe_till.payable(payable.id).status == "open"
    for refund in server.books.refunds.values():  # the bank sends it back; any message is a hint
        refund["status"] = "failed"
    api = create_app(stripe_till.world.settings, stripe_till.world).test_client()
    payload, headers = stripe_till.bench.message("refund.created", payment)
    told = api.post(
        "/api/public/payments/stripe/webhook", data=payload, headers={**headers, "Content-Type": "application/json"}
    )
    assert told.get_json() == {"is_news": True}
    assert [each.status for each in stripe_till.refunds(payable.id)] == ["failed"]
    assert [each.status for each in stripe_till.payments(payable.id)] == ["succeeded"]
    assert stripe_till.payable(payable.id).status == "paid"
    assert stripe_till.told(f"invoice/{invoice.id}")[-2:] == ["invoice.reopened", "invoice.paid"]
    # nobody is charged for it a second time
    assert service.take_payment(**seller, payable_id=payable.id, requested_by="another").id == payment.id


def test_a_bank_transfer_that_is_awaited_is_awaited_no_more(sandbox_till, quote):
    payable = sandbox_till.put(source=("quote", quote))
    sandbox_till.perform("process_payment", key="step", quote_id=quote, payment_method="bank_transfer")
    assert undo(sandbox_till)["payment"]["status"] == "cancelled"
    assert sandbox_till.payable(payable.id).status == "open"
    paid = sandbox_till.perform("process_payment", quote_id=quote, payment_method=GOOD).output
    assert paid["payable"]["status"] == "paid"


def test_parts_are_given_back_up_to_what_was_taken(till, payable, payment_id):
    def give(amount, key):
        return till.perform("refund_payment", key=key, payment_id=payment_id, amount=amount).output["payment"]["status"]

    assert give("9.90", "one") == give("9.90", "one") == "partially_refunded"
    assert till.payable(payable.id).status == "paid"
    with pytest.raises(AmountInvalid, match=r"40\.00 EUR can be given back"):
        give("40.01", "two")
    assert give("40.00", "three") == "refunded"
    assert till.payable(payable.id).status == "open"


def test_many_at_once_never_give_back_more_than_was_taken(till, payable, payment_id):
    def one(number):
        try:
            till.perform("refund_payment", key=f"part-{number}", payment_id=payment_id, amount="20.00")
        except (AmountInvalid, PaymentStateForbids):
            return Decimal(0)
        return Decimal(20)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(one, range(4))) == Decimal(40)
    assert sum(each.amount for each in till.refunds(payable.id)) == Decimal(40)


def test_over_http_a_repeat_finds_the_first(sandbox_till, client, token_for, owner, quote):
    payable = sandbox_till.put(source=("quote", quote))
    payment = sandbox_till.perform("process_payment", quote_id=quote).output["payment_id"]
    token = token_for("payment.refund", "payment.read", owner_id=owner)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}
    address = f"/api/v1/payments/{payment}/refunds"
    given = [client.post(address, json={"amount": 5, "reason": "it rained"}, headers=headers) for _ in range(2)]
    assert [each.status_code for each in given] == [201, 201]
    assert given[0].get_json()["amount"] == 5
    assert len(sandbox_till.refunds(payable.id)) == 1
    with sandbox_till.transaction() as session:  # the answer got lost before it was kept
        session.execute(text("DELETE FROM idempotency_keys"))
    assert client.post(address, json={"amount": 5, "reason": "it rained"}, headers=headers).status_code == 201
    assert len(client.get(address, headers=headers).get_json()) == 1
    too_much = client.post(address, json={"amount": 45, "reason": "more"}, headers={**headers, "Idempotency-Key": "n"})
    assert too_much.status_code == 422


def test_say_what_is_given_back(till):
    with pytest.raises(StepFailed, match="which payment"):
        till.perform("refund_payment")
