"""Stripe's adapter, where it is Stripe's own ways that matter."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from app.adapters.payments import stripe as adapter
from app.adapters.payments.errors import GatewayUnavailable, PaymentDeclined, PaymentRefused, WebhookRejected
from app.adapters.payments.stripe import StripeGateway
from app.embedded.machine import free_port
from pipelines.errors import OutcomeUnknown
from tests.adapters.payments.benches import StripeBench, charge
from tests.adapters.payments.stripe_server import SECRET_KEY, StripeServer
from tests.servers import eventually


def test_what_stripe_is_told(stripe: StripeBench, server: StripeServer) -> None:
    customer = server.books.create_customer({"name": "Ann"})["id"]
    method = server.books.attach("pm_card_visa", {"customer": customer})["id"]
    asked = charge(customer_reference=customer, payment_method=method, off_session=True)
    payment = stripe.gateway.charge(asked)
    intent = server.books.intents[payment.reference]
    assert (intent["amount"], intent["currency"], intent["customer"]) == (4990, "eur", customer)
    assert intent["description"] == "Fibre 500, März"
    assert intent["metadata"] == {"quote": "QUO-20260101-00000001", "turnup_key": asked.idempotency_key}


def test_another_customer_s_card_is_refused(stripe: StripeBench, server: StripeServer) -> None:
    ann, ben = (server.books.create_customer({})["id"] for _ in range(2))
    method = server.books.attach("pm_card_visa", {"customer": ann})["id"]
    with pytest.raises(PaymentRefused, match="another customer"):
        stripe.gateway.charge(charge(customer_reference=ben, payment_method=method))


def test_a_request_that_was_lost_is_not_found_and_charges_once_when_repeated(
    stripe: StripeBench, server: StripeServer
) -> None:
    asked = charge()
    server.switches.drop_request = True
    with pytest.raises(OutcomeUnknown):
        stripe.gateway.charge(asked)
    assert stripe.gateway.find(asked.idempotency_key) is None
    assert stripe.gateway.charge(asked).status == "succeeded"
    assert stripe.charges(asked.idempotency_key) == 1


def test_an_answer_that_takes_too_long_is_an_unknown_outcome(stripe: StripeBench, server: StripeServer) -> None:
    impatient = StripeGateway(secret_key=SECRET_KEY, api_url=server.url, timeouts_seconds=(5.0, 0.2))
    asked = charge()
    server.switches.hold = done = threading.Event()
    with pytest.raises(OutcomeUnknown):
        impatient.charge(asked)
    with pytest.raises(OutcomeUnknown, match="in-progress"):
        stripe.gateway.charge(asked)
    done.set()
    payment = eventually(lambda: stripe.gateway.find(asked.idempotency_key), what="the charge's being found")
    assert stripe.gateway.charge(asked) == payment
    assert stripe.charges(asked.idempotency_key) == 1


def test_while_the_first_is_under_way_a_second_learns_nothing(stripe: StripeBench, server: StripeServer) -> None:
    asked = charge()
    server.switches.hold = done = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(stripe.gateway.charge, asked)
        assert server.switches.holding.wait(10)
        with pytest.raises(OutcomeUnknown, match="409"):
            stripe.gateway.charge(asked)
        done.set()
        payment = first.result()
    assert stripe.gateway.charge(asked) == payment
    assert stripe.charges(asked.idempotency_key) == 1


def test_an_error_of_the_server_s_is_kept_and_what_was_done_is_found(stripe: StripeBench, server: StripeServer) -> None:
    asked = charge()
    server.switches.fail_after = True
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="500"):
            stripe.gateway.charge(asked)
    found = stripe.gateway.find(asked.idempotency_key)
    assert found is not None
    assert found.status == "succeeded"
    assert stripe.charges(asked.idempotency_key) == 1


def test_a_limit_is_no_outcome_and_says_how_long_to_wait(stripe: StripeBench, server: StripeServer) -> None:
    asked = charge()
    server.switches.limited = True
    with pytest.raises(GatewayUnavailable, match="patience") as limited:
        stripe.gateway.charge(asked)
    assert limited.value.retry_after == 7
    assert stripe.gateway.charge(asked).status == "succeeded"


def test_a_wrong_key_is_the_operator_s_fault_not_the_payment_s(server: StripeServer) -> None:
    gateway = StripeGateway(secret_key="sk_test_wrong", api_url=server.url)
    for verb in (gateway.health, lambda: gateway.charge(charge())):
        with pytest.raises(GatewayUnavailable, match="refused the key") as refused:
            verb()
        assert "sk_test_wrong" not in str(refused.value)


def test_where_nobody_listens_nothing_was_done() -> None:
    gateway = StripeGateway(secret_key=SECRET_KEY, api_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(GatewayUnavailable, match="cannot be reached"):
        gateway.charge(charge())


def test_what_the_search_has_not_got_yet_is_found_among_the_latest(stripe: StripeBench, server: StripeServer) -> None:
    server.books.searchable = lambda _: False
    asked = stripe.charge_unanswered(charge())
    for _ in range(120):  # more than one page of later ones
        server.books.create_intent({"amount": "100", "currency": "eur"})
    found = stripe.gateway.find(asked.idempotency_key)
    assert found is not None
    assert found.captured_at is not None


def test_what_is_older_is_found_by_the_search(stripe: StripeBench, server: StripeServer) -> None:
    asked = charge(idempotency_key="o'ld \\ key")
    payment = stripe.gateway.charge(asked)
    server.books.intents[payment.reference]["created"] -= 7200
    server.books.create_intent({"amount": "100", "currency": "eur"})
    server.forget_keys()
    assert stripe.gateway.find(asked.idempotency_key) == payment


def test_more_than_can_be_looked_through_is_no_no(
    stripe: StripeBench, server: StripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MOST_LATEST", 5)
    for _ in range(6):
        server.books.create_intent({"amount": "100", "currency": "eur"})
    with pytest.raises(GatewayUnavailable, match="looked through"):
        stripe.gateway.find("any")


def test_what_was_cancelled_is_no_payment(stripe: StripeBench, server: StripeServer) -> None:
    asked = charge(payment_method="pm_card_authenticationRequired")
    server.books.cancel(stripe.gateway.charge(asked).reference, {})
    with pytest.raises(PaymentDeclined, match="cancelled") as cancelled:
        stripe.gateway.find(asked.idempotency_key)
    assert cancelled.value.code == "canceled"


def test_what_the_customer_authenticated_is_paid(stripe: StripeBench, server: StripeServer) -> None:
    asked = charge(payment_method="pm_card_authenticationRequired")
    server.books.authenticate(stripe.gateway.charge(asked).reference)
    found = stripe.gateway.find(asked.idempotency_key)
    assert found is not None
    assert found.status == "succeeded"


def test_a_refund_whose_answer_was_lost_is_made_once_even_when_stripe_forgot_the_key(
    stripe: StripeBench, server: StripeServer
) -> None:
    payment = stripe.gateway.charge(charge())
    again: dict[str, Any] = {"idempotency_key": "refund", "amount": Decimal(10)}
    server.switches.drop_answer = True
    with pytest.raises(OutcomeUnknown):
        stripe.gateway.refund(payment.reference, **again)
    server.forget_keys()
    assert stripe.gateway.refund(payment.reference, **again).amount == Decimal(10)
    assert [refund["amount"] for refund in server.books.refunds.values()] == [1000]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("payment_intent.payment_failed", "payment_failed"), ("payment_intent.created", "other")],
)
def test_events_that_stripe_sends(stripe: StripeBench, server: StripeServer, kind: str, expected: str) -> None:
    with pytest.raises(PaymentDeclined):
        stripe.gateway.charge(charge(payment_method="pm_card_visa_chargeDeclined"))
    reference = next(iter(server.books.intents))
    event = stripe.gateway.verify_webhook(*server.signed_event(kind, reference))
    assert (event.kind, event.reference) == (expected, reference)


def test_a_refund_s_event_names_the_payment(stripe: StripeBench, server: StripeServer) -> None:
    payment = stripe.gateway.charge(charge())
    stripe.gateway.refund(payment.reference, idempotency_key="refund")
    event = stripe.gateway.verify_webhook(*server.signed_event("refund.created", payment.reference))
    assert (event.kind, event.reference) == ("refund_changed", payment.reference)


def test_without_a_secret_no_message_is_believed(server: StripeServer, stripe: StripeBench) -> None:
    payment = stripe.gateway.charge(charge())
    careless = StripeGateway(secret_key=SECRET_KEY, api_url=server.url)
    with pytest.raises(WebhookRejected, match="secret"):
        careless.verify_webhook(*server.signed_event("payment_intent.succeeded", payment.reference))
