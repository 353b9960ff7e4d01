"""What gateways tell: believed by its signature, counted once, and never more than the gateway's own books say."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text

from app.adapters.payments.port import Gateways
from app.core.ids import new_id
from app.factory import create_app
from tests.adapters.payments.benches import charge
from tests.domains.billing.tills import GOOD


@pytest.fixture
def quote():
    return str(new_id())


@pytest.fixture
def payable(till, quote):
    return till.put(source=("quote", quote))


@pytest.fixture
def post(till):
    """A function that posts a gateway's message, as the gateway does."""
    api = create_app(till.world.settings, till.world).test_client()

    def send(message, *, gateway=None):
        payload, headers = message
        name = gateway or till.bench.gateway.name
        return api.post(
            f"/api/public/payments/{name}/webhook",
            data=payload,
            headers={**headers, "Content-Type": "application/json"},
        )

    return send


def message(till, kind, payment):
    return till.bench.message(kind, payment)


def received(till):
    with till.transaction() as session:
        return session.execute(text("SELECT kind FROM gateway_events ORDER BY id")).scalars().all()


class Known:
    """What a message is about, by the gateway's own name."""

    def __init__(self, reference):
        self.reference = reference


@pytest.fixture
def awaited(till, quote, payable):
    """A payment that waits for the customer to authenticate it."""
    output = till.perform(
        "process_payment", key="step", quote_id=quote, payment_method="pm_card_authenticationRequired"
    ).output
    assert (output["payment"]["status"], output["payable"]["status"]) == ("pending", "open")
    return output["payment"]


def authenticate(till, reference):
    server = getattr(till.bench, "server", None)
    if server is None:
        till.bench.gateway.authenticate(reference)
    else:
        server.books.authenticate(reference)


def test_the_money_s_coming_is_told_and_counts_once(till, post, payable, awaited):
    authenticate(till, awaited["reference"])
    told = message(till, "payment_intent.succeeded", Known(awaited["reference"]))
    assert [post(told).get_json() for _ in range(2)] == [{"is_news": True}, {"is_news": False}]
    assert till.payable(payable.id).status == "paid"
    assert till.told(f"payment/{awaited['id']}") == ["payment.received"]
    assert received(till) == ["payment_succeeded"]


def test_a_message_that_is_not_the_gateway_s_changes_nothing(till, post, payable, awaited):
    payload, headers = message(till, "payment_intent.requires_action", Known(awaited["reference"]))
    forged = payload.replace(b"requires_action", b"succeeded")
    assert forged != payload
    assert post((forged, headers)).status_code == 400
    assert post((payload, {})).status_code == 400
    assert till.payable(payable.id).status == "open"
    assert received(till) == []


def test_only_configured_gateways_are_listened_to(till, post, awaited):
    told = message(till, "payment_intent.requires_action", Known(awaited["reference"]))
    assert post(told, gateway="paypal").status_code == 404
    assert post(told, gateway="bank_transfer").status_code == 400


def test_what_is_no_payment_of_ours_is_acknowledged(sandbox_till, client):
    payload, headers = sandbox_till.bench.gateway.signed_event("payment_intent.succeeded", "pi_of_somebody")
    answer = client.post(
        "/api/public/payments/sandbox/webhook", data=payload, headers={**headers, "Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.get_json()) == (200, {"is_news": False})


def test_a_cancellation_is_looked_up_and_the_reason_kept(till, post, payable, awaited):
    till.bench.gateway.cancel(awaited["reference"])
    assert post(message(till, "payment_intent.canceled", Known(awaited["reference"]))).get_json()["is_news"]
    failed = till.payments(payable.id)[0]
    assert (failed.status, failed.failure_reason) == ("failed", "The payment was cancelled.")


def test_an_old_message_does_not_undo_what_is_true(till, post, payable, quote):
    """Messages overtake each other; what the gateway's books say counts."""
    reference = till.perform("process_payment", quote_id=quote, payment_method=GOOD).output["payment"]["reference"]
    sandbox = till.bench.gateway.name == "sandbox"
    kind = "payment_intent.payment_failed" if sandbox else "payment_intent.succeeded"
    post(message(till, kind, Known(reference)))
    assert till.payable(payable.id).status == "paid"
    assert till.payments(payable.id)[0].status == "succeeded"


def test_money_that_comes_for_what_was_withdrawn_goes_back(sandbox_till, client, quote):
    """The worst case: a call got through long after everybody had given it up."""
    payable = sandbox_till.put(source=("quote", quote))
    sandbox_till.claim("process_payment", key="step", quote_id=quote, payment_method=GOOD)
    sandbox_till.perform("refund_payment", key="undo", requested_by="step")
    late = sandbox_till.payments(payable.id)[0]
    assert late.status == "cancelled"
    asked = charge(idempotency_key=late.idempotency_key, amount=Decimal("49.90"))
    made = sandbox_till.bench.gateway.charge(asked)
    with sandbox_till.transaction() as session:
        session.execute(
            text("UPDATE payments SET reference = :reference WHERE id = :id"),
            {"reference": made.reference, "id": late.id},
        )
    payload, headers = sandbox_till.bench.message("payment_intent.succeeded", made)
    for is_news in (True, False):
        answer = client.post(
            "/api/public/payments/sandbox/webhook",
            data=payload,
            headers={**headers, "Content-Type": "application/json"},
        )
        assert answer.get_json() == {"is_news": is_news}
    assert [(each.status, each.amount) for each in sandbox_till.refunds(payable.id)] == [
        ("succeeded", Decimal("49.90"))
    ]
    assert sandbox_till.payable(payable.id).status == "open"
    again = sandbox_till.perform("process_payment", quote_id=quote, payment_method=GOOD).output
    assert again["payable"]["status"] == "paid"


def test_money_that_comes_for_what_had_failed_goes_back_and_that_is_told(sandbox_till, client, quote):
    """Messages of one payment overtake each other: it failed, and the customer's bank let it through after that."""
    payable = sandbox_till.put(source=("quote", quote))
    output = sandbox_till.perform("process_payment", quote_id=quote, payment_method=GOOD).output
    with sandbox_till.transaction() as session:  # as it was written down after the first message
        session.execute(
            text("UPDATE payments SET status = 'failed', captured_at = NULL, failed_at = now() WHERE id = :id"),
            {"id": output["payment_id"]},
        )
        session.execute(text("UPDATE payables SET status = 'open', paid_at = NULL WHERE id = :id"), {"id": payable.id})
    payload, headers = sandbox_till.bench.message("payment_intent.succeeded", Known(output["payment"]["reference"]))
    answer = client.post(
        "/api/public/payments/sandbox/webhook", data=payload, headers={**headers, "Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.get_json()) == (200, {"is_news": True})
    assert [(each.status, each.amount) for each in sandbox_till.refunds(payable.id)] == [
        ("succeeded", Decimal("49.90"))
    ]
    told = sandbox_till.data_of("payment.refunded", f"payment/{output['payment_id']}")
    assert (told["status"], told["refunded_amount"]) == ("refunded", "49.90")
    assert [each.status for each in sandbox_till.payments(payable.id)] == ["failed"]
    assert sandbox_till.payable(payable.id).status == "open"


def test_a_refund_that_was_made_at_the_gateway_is_looked_at_again(till, post, payable, quote):
    output = till.perform("process_payment", key="step", quote_id=quote, payment_method=GOOD).output
    till.perform("refund_payment", key="undo", requested_by="step")
    kind = "charge.refunded" if till.bench.gateway.name == "sandbox" else "refund.created"
    assert post(message(till, kind, Known(output["payment"]["reference"]))).get_json()["is_news"]
    assert [each.status for each in till.refunds(payable.id)] == ["succeeded"]
    assert till.told(f"payment/{output['payment_id']}").count("payment.refunded") == 1


def test_a_dispute_is_told_to_people(sandbox_till, client, quote):
    sandbox_till.put(source=("quote", quote))
    output = sandbox_till.perform("process_payment", quote_id=quote).output
    payload, headers = sandbox_till.bench.gateway.signed_event("charge.dispute.created", output["payment"]["reference"])
    client.post(
        "/api/public/payments/sandbox/webhook", data=payload, headers={**headers, "Content-Type": "application/json"}
    )
    assert sandbox_till.told(f"payment/{output['payment_id']}") == ["payment.received", "payment.disputed"]


def test_a_gateway_that_cannot_be_asked_is_asked_to_send_it_again(sandbox_till, client, quote, settings):
    sandbox_till.put(source=("quote", quote))
    output = sandbox_till.perform("process_payment", quote_id=quote, payment_method="bank_transfer").output
    gateway = sandbox_till.world.ports.get(Gateways).get("bank_transfer")
    payload, headers = gateway.signed_event("payment_intent.canceled", output["payment"]["reference"])
    books = settings.var_dir / "payments" / "bank_transfer.sqlite3"
    away = books.with_suffix(".away")
    books.rename(away)
    books.mkdir()
    try:
        answer = client.post(
            "/api/public/payments/bank_transfer/webhook",
            data=payload,
            headers={**headers, "Content-Type": "application/json"},
        )
    finally:
        books.rmdir()
        away.rename(books)
    assert answer.status_code == 503
    assert received(sandbox_till) == []
