"""What every payment gateway holds to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from app.adapters.payments.errors import (
    GatewayUnavailable,
    PaymentDeclined,
    PaymentRefused,
    WebhookRejected,
)
from app.adapters.payments.port import Charge, Gateway, Payment
from app.core.ids import new_id
from pipelines.errors import OutcomeUnknown
from tests.adapters.payments.benches import AUTHENTICATED, HARD, SOFT, Bench, charge


def test_a_charge_is_made_as_it_was_asked_for(bench: Bench) -> None:
    asked = charge()
    payment = bench.gateway.charge(asked)
    assert (payment.amount, payment.currency, payment.gateway) == (Decimal("49.90"), "EUR", bench.gateway.name)
    assert payment.status == ("succeeded" if bench.has_cards else "pending")
    assert (payment.captured_at is not None) == (payment.status == "succeeded")
    assert bench.charges(asked.idempotency_key) == 1


def test_paid_is_paid_with_the_time(bench: Bench) -> None:
    asked = charge()
    payment = bench.paid(bench.gateway.charge(asked))
    assert payment.status == "succeeded"
    assert payment.captured_at is not None
    assert payment.captured_at.utcoffset() is not None
    assert bench.gateway.find(asked.idempotency_key) == payment


def test_a_key_charges_once_however_often_it_is_used(bench: Bench) -> None:
    asked = charge()
    first = bench.gateway.charge(asked)
    assert [bench.gateway.charge(asked) for _ in range(3)] == [first] * 3
    assert bench.charges(asked.idempotency_key) == 1


@pytest.mark.parametrize("other", [{"amount": Decimal("50.00")}, {"currency": "USD"}, {"metadata": {"quote": "other"}}])
def test_a_key_is_for_one_charge_only(bench: Bench, other: dict[str, object]) -> None:
    asked = charge()
    bench.gateway.charge(asked)
    with pytest.raises(PaymentRefused, match="used"):
        bench.gateway.charge(charge(**{"idempotency_key": asked.idempotency_key, **other}))
    assert bench.charges(asked.idempotency_key) == 1


@pytest.mark.parametrize("currency", ["JPY", "KWD", "ISK", "USD"])
def test_amounts_come_back_in_the_currency_s_own_decimals(bench: Bench, currency: str) -> None:
    amount = {"JPY": Decimal(500), "KWD": Decimal("5.120"), "ISK": Decimal(500), "USD": Decimal("0.50")}[currency]
    payment = bench.gateway.charge(charge(amount=amount, currency=currency))
    assert (str(payment.amount), payment.currency) == (str(amount), currency)


@pytest.mark.parametrize(
    ("method", "decline_code", "is_hard"), [(HARD, "stolen_card", True), (SOFT, "insufficient_funds", False)]
)
def test_a_decline_is_final_and_says_why(card_bench: Bench, method: str, decline_code: str, is_hard: bool) -> None:
    asked = charge(payment_method=method)
    for verb in (lambda: card_bench.gateway.charge(asked), lambda: card_bench.gateway.find(asked.idempotency_key)):
        with pytest.raises(PaymentDeclined, match=r"^Your card ") as declined:
            verb()
        assert declined.value.permanent
        assert (declined.value.code, declined.value.decline_code) == ("card_declined", decline_code)
        assert declined.value.is_hard is is_hard
    assert card_bench.charges(asked.idempotency_key) == 0


def test_a_declined_key_stays_declined(card_bench: Bench) -> None:
    asked = charge(payment_method=SOFT)
    for _ in range(2):
        with pytest.raises(PaymentDeclined, match="insufficient funds"):
            card_bench.gateway.charge(asked)


def test_who_is_not_there_cannot_authenticate(card_bench: Bench) -> None:
    with pytest.raises(PaymentDeclined, match="requires authentication") as declined:
        card_bench.gateway.charge(charge(payment_method=AUTHENTICATED, off_session=True))
    assert (declined.value.code, declined.value.is_hard) == ("authentication_required", True)


def test_who_is_there_is_asked_to(card_bench: Bench) -> None:
    asked = charge(payment_method=AUTHENTICATED)
    payment = card_bench.gateway.charge(asked)
    assert (payment.status, payment.captured_at) == ("requires_action", None)
    assert card_bench.gateway.find(asked.idempotency_key) == payment


def test_a_payment_method_that_does_not_exist_is_refused(card_bench: Bench) -> None:
    with pytest.raises(PaymentRefused, match="No such") as refused:
        card_bench.gateway.charge(charge(payment_method="pm_nothing"))
    assert refused.value.permanent


def test_all_of_it_is_refunded_once(bench: Bench) -> None:
    payment = bench.paid(bench.gateway.charge(charge()))
    key = f"refund-{new_id()}"
    refund = bench.gateway.refund(payment.reference, idempotency_key=key)
    assert (refund.amount, refund.currency, refund.payment_reference) == (Decimal("49.90"), "EUR", payment.reference)
    assert refund.status in {"succeeded", "pending"}
    assert bench.gateway.refund(payment.reference, idempotency_key=key) == refund
    with pytest.raises(PaymentRefused, match="already been refunded"):
        bench.gateway.refund(payment.reference, idempotency_key=f"refund-{new_id()}")


def test_parts_are_refunded_up_to_what_was_paid(bench: Bench) -> None:
    payment = bench.paid(bench.gateway.charge(charge()))
    _refund(bench, payment, "40.00")
    with pytest.raises(PaymentRefused, match=r"more than|greater than"):
        _refund(bench, payment, "9.91")
    _refund(bench, payment, "9.90")
    with pytest.raises(PaymentRefused, match="already been refunded"):
        _refund(bench, payment, "0.01")


def test_a_refund_s_key_is_for_one_refund_only(bench: Bench) -> None:
    payment = bench.paid(bench.gateway.charge(charge()))
    bench.gateway.refund(payment.reference, idempotency_key="one", amount=Decimal(5))
    with pytest.raises(PaymentRefused, match="used before"):
        bench.gateway.refund(payment.reference, idempotency_key="one", amount=Decimal(6))


def test_what_was_not_paid_is_not_refunded(bench: Bench) -> None:
    method = AUTHENTICATED if bench.has_cards else "bank_transfer"
    payment = bench.gateway.charge(charge(payment_method=method))
    with pytest.raises(PaymentRefused, match=r"Nothing was captured|does not have a successful charge"):
        bench.gateway.refund(payment.reference, idempotency_key="early")
    with pytest.raises(PaymentRefused, match=r"no payment|No such payment_intent"):
        bench.gateway.refund("pi_unknown", idempotency_key="unknown")


def test_what_is_waited_for_is_waited_for_no_more(bench: Bench) -> None:
    method = AUTHENTICATED if bench.has_cards else "bank_transfer"
    asked = charge(payment_method=method)
    payment = bench.gateway.charge(asked)
    for _ in range(2):
        bench.gateway.cancel(payment.reference)
    with pytest.raises(PaymentDeclined, match="cancelled"):
        bench.gateway.find(asked.idempotency_key)
    with pytest.raises((PaymentDeclined, PaymentRefused)):
        bench.gateway.refund(payment.reference, idempotency_key="nothing")


def test_what_was_captured_is_not_cancelled(bench: Bench) -> None:
    payment = bench.paid(bench.gateway.charge(charge()))
    with pytest.raises(PaymentRefused):
        bench.gateway.cancel(payment.reference)
    with pytest.raises(PaymentRefused):
        bench.gateway.cancel("pi_unknown")


def test_a_gateway_says_what_it_charges_where_nothing_is_named(bench: Bench) -> None:
    method = bench.gateway.default_method
    assert method is None or bench.gateway.charge(charge(payment_method=method)).amount == Decimal("49.90")


@pytest.mark.parametrize("amount", [Decimal(0), Decimal(-1), Decimal("0.001"), Decimal("NaN"), Decimal("1e20")])
def test_amounts_that_cannot_be_are_refused(bench: Bench, amount: Decimal) -> None:
    with pytest.raises(PaymentRefused):
        charge(amount=amount)
    payment = bench.paid(bench.gateway.charge(charge()))
    with pytest.raises(PaymentRefused):
        bench.gateway.refund(payment.reference, idempotency_key="odd", amount=amount)


def test_an_unanswered_charge_is_found_and_repeating_it_charges_nothing(bench: Bench) -> None:
    asked = bench.charge_unanswered(charge())
    found = bench.gateway.find(asked.idempotency_key)
    assert found is not None
    assert bench.gateway.charge(asked) == found
    assert bench.charges(asked.idempotency_key) == 1


def test_what_never_was_is_not_found(bench: Bench) -> None:
    bench.gateway.charge(charge())
    assert bench.gateway.find("never") is None


def test_two_at_once_under_one_key_charge_once(bench: Bench) -> None:
    asked = charge()
    with ThreadPoolExecutor(8) as threads:
        payments = list(threads.map(lambda _: _reconciled(bench.gateway, asked), range(8)))
    assert len(set(payments)) == 1
    assert bench.charges(asked.idempotency_key) == 1


def test_two_refunds_at_once_never_give_back_more_than_was_paid(bench: Bench) -> None:
    payment = bench.paid(bench.gateway.charge(charge()))

    def refund(number: int) -> Decimal:
        try:
            return bench.gateway.refund(payment.reference, idempotency_key=f"r{number}", amount=Decimal(20)).amount
        except PaymentRefused:
            return Decimal(0)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(refund, range(4))) == Decimal(40)


def test_a_message_of_the_gateway_is_believed(bench: Bench) -> None:
    payment = bench.gateway.charge(charge())
    kind = "payment_intent.succeeded" if bench.has_cards else "payment_intent.processing"
    event = bench.gateway.verify_webhook(*bench.message(kind, payment))
    assert event.kind == ("payment_succeeded" if bench.has_cards else "payment_pending")
    assert (event.reference, event.gateway) == (payment.reference, bench.gateway.name)
    assert event.id.startswith("evt_")
    assert event.occurred_at.utcoffset() is not None


def test_header_names_are_compared_as_http_does(bench: Bench) -> None:
    payload, headers = bench.message("payment_intent.succeeded", bench.paid(bench.gateway.charge(charge())))
    lower = {name.lower(): value for name, value in headers.items()}
    assert bench.gateway.verify_webhook(payload, lower).kind == "payment_succeeded"


def test_a_message_that_was_changed_is_not_believed(bench: Bench) -> None:
    payload, headers = bench.message("payment_intent.succeeded", bench.paid(bench.gateway.charge(charge())))
    for changed in (payload + b" ", payload.replace(b"succeeded", b"canceled"), b"\xff", b""):
        with pytest.raises(WebhookRejected) as rejected:
            bench.gateway.verify_webhook(changed, headers)
        assert rejected.value.permanent
    for wrong in ({}, {"Stripe-Signature": "t=1"}, {"Stripe-Signature": "nonsense"}):
        with pytest.raises(WebhookRejected):
            bench.gateway.verify_webhook(payload, wrong)


def test_an_old_message_is_not_believed(bench: Bench) -> None:
    with pytest.raises(WebhookRejected, match="tolerance"):
        bench.gateway.verify_webhook(*bench.message_of_an_hour_ago(bench.gateway.charge(charge())))


def test_health_says_whether_it_answers(bench: Bench) -> None:
    bench.gateway.health()
    bench.break_down()
    for verb in (bench.gateway.health, lambda: bench.gateway.charge(charge()), lambda: bench.gateway.find("any")):
        with pytest.raises(GatewayUnavailable) as away:
            verb()
        assert not away.value.permanent


def _refund(bench: Bench, payment: Payment, amount: str) -> None:
    refund = bench.gateway.refund(payment.reference, idempotency_key=f"refund-{new_id()}", amount=Decimal(amount))
    assert refund.amount == Decimal(amount)


def _reconciled(gateway: Gateway, asked: Charge) -> Payment:
    """As a caller does it: what is unknown is looked up, and what is not there yet is tried again under its key."""
    for _ in range(200):
        try:
            return gateway.charge(asked)
        except OutcomeUnknown:
            if found := gateway.find(asked.idempotency_key):
                return found
    message = "the charge stayed unknown"
    raise AssertionError(message)
