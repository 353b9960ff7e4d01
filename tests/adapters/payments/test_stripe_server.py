"""The stand-in for Stripe keeps to what Stripe documents: https://docs.stripe.com/api/idempotent_requests."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.adapters.payments.stripe_server import SECRET_KEY, StripeServer

INTENT = {"amount": "4990", "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}


def post(server: StripeServer, path: str, data: dict[str, str], key: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {SECRET_KEY}", **({"Idempotency-Key": key} if key else {})}
    return httpx.post(server.url + path, data=data, headers=headers, timeout=30, trust_env=False)


def get(server: StripeServer, path: str) -> Any:
    headers = {"Authorization": f"Bearer {SECRET_KEY}"}
    return httpx.get(server.url + path, headers=headers, timeout=30, trust_env=False).json()


def test_the_first_answer_is_repeated_and_says_so(server: StripeServer) -> None:
    first, again = (post(server, "/v1/payment_intents", INTENT, key="k") for _ in range(2))
    assert first.json() == again.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_other_parameters_under_a_key_are_an_error(server: StripeServer) -> None:
    post(server, "/v1/payment_intents", INTENT, key="k")
    other = post(server, "/v1/payment_intents", {**INTENT, "amount": "1"}, key="k")
    assert (other.status_code, other.json()["error"]["type"]) == (400, "idempotency_error")


def test_errors_are_kept_too_but_not_those_of_validation(server: StripeServer) -> None:
    poor = {**INTENT, "payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
    declined = [post(server, "/v1/payment_intents", poor, key="poor") for _ in range(2)]
    assert [answer.status_code for answer in declined] == [402, 402]
    assert declined[0].json()["error"]["decline_code"] == "insufficient_funds"
    assert len(server.books.charges) == 1
    assert post(server, "/v1/payment_intents", {**INTENT, "amount": "x"}, key="k").status_code == 400
    assert post(server, "/v1/payment_intents", INTENT, key="k").status_code == 200


def test_without_a_key_each_request_is_another(server: StripeServer) -> None:
    ids = {post(server, "/v1/payment_intents", INTENT).json()["id"] for _ in range(2)}
    assert len(ids) == 2


def test_an_intent_is_made_confirmed_and_cancelled_in_steps(server: StripeServer) -> None:
    customer = post(server, "/v1/customers", {"name": "Ann"}).json()["id"]
    method = post(server, "/v1/payment_methods/pm_card_visa/attach", {"customer": customer}).json()["id"]
    steps = {"amount": "100", "currency": "eur", "customer": customer}
    intent = post(server, "/v1/payment_intents", steps).json()
    assert intent["status"] == "requires_payment_method"
    paid = post(server, f"/v1/payment_intents/{intent['id']}/confirm", {"payment_method": method}).json()
    assert paid["status"] == "succeeded"
    late = post(server, f"/v1/payment_intents/{intent['id']}/cancel", {})
    assert late.json()["error"]["code"] == "payment_intent_unexpected_state"


def test_lists_are_read_in_pages_newest_first(server: StripeServer) -> None:
    ids = [post(server, "/v1/payment_intents", INTENT).json()["id"] for _ in range(3)]
    page = get(server, "/v1/payment_intents?limit=2")
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = get(server, f"/v1/payment_intents?limit=2&starting_after={ids[1]}")
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)


@pytest.mark.parametrize("path", ["/v1/payment_intents/pi_0", "/v1/refunds/re_0", "/v1/customers/cus_0", "/v1/nothing"])
def test_what_is_not_there(server: StripeServer, path: str) -> None:
    answer = httpx.get(server.url + path, headers={"Authorization": f"Bearer {SECRET_KEY}"}, trust_env=False)
    assert answer.status_code == 404


def test_another_key_opens_nothing(server: StripeServer) -> None:
    answer = httpx.get(f"{server.url}/v1/balance", headers={"Authorization": "Bearer sk_other"}, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
