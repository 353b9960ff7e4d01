"""Quotes over HTTP, for staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import new_id
from tests.domains.crm.conftest import Desk

QUOTES = "/api/v1/quotes"
Bearer = Callable[..., dict[str, str]]


@pytest.fixture
def headers(bearer: Bearer) -> dict[str, str]:
    return bearer("quote.*")


def post(client: FlaskClient, address: str, headers: dict[str, str], body: Any = None) -> Any:
    answer = client.post(address, json=body, headers=headers)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json


def test_a_quote_is_made_of_a_lead_and_accepted(client: FlaskClient, headers: dict[str, str], desk: Desk) -> None:
    lead = desk.qualified()
    body = {"lead_id": str(lead.id), "valid_days": 14, "discount_percent": 10}
    answer = client.post(QUOTES, json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    quote = answer.json
    assert (quote["status"], quote["total_amount"], quote["currency"]) == ("open", 402.30, "USD")
    assert '"total_amount": 402.30' in answer.text
    assert [(item["product_code"], item["total_amount"]) for item in quote["items"]] == [
        ("subscriber-provisioning", 178.20),
        ("billing-invoicing", 224.10),
    ]
    assert quote["accept_url"].startswith(f"{desk.world.settings.public_url}/api/public/quotes/")
    assert client.get(answer.headers["Location"], headers=headers).json == quote
    # the same is offered once, without a key to repeat by
    assert post(client, QUOTES, headers, body)["id"] == quote["id"]
    accepted = post(client, f"{QUOTES}/{quote['id']}/accept", headers, {"accepted_by": "Ada by telephone"})
    assert (accepted["status"], accepted["accepted_by"]) == ("accepted", "Ada by telephone")
    refused = client.post(f"{QUOTES}/{quote['id']}/withdraw", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "illegal-transition")


def test_whoever_accepts_for_the_customer_is_named(client: FlaskClient, headers: dict[str, str], desk: Desk) -> None:
    quote = desk.offered()
    assert post(client, f"{QUOTES}/{quote.id}/accept", headers)["accepted_by"] == "test@example.com"


def test_a_quote_is_rejected_or_withdrawn_with_a_reason(
    client: FlaskClient, headers: dict[str, str], desk: Desk
) -> None:
    for verb, status in (("reject", "rejected"), ("withdraw", "withdrawn")):
        quote = desk.offered()
        ended = post(client, f"{QUOTES}/{quote.id}/{verb}", headers, {"reason": "too dear"})
        assert (ended["status"], ended["close_reason"]) == (status, "too dear")


def test_a_quote_whose_time_has_passed_is_not_accepted(
    client: FlaskClient, headers: dict[str, str], desk: Desk
) -> None:
    quote = desk.offered()
    desk.let_pass(quote)
    refused = client.post(f"{QUOTES}/{quote.id}/accept", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "quote-expired")


def test_an_open_quote_may_be_valid_for_longer(client: FlaskClient, headers: dict[str, str], desk: Desk) -> None:
    quote = desk.offered()
    address = f"{QUOTES}/{quote.id}"
    tag = client.get(address, headers=headers).headers["ETag"]
    body = {"valid_until": (quote.valid_until + timedelta(days=10)).isoformat(), "notes": "asked for more time"}
    changed = client.patch(address, json=body, headers={**headers, "If-Match": tag})
    assert (changed.status_code, changed.json["notes"]) == (200, "asked for more time")
    assert client.patch(address, json=body, headers={**headers, "If-Match": tag}).status_code == 412
    wrong = client.patch(address, json={"valid_until": "2001-01-01T00:00:00Z"}, headers=headers)
    assert [error["pointer"] for error in wrong.json["errors"]] == ["/valid_until"]


def test_a_quote_is_mailed_with_its_link(client: FlaskClient, headers: dict[str, str], desk: Desk) -> None:
    quote = desk.offered()
    sent = post(client, f"{QUOTES}/{quote.id}/send", headers)
    assert sent["sent_at"] is not None
    told = "template = 'quote_offer' AND recipient = :to AND text LIKE '%' || :url || '%'"
    assert desk.count("messages", told, to=quote.customer_email, url=sent["accept_url"]) == 1
    assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.sent"]


def test_a_renewal_is_made_of_a_subscription_and_mailed(
    client: FlaskClient, headers: dict[str, str], desk: Desk
) -> None:
    subscription = desk.subscribed()
    quote = post(client, f"{QUOTES}/renewals", headers, {"subscription_id": str(subscription.id), "term_months": 24})
    assert (quote["kind"], quote["term_months"], quote["total_amount"]) == ("renewal", 24, 8352)
    post(client, f"{QUOTES}/{quote['id']}/send", headers)
    assert desk.count("messages", "template = 'subscription_renewal'") == 1
    listed = client.get(QUOTES, query_string={"kind": "renewal"}, headers=headers).json
    assert [each["id"] for each in listed] == [quote["id"]]


def test_what_cannot_be_renewed_says_why(client: FlaskClient, headers: dict[str, str], desk: Desk) -> None:
    subscription = desk.subscribed(days_left=200)
    refused = client.post(f"{QUOTES}/renewals", json={"subscription_id": str(subscription.id)}, headers=headers)
    assert (refused.status_code, refused.json["code"]) == (409, "subscription-not-renewable")


def test_quotes_are_listed_by_status_lead_customer_and_part_of_their_text(
    client: FlaskClient, headers: dict[str, str], desk: Desk
) -> None:
    lead = desk.qualified()
    first, second = desk.offered(lead), desk.accepted()

    def found(**query: Any) -> list[str]:
        answer = client.get(QUOTES, query_string=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json]

    assert found() == [str(second.id), str(first.id)]
    assert found(status="accepted") == [str(second.id)]
    assert found(lead_id=str(lead.id)) == found(customer_id=str(lead.customer_id)) == [str(first.id)]
    assert found(q=first.quote_number.lower()) == [str(first.id)]
    assert found(q=second.customer_email[3:30]) == [str(second.id)]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"valid_days": 0}, "/valid_days"),
        ({"discount_percent": 101}, "/discount_percent"),
        ({"discount_percent": 0.0001}, "/discount"),
        ({"total_amount": 1}, "/total_amount"),
    ],
)
def test_what_is_wrong_is_named(
    client: FlaskClient, headers: dict[str, str], desk: Desk, wrong: dict[str, Any], pointer: str
) -> None:
    refused = client.post(QUOTES, json={"lead_id": str(desk.qualified().id), **wrong}, headers=headers)
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [pointer]


def test_permissions_and_other_owners(
    client: FlaskClient, bearer: Bearer, token_for: Callable[..., str], desk: Desk
) -> None:
    quote = desk.offered()
    reader = bearer("quote.read")
    assert client.post(f"{QUOTES}/{quote.id}/accept", headers=reader).status_code == 403
    stranger = {"Authorization": f"Bearer {token_for('quote.*')}"}
    for verb in ("accept", "reject", "withdraw", "send"):
        unknown = client.post(f"{QUOTES}/{quote.id}/{verb}", headers=stranger)
        assert (unknown.status_code, unknown.json["code"]) == (404, "quote-not-found")
        assert unknown.json["detail"] == "Quote not found"
    lead = {"lead_id": str(quote.lead_id)}
    assert client.post(QUOTES, json=lead, headers=stranger).status_code == 404
    assert client.get(f"{QUOTES}/{new_id()}", headers=reader).status_code == 404
