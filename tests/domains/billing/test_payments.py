"""Taking a payment: once, whatever dies; by each gateway that takes cards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import text

from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined, PaymentRefused
from app.adapters.payments.port import Gateways
from app.core.ids import new_id
from app.domains.billing import service
from app.domains.billing.errors import (
    AmountNotDue,
    PayableNotFound,
    PaymentMethodInvalid,
    PaymentMethodNotFound,
    PaymentMethodTaken,
)
from pipelines.errors import OutcomeUnknown, StepFailed
from pipelines.operations import Catalogue
from tests.domains.billing.tills import GOOD, HARD, SOFT, WorkerDied
from tests.domains.workflows.lab import opened
from tests.servers import ROOT, prepared

KILLED = """
import os, signal, sys
from uuid import UUID
from app.adapters.payments.sandbox import Sandbox
from app.core.settings import Settings
from app.factory import build_world
from tests.adapters.payments.benches import SandboxBench
from tests.domains.billing.tills import Till

charge = Sandbox.charge

def charge_and_be_killed(self, request):
    charge(self, request)
    os.kill(os.getpid(), signal.SIGKILL)

Sandbox.charge = charge_and_be_killed
settings = Settings.from_environment()
till = Till(build_world(settings), UUID(sys.argv[1]), SandboxBench(settings))
till.perform("process_payment", key="step", quote_id=sys.argv[2])
"""

FAILING = Catalogue()


@FAILING.operation("testing.fail")
def fail(call):
    """Fail for good."""
    raise StepFailed("no", permanent=True)


@pytest.fixture
def quote():
    return str(new_id())


@pytest.fixture
def payable(till, quote):
    return till.put(source=("quote", quote))


def pay(till, quote, method=GOOD, **more):
    return till.perform("process_payment", quote_id=quote, payment_method=method, **more)


def test_it_is_paid(till, quote, payable):
    done = pay(till, quote, key="step", amount="49.90")
    payment = done.output["payment"]
    assert (payment["status"], payment["amount"], payment["currency"]) == ("succeeded", "49.90", "EUR")
    assert payment["gateway"] == till.bench.gateway.name
    assert done.output["payable"]["status"] == "paid"
    assert [(each.kind, each.undo) for each in done.effects] == [("payment", {"requested_by": "step"})]
    assert till.charges(payable.id) == 1
    assert till.told(f"payment/{payment['id']}") == ["payment.received"]
    assert till.told(f"payable/{payable.id}") == ["payable.changed"]
    assert till.read("payment", payment) == payment
    assert till.read("payable", {"id": str(payable.id)})["status"] == "paid"


def test_the_same_step_again_and_another_step_find_the_first(till, quote, payable):
    first = pay(till, quote, key="step")
    again = pay(till, quote, key="step", attempt=2)
    other = pay(till, quote, key="other")
    assert first.output == again.output == other.output
    assert other.effects == []  # it is not that one's to give back
    assert till.charges(payable.id) == 1


def test_many_steps_at_once_pay_once(till, quote, payable):
    def one(_):
        key = f"step-{new_id()}"
        for attempt in range(1, 50):
            try:
                return pay(till, quote, key=key, attempt=attempt).output["payment_id"]
            except OutcomeUnknown:  # the first one is still under way, says Stripe
                continue
        raise AssertionError

    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(one, range(8)))) == 1
    assert till.charges(payable.id) == 1
    assert len(till.payments(payable.id)) == 1


def test_an_answer_that_was_lost_is_looked_up_before_anything_else(till, quote, payable):
    method = till.unheard_of()
    with pytest.raises(OutcomeUnknown):
        pay(till, quote, method, key="step")
    assert till.payable(payable.id).status == "open"
    till.forget_keys()
    done = pay(till, quote, method, key="step", attempt=2)
    assert done.output["payment"]["status"] == "succeeded"
    assert len(done.effects) == 1
    assert till.charges(payable.id) == 1


def test_whoever_else_pays_it_looks_up_the_lost_answer_too(till, quote, payable):
    method = till.unheard_of()
    with pytest.raises(OutcomeUnknown):
        pay(till, quote, method, key="step")
    till.forget_keys()
    assert pay(till, quote, GOOD, key="other").output["payment"]["status"] == "succeeded"
    assert till.charges(payable.id) == 1


def test_a_request_that_got_lost_is_made_again_under_its_key(stripe_till, quote):
    payable = stripe_till.put(source=("quote", quote))
    stripe_till.bench.server.switches.drop_request = True
    with pytest.raises(OutcomeUnknown):
        pay(stripe_till, quote, key="step")
    assert pay(stripe_till, quote, key="step", attempt=2).output["payment"]["status"] == "succeeded"
    assert len(stripe_till.payments(payable.id)) == 1
    assert stripe_till.charges(payable.id) == 1


def test_a_worker_that_dies_after_its_claim_has_taken_nothing_and_the_next_takes_it_once(till, quote, payable):
    till.claim("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    assert till.charges(payable.id) == 0
    assert pay(till, quote, key="step", attempt=2).output["payment"]["status"] == "succeeded"
    assert till.charges(payable.id) == 1


def test_a_worker_that_dies_when_the_gateway_has_charged_is_followed_by_one_that_finds_it(till, quote, payable):
    till.dies_once()
    with pytest.raises(WorkerDied):
        pay(till, quote, key="step")
    till.forget_keys()
    assert pay(till, quote, key="step", attempt=2).output["payment"]["status"] == "succeeded"
    assert till.charges(payable.id) == 1


def test_a_process_that_is_killed_with_the_charge_made_is_followed_by_one_that_finds_it(sandbox_till, settings, quote):
    payable = sandbox_till.put(source=("quote", quote))
    environment = {**os.environ, **settings.environment_variables(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(sandbox_till.owner), quote]
    killed = subprocess.run(command, env=environment, cwd=ROOT, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (sandbox_till.payments(payable.id)[0].status, sandbox_till.charges(payable.id)) == ("pending", 1)
    assert pay(sandbox_till, quote, key="step", attempt=2).output["payment"]["status"] == "succeeded"
    assert sandbox_till.charges(payable.id) == 1


def test_a_worker_that_dies_before_it_has_written_the_answer_down_is_followed_by_one_that_does(till, quote, payable):
    """What the step's last transaction would have committed is gone; the money is not."""
    till.claim("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    payment = till.payments(payable.id)[0]
    service.ask(till.world.ports.get(Gateways), till.transaction, payment_id=payment.id)
    assert till.payments(payable.id)[0].status == "pending"
    till.forget_keys()
    assert pay(till, quote, key="step", attempt=2).output["payment"]["status"] == "succeeded"
    assert till.charges(payable.id) == 1


def test_a_decline_is_final_and_kept_with_the_gateway_s_reason(till, quote, payable):
    with pytest.raises(PaymentDeclined, match="insufficient funds") as declined:
        pay(till, quote, SOFT)
    assert declined.value.permanent
    failed = till.payments(payable.id)[0]
    assert (failed.status, failed.failure_code, failed.is_hard_decline) == ("failed", "insufficient_funds", False)
    told = till.data_of("payment.failed", f"payment/{failed.id}")
    assert (told["reason"], told["is_final"]) == ("Your card has insufficient funds.", True)
    assert till.payable(payable.id).status == "open"
    assert pay(till, quote, GOOD).output["payment"]["status"] == "succeeded"
    assert till.charges(payable.id) == 1


def test_a_hard_decline_is_never_tried_again(till, quote, payable):
    with pytest.raises(PaymentDeclined):
        pay(till, quote, HARD, key="step")
    for key in ("step", "other"):
        with pytest.raises(PaymentMethodInvalid, match="declined for good"):
            pay(till, quote, HARD, key=key)
    assert len(till.payments(payable.id)) == 1
    assert pay(till, quote, GOOD).output["payable"]["status"] == "paid"


def test_a_method_on_file_that_was_declined_for_good_is_not_charged_for_anything(till, customer):
    with till.transaction() as session:
        method = service.add_method(session, customer_id=customer, reference=HARD)
    for _ in range(2):
        quote = str(new_id())
        till.put(source=("quote", quote), customer_id=customer)
        with pytest.raises((PaymentDeclined, PaymentMethodInvalid)):
            till.perform("process_payment", quote_id=quote)
        with pytest.raises(PaymentMethodInvalid):
            till.perform("process_payment", quote_id=quote, payment_method=str(method.id))
    with till.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM payments WHERE status = 'failed'")).scalar_one() == 1


def test_the_amount_has_to_be_what_is_due(till, quote, payable):
    with pytest.raises(AmountNotDue, match=r"49\.90 EUR are due, not 50"):
        pay(till, quote, amount="50.00")
    assert till.payments(payable.id) == []


def test_what_is_not_owed_is_not_paid(till):
    with pytest.raises(PayableNotFound, match="nothing to be paid for quote"):
        pay(till, str(new_id()))
    with pytest.raises(StepFailed, match="order_id or quote_id"):
        till.perform("process_payment")


def test_a_method_that_does_not_exist_is_refused(till, quote, payable):
    with pytest.raises(PaymentRefused, match="No such"):
        pay(till, quote, "pm_nothing")
    assert till.payments(payable.id)[0].status == "failed"


@pytest.mark.parametrize("number", ["4242424242424242", "4242 4242 4242 4242", "4000-0000-0000-9995"])
def test_card_numbers_are_not_taken(till, quote, payable, number):
    with pytest.raises(PaymentMethodInvalid, match="Card numbers") as refused:
        pay(till, quote, number)
    assert number not in str(refused.value)
    assert till.payments(payable.id) == []


def test_nothing_named_and_nothing_on_file_is_said(stripe_till, quote):
    stripe_till.put(source=("quote", quote))
    with pytest.raises(PaymentMethodInvalid, match="none is on file"):
        stripe_till.perform("process_payment", quote_id=quote)
    with pytest.raises(PaymentMethodInvalid, match="stripe has no payment method of its own"):
        stripe_till.perform("process_payment", quote_id=quote, payment_method="stripe")


def test_what_is_on_file_is_charged(stripe_till, server, customer, quote):
    account = server.books.create_customer({"name": "Ann"})["id"]
    card = server.books.attach(GOOD, {"customer": account})["id"]
    payable = stripe_till.put(source=("quote", quote), customer_id=customer)
    with stripe_till.transaction() as session:
        service.add_method(session, customer_id=customer, reference=card, customer_reference=account)
        with pytest.raises(PaymentMethodTaken):
            service.add_method(session, customer_id=customer, reference=card)
    done = stripe_till.perform("process_payment", quote_id=quote)
    intent = server.books.intents[done.output["payment"]["reference"]]
    assert (intent["customer"], intent["payment_method"]) == (account, card)
    assert intent["metadata"]["payable_id"] == str(payable.id)


def test_a_method_is_its_customer_s_alone(sandbox_till, new_customer, quote):
    with sandbox_till.transaction() as session:
        theirs = service.add_method(session, customer_id=new_customer(), reference=GOOD)
    sandbox_till.put(source=("quote", quote), customer_id=new_customer())
    with pytest.raises(PaymentMethodNotFound):
        sandbox_till.perform("process_payment", quote_id=quote, payment_method=str(theirs.id))


def test_what_comes_to_nothing_is_paid_without_a_payment(sandbox_till, quote):
    payable = sandbox_till.put("0", source=("quote", quote))
    output = sandbox_till.perform("process_payment", quote_id=quote).output
    assert (output["payment"]["status"], output["payment_id"], output["payable"]["status"]) == (
        "succeeded",
        None,
        "paid",
    )
    assert sandbox_till.payments(payable.id) == []
    assert sandbox_till.read("payment", output["payment"]) == output["payment"]


def test_a_gateway_that_is_away_has_done_nothing_and_the_payment_goes_on_later(sandbox_till, quote):
    payable = sandbox_till.put(source=("quote", quote))
    with pytest.raises(GatewayUnavailable):
        pay(sandbox_till, quote, "pm_sandbox_unavailable", key="step")
    waiting = sandbox_till.payments(payable.id)[0]
    assert (waiting.status, waiting.asked_at) == ("pending", None)


def test_a_bank_transfer_is_awaited_and_paid_when_somebody_says_so(sandbox_till, client, token_for, owner, quote):
    payable = sandbox_till.put(source=("quote", quote))
    output = pay(sandbox_till, quote, "bank_transfer").output
    assert (output["payment"]["status"], output["payable"]["status"]) == ("pending", "open")
    assert output["payment"]["reference"].startswith("RF")
    address = f"/api/v1/payments/{output['payment_id']}/confirm"
    headers = {"Authorization": f"Bearer {token_for('payment.confirm', owner_id=owner)}"}
    assert client.post(address, json={"amount": 49.00}, headers=headers).status_code == 409
    for _ in range(2):
        confirmed = client.post(address, json={"amount": 49.90}, headers=headers)
        assert (confirmed.status_code, confirmed.get_json()["status"]) == (200, "succeeded")
    assert sandbox_till.told(f"payment/{output['payment_id']}") == ["payment.received"]
    assert sandbox_till.told(f"payable/{payable.id}") == ["payable.changed"]


def test_the_money_of_a_card_is_not_confirmed_by_hand(sandbox_till, client, token_for, owner, quote):
    sandbox_till.put(source=("quote", quote))
    output = pay(sandbox_till, quote, "pm_card_authenticationRequired").output
    assert (output["payment"]["status"], output["payment"]["is_awaiting_customer"]) == ("pending", True)
    headers = {"Authorization": f"Bearer {token_for('payment.*', owner_id=owner)}"}
    address = f"/api/v1/payments/{output['payment_id']}"
    assert client.post(f"{address}/confirm", json={"amount": 49.90}, headers=headers).status_code == 409
    assert (
        client.post(f"{address}/cancel", json={"reason": "gone"}, headers=headers).get_json()["status"] == "cancelled"
    )
    with pytest.raises(PaymentDeclined, match="cancelled"):
        sandbox_till.bench.gateway.authenticate(output["payment"]["reference"])


def test_over_http_it_is_paid_once_and_a_decline_is_told(sandbox_till, client, token_for, owner, quote):
    payable = sandbox_till.put(source=("quote", quote))
    headers = {"Authorization": f"Bearer {token_for('payment.create', 'payment.read', owner_id=owner)}"}
    address = f"/api/v1/payables/{payable.id}/pay"
    declined = client.post(address, json={"payment_method": SOFT}, headers=headers)
    assert (declined.status_code, declined.get_json()["detail"]) == (402, "Your card has insufficient funds.")
    assert client.post(address, json={"amount": 1}, headers=headers).status_code == 422
    paid = [client.post(address, json={"payment_method": GOOD}, headers=headers).get_json() for _ in range(2)]
    assert paid[0] == paid[1]
    assert (paid[0]["status"], paid[0]["amount"]) == ("succeeded", 49.90)
    listed = client.get(f"/api/v1/payments?payable_id={payable.id}", headers=headers).get_json()
    assert [each["status"] for each in listed] == ["succeeded", "failed"]
    assert sandbox_till.charges(payable.id) == 1


def test_a_lost_answer_over_http_asks_for_patience_and_the_next_call_finds_it(
    sandbox_till, client, token_for, owner, quote
):
    payable = sandbox_till.put(source=("quote", quote))
    headers = {"Authorization": f"Bearer {token_for('payment.create', owner_id=owner)}"}
    address, body = f"/api/v1/payables/{payable.id}/pay", {"payment_method": "pm_sandbox_answerLost"}
    assert client.post(address, json=body, headers=headers).status_code == 503
    assert client.post(address, json=body, headers=headers).get_json()["status"] == "succeeded"
    assert sandbox_till.charges(payable.id) == 1


def test_of_a_payment_nobody_asks_for_any_more_the_end_is_found_out(sandbox_till, database, owner, quote, clock):
    payable = sandbox_till.put(source=("quote", quote))
    with pytest.raises(OutcomeUnknown):
        pay(sandbox_till, quote, sandbox_till.unheard_of())
    with sandbox_till.transaction() as session:
        session.execute(text("UPDATE payments SET look_at = look_at - interval '1 hour'"))
    while service.look_after_payments(sandbox_till.world):
        pass
    assert sandbox_till.payable(payable.id).status == "paid"
    assert sandbox_till.charges(payable.id) == 1


def test_one_that_was_never_made_is_withdrawn_after_a_day(sandbox_till, quote):
    payable = sandbox_till.put(source=("quote", quote))
    sandbox_till.claim("process_payment", key="step", quote_id=quote)
    with sandbox_till.transaction() as session:
        session.execute(text("UPDATE payments SET look_at = now(), created_at = now() - interval '25 hours'"))
    while service.look_after_payments(sandbox_till.world):
        pass
    assert sandbox_till.payments(payable.id)[0].status == "cancelled"
    assert pay(sandbox_till, quote).output["payable"]["status"] == "paid"


@pytest.fixture(scope="session")
def quiet_settings(worker_id):
    """A database that no worker looks at."""
    return prepared(f"turnup_tills_{worker_id}", 13)


@pytest.fixture
def lab(quiet_settings):
    with opened(quiet_settings, FAILING) as lab:
        yield lab


def in_lab(lab, quote, method, *more):
    step = {
        "name": "pay",
        "type": "service_call",
        "service": "billing_service",
        "method": "process_payment",
        "params": {"quote_id": quote, "payment_method": method},
        "retry": {"maximum_attempts": 3, "initial_interval": 0.01, "maximum_interval": 0.02, "jitter": False},
    }
    with lab.world.database.transaction(lab.owner) as session:
        payable = service.put_payable(
            session,
            source_type="quote",
            source_id=quote,
            amount=Decimal("49.90"),
            currency="EUR",
            description="Fibre 500",
        )
    execution_id = lab.start([step, *more])
    found = lab.to_the_end(execution_id, rounds=30)
    with lab.world.database.transaction(lab.owner) as session:
        payments = session.scalars(service.all_payments(payable_id=payable.id)).all()
        return found.state, payments, service.get_payable(session, payable_id=payable.id).status


def test_in_an_execution_a_lost_answer_is_found(lab, quote):
    state, payments, status = in_lab(lab, quote, "pm_sandbox_answerLost")
    assert (state, status) == ("completed", "paid")
    assert [payment.status for payment in payments] == ["succeeded"]


def test_in_an_execution_that_is_rolled_back_the_money_goes_back(lab, quote):
    after = {"name": "break", "type": "service_call", "service": "testing", "method": "fail", "depends_on": ["pay"]}
    state, payments, status = in_lab(lab, quote, GOOD, after)
    assert (state, status) == ("failed", "open")
    assert [(payment.status, payment.refunded_amount) for payment in payments] == [("refunded", Decimal("49.90"))]


def test_in_an_execution_a_decline_fails_the_step_at_once(lab, quote):
    state, payments, status = in_lab(lab, quote, SOFT)
    assert (state, status) == ("failed", "open")
    assert [payment.status for payment in payments] == ["failed"]


def test_what_the_gateway_refuses_to_be_asked_is_not_the_method_s_fault(stripe_till, customer, quote):
    payable = stripe_till.put(source=("quote", quote), customer_id=customer)
    with stripe_till.transaction() as session:
        method = service.add_method(session, customer_id=customer, reference="pm_unheard_of")
    with pytest.raises(PaymentRefused):
        stripe_till.perform("process_payment", quote_id=quote)
    with stripe_till.transaction() as session:
        assert session.scalars(service.methods_of(session, customer_id=customer)).one().status == "active"
    assert method.is_default
    assert stripe_till.payments(payable.id)[0].failure_code == "refused"
