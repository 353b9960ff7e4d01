"""The customer's answer to a quote, by the signed link."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.domains.crm import service
from tests.domains.crm.conftest import Desk

BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
FORM = {**BROWSER, "Content-Type": "application/x-www-form-urlencoded"}


def path_of(desk: Desk, quote: service.Quote) -> str:
    with desk.session() as session:
        return service.accept_url(session, quote).removeprefix(desk.world.settings.public_url)


def test_looking_at_a_quote_answers_nothing(client: FlaskClient, desk: Desk) -> None:
    quote = desk.offered()
    for _ in range(2):
        looked = client.get(path_of(desk, quote))
        assert (looked.status_code, looked.json["quote_number"]) == (200, quote.quote_number)
    assert (looked.json["status"], looked.json["total_amount"], len(looked.json["items"])) == ("open", 447, 2)
    # what is nobody's business but ours
    assert set(looked.json).isdisjoint({"id", "lead_id", "customer_id", "notes"})
    assert desk.read_quote(quote).status == "open"


def test_the_customer_accepts_once(client: FlaskClient, desk: Desk) -> None:
    quote = desk.offered()
    for _ in range(2):
        answer = client.post(f"{path_of(desk, quote)}/accept")
        assert (answer.status_code, answer.json["status"]) == (200, "accepted")
    assert desk.read_quote(quote).accepted_by == quote.customer_email
    assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.accepted"]
    assert desk.owed(quote) is not None
    entry = desk.audit(f"quote/{quote.id}")[-1]
    assert (entry.action, entry.actor) == ("quote.accepted", "public")


def test_the_customer_declines(client: FlaskClient, desk: Desk) -> None:
    quote = desk.offered()
    assert client.post(f"{path_of(desk, quote)}/reject").json["status"] == "rejected"
    late = client.post(f"{path_of(desk, quote)}/accept")
    assert (late.status_code, late.json["code"]) == (409, "illegal-transition")


def test_what_was_valid_until_then_is_not_accepted_any_more(client: FlaskClient, desk: Desk) -> None:
    quote = desk.offered()
    desk.let_pass(quote)
    late = client.post(f"{path_of(desk, quote)}/accept")
    assert (late.status_code, late.json["code"]) == (409, "quote-expired")
    page = client.post(f"{path_of(desk, quote)}/accept", headers=FORM)
    assert (page.status_code, page.mimetype) == (409, "text/html")
    assert "was valid until" in page.text


def test_people_get_a_page_with_buttons(client: FlaskClient, desk: Desk) -> None:
    quote = desk.offered(desk.qualified(company_name="<b>Engines</b>"))
    path = path_of(desk, quote)
    asked = client.get(path, headers=BROWSER)
    assert asked.mimetype == "text/html"
    assert f'<form method="post" action="{path}/accept">' in asked.text
    assert "&lt;b&gt;Engines&lt;/b&gt;" in asked.text
    assert "447.00 USD" in asked.text
    assert "form-action 'self'" in asked.headers["Content-Security-Policy"]
    accepted = client.post(f"{path}/accept", headers=FORM)
    assert accepted.status_code == 200
    assert "Thank you" in accepted.text
    assert "<form" not in accepted.text


@pytest.mark.parametrize("verb", ["", "/accept", "/reject"])
@pytest.mark.parametrize("token", ["nonsense", "x" * 500, "%ff"])
def test_what_was_not_signed_opens_nothing(client: FlaskClient, token: str, verb: str) -> None:
    address = f"/api/public/quotes/{token}{verb}"
    answer = client.post(address) if verb else client.get(address)
    assert (answer.status_code, answer.json["code"]) == (404, "quote-not-found")


def test_a_link_opens_its_own_quote_only(client: FlaskClient, desk: Desk) -> None:
    first, second = desk.offered(), desk.offered()
    assert path_of(desk, first) != path_of(desk, second)
    client.post(f"{path_of(desk, first)}/accept")
    assert desk.read_quote(second).status == "open"


def test_the_link_is_in_no_event_and_no_audit_row(client: FlaskClient, desk: Desk) -> None:
    quote = desk.accepted()
    token = path_of(desk, quote).rpartition("/")[2]
    told: list[Any] = [data for _, data in desk.events(f"quote/{quote.id}")]
    told += [entry.after for entry in desk.audit(f"quote/{quote.id}")]
    assert token not in str(told)
