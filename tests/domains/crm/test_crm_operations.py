"""The room's operations as steps call them, each with its undo: what was there before the step is there again."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import text

from app.core.ids import new_id
from app.domains.crm import service
from app.domains.crm.errors import QuoteNotFound, QuoteOrdersNothing, SurveyNotFeasible
from app.domains.crm.operations import OPERATIONS
from app.domains.customers import service as customers
from app.domains.sales import service as sales
from tests.calls import DirectCall
from tests.domains.crm.conftest import ADDRESS, Desk

# what tells of the past, and is not undone
_LATER = {"updated_at", "version", "search_text"}


def picture(desk: Desk) -> Any:
    """Every row of the room and of its customers, without what changes with every change."""
    found = {}
    with desk.session() as session:
        for table in ("leads", "quotes", "customers", "customer_addresses", "payables", "payable_sources", "orders"):
            rows = session.execute(text(f"SELECT to_jsonb(t) FROM {table} t")).scalars()
            found[table] = sorted(
                json.dumps({name: value for name, value in row.items() if name not in _LATER}) for row in rows
            )
    return found


def test_qualifying_a_lead_and_its_undo(desk: Desk) -> None:
    lead = desk.lead()
    before = picture(desk)
    output, effects = desk.perform("crm_service.qualify_lead", lead_id=str(lead.id))
    shown = output["lead"]
    assert (output["lead_id"], shown["status"], shown["customer_email"]) == (str(lead.id), "qualified", lead.email)
    assert shown["customer_id"] is not None
    assert desk.undo("crm_service.qualify_lead", effects)["lead"]["status"] == "new"
    assert picture(desk) == before


def test_what_somebody_else_qualified_is_not_the_second_step_s_to_reopen(desk: Desk) -> None:
    lead = desk.lead()
    _, first = desk.perform("crm_service.qualify_lead", lead_id=str(lead.id))
    _, again = desk.perform("crm_service.qualify_lead", lead_id=str(lead.id))
    _, other = desk.perform("crm_service.qualify_lead", step="another step", lead_id=str(lead.id))
    assert (first == again, other) == (True, [])


def test_a_lead_that_was_offered_something_meanwhile_stays_qualified(desk: Desk) -> None:
    lead = desk.lead()
    _, effects = desk.perform("crm_service.qualify_lead", lead_id=str(lead.id))
    desk.offered(lead)
    assert desk.undo("crm_service.qualify_lead", effects)["lead"]["status"] == "qualified"


def test_making_a_customer_of_a_lead_and_its_undo(desk: Desk) -> None:
    lead = desk.qualified()
    before = picture(desk)
    output, effects = desk.perform("customer_service.create_from_lead", lead_id=str(lead.id))
    shown = output["customer"]
    assert output["customer_id"] == shown["id"] == str(lead.customer_id)
    assert (shown["status"], shown["email"], shown["company_name"]) == ("active", lead.email, "Engines Ltd")
    again, same = desk.perform("customer_service.create_from_lead", lead_id=str(lead.id))
    assert (again, same) == (output, effects)
    other, none = desk.perform("customer_service.create_from_lead", step="another step", lead_id=str(lead.id))
    assert (other, none) == (output, [])
    assert desk.undo("customer_service.create_from_lead", effects)["outcome"] == "restored"
    assert picture(desk) == before


def test_deleting_a_customer_that_nothing_refers_to_and_one_that_something_does(desk: Desk) -> None:
    with desk.session() as session:
        alone, referred_to = (
            customers.create_customer(
                session, new=customers.NewCustomer(email=f"{new_id().hex}@example.com", name="A", status="active")
            )
            for _ in range(2)
        )
        service.request_survey(session, fields={"address": ADDRESS}, customer_id=referred_to.id)

    def outcome(customer_id: Any) -> Any:
        return desk.perform("customer_service.delete_customer", customer_id=str(customer_id))[0]["outcome"]

    assert [outcome(alone.id) for _ in range(2)] == ["deleted", "gone"]
    assert [outcome(referred_to.id) for _ in range(2)] == ["deactivated", "deactivated"]
    assert desk.count("customers", "status = 'inactive'") == 1


def test_generating_a_quote_and_its_undo(desk: Desk) -> None:
    lead = desk.qualified()
    output, effects = desk.perform("crm_service.generate_quote", lead_id=str(lead.id), valid_days=10, discount="10")
    shown = output["quote"]
    assert (output["quote_id"], shown["status"], shown["kind"]) == (shown["id"], "open", "new")
    assert (shown["subtotal"], shown["discount_amount"], shown["total_amount"]) == ("447.00", "44.70", "402.30")
    assert {"quote_number", "items", "tax_amount", "currency", "valid_until", "customer_email"} < set(shown)
    again, same = desk.perform("crm_service.generate_quote", lead_id=str(lead.id), discount="10")
    other, none = desk.perform("crm_service.generate_quote", step="other", lead_id=str(lead.id), discount="10")
    assert (again, same, other, none) == (output, effects, output, [])
    assert desk.undo("crm_service.generate_quote", effects)["quote"]["status"] == "withdrawn"


def test_a_quote_that_was_accepted_meanwhile_is_withdrawn_with_what_was_owed(desk: Desk) -> None:
    lead = desk.qualified()
    output, effects = desk.perform("crm_service.generate_quote", lead_id=str(lead.id))
    with desk.session() as session:
        quote = service.get_quote(session, quote_id=output["quote_id"])
    desk.accepted(quote)
    desk.undo("crm_service.generate_quote", effects)
    assert desk.read_quote(quote).status == "withdrawn"
    assert desk.count("payables") == 0
    assert desk.read_lead(lead).status == "qualified"
    assert desk.customer_of(lead).status == "prospect"


def test_from_lead_to_accepted_quote_and_all_the_way_back(desk: Desk) -> None:
    """What workflow lead_to_customer does before it has anything outside, and its rollback."""
    lead = desk.lead()
    done = []
    output, effects = desk.perform("crm_service.qualify_lead", lead_id=str(lead.id))
    done.append(("crm_service.qualify_lead", effects))
    output, effects = desk.perform("crm_service.generate_quote", lead_id=str(lead.id))
    done.append(("crm_service.generate_quote", effects))
    with desk.session() as session:
        service.accept_quote(session, quote_id=output["quote_id"], key="the customer")
    _, effects = desk.perform("sales_service.create_order_from_quote", quote_id=output["quote_id"])
    with desk.session() as session:
        sales.cancel_order(session, order_id=int(effects[0].reference))
    for name, made in reversed(done):
        desk.undo(name, made)
    again = desk.read_lead(lead)
    assert (again.status, again.customer_id) == ("new", None)
    assert (desk.count("customers"), desk.count("payables")) == (0, 0)
    assert desk.count("quotes", "status <> 'withdrawn'") == desk.count("orders", "status <> 'cancelled'") == 0


def test_accepting_a_quote_and_its_undo(desk: Desk) -> None:
    quote = desk.offered()
    before = picture(desk)
    params = {"quote_id": str(quote.id), "accepted_by": "Ada"}
    output, effects = desk.perform("crm_service.accept_quote", **params)
    assert (output["quote"]["status"], output["quote"]["accepted_by"]) == ("accepted", "Ada")
    assert desk.perform("crm_service.accept_quote", **params) == (output, effects)
    assert desk.perform("crm_service.accept_quote", step="another step", **params) == (output, [])
    assert desk.undo("crm_service.accept_quote", effects)["quote"]["status"] == "open"
    assert picture(desk) == before


def test_a_quote_expires_in_a_step_once_its_time_has_passed(desk: Desk) -> None:
    quote, answered = desk.offered(), desk.accepted()
    for each, status in ((quote, "open"), (answered, "accepted")):
        output, effects = desk.perform("crm_service.expire_quote", quote_id=str(each.id))
        assert (output["quote"]["status"], effects) == (status, [])
    desk.let_pass(quote)
    for _ in range(2):
        assert desk.perform("crm_service.expire_quote", quote_id=str(quote.id))[0]["quote"]["status"] == "expired"
    assert desk.told(f"quote/{quote.id}") == ["quote.created", "quote.expired"]


def test_an_order_of_a_quote_is_cancelled_by_sales(desk: Desk) -> None:
    quote = desk.accepted()
    output, (effect,) = desk.perform("sales_service.create_order_from_quote", quote_id=str(quote.id))
    assert (output["order"]["total_amount"], output["order"]["status"]) == ("447.00", "draft")
    assert output["order_id"] == output["order"]["id"] == int(effect.reference)
    assert effect.undo == {"order_id": output["order_id"]}
    assert OPERATIONS["sales_service.create_order_from_quote"].undone_by == "sales_service.cancel_order"
    again, same = desk.perform("sales_service.create_order_from_quote", quote_id=str(quote.id))
    other, none = desk.perform("sales_service.create_order_from_quote", step="another", quote_id=str(quote.id))
    assert (again, same, other, none) == (output, [effect], output, [])


def test_offering_a_renewal_and_its_undo(desk: Desk) -> None:
    subscription = desk.subscribed()
    params = {"subscription_id": str(subscription.id), "term_months": 12, "discount_percentage": "5"}
    output, effects = desk.perform("crm_service.create_renewal_quote", **params)
    shown = output["quote"]
    assert (shown["kind"], shown["subscription_id"], shown["total_amount"]) == (
        "renewal",
        str(subscription.id),
        "3967.20",
    )
    assert (shown["term_months"], shown["valid_until"]) == (12, subscription.current_period_end.isoformat())
    assert desk.perform("crm_service.create_renewal_quote", step="another", **params) == (output, [])
    with pytest.raises(QuoteOrdersNothing):
        desk.perform("sales_service.create_order_from_quote", quote_id=shown["id"])
    assert desk.undo("crm_service.create_renewal_quote", effects)["quote"]["status"] == "withdrawn"


def test_a_survey_is_read_by_ticket_customer_or_id(desk: Desk) -> None:
    ticket_id = new_id()
    with desk.session() as session:
        survey = service.request_survey(session, fields={"address": ADDRESS}, ticket_id=ticket_id)
        result = {"is_feasible": True, "technology": "gpon", "olt": "olt-1", "port": "0/1/3", "ont_type": "HG8245"}
        service.complete_survey(session, survey_id=survey.id, result=result)
    output, effects = desk.perform("crm_service.get_site_survey", ticket_id=str(ticket_id))
    assert effects == []
    assert output["survey_id"] == output["survey"]["id"] == str(survey.id)
    assert (output["survey"]["address"], output["survey"]["serviceable"], output["survey"]["port"]) == (
        ADDRESS,
        True,
        "0/1/3",
    )
    assert desk.perform("crm_service.get_site_survey", survey_id=str(survey.id))[0] == output


def test_a_survey_that_says_no_fails_for_good(desk: Desk) -> None:
    ticket_id = new_id()
    with desk.session() as session:
        survey = service.request_survey(session, fields={"address": ADDRESS}, ticket_id=ticket_id)
        service.complete_survey(session, survey_id=survey.id, result={"is_feasible": False, "reason": "No duct."})
    with pytest.raises(SurveyNotFeasible, match="No duct") as failed:
        desk.perform("crm_service.get_site_survey", ticket_id=str(ticket_id))
    assert failed.value.permanent


def test_a_missing_quote_is_said_in_known_words(desk: Desk) -> None:
    with pytest.raises(QuoteNotFound, match=r"^Quote not found$"):
        desk.perform("crm_service.accept_quote", quote_id=str(new_id()))


def test_leads_and_quotes_are_read_again_as_they_are_now(desk: Desk) -> None:
    lead = desk.lead()
    qualified, _ = desk.perform("crm_service.qualify_lead", lead_id=str(lead.id))
    offered, _ = desk.perform("crm_service.generate_quote", lead_id=str(lead.id))
    with desk.session() as session:
        service.accept_quote(session, quote_id=offered["quote_id"], key="test")
    with ExitStack() as stack:
        call = DirectCall(desk.world.database, desk.owner_id, _stack=stack)
        for noun, shown, status in (("lead", qualified["lead"], "converted"), ("quote", offered["quote"], "accepted")):
            read = OPERATIONS.reader(noun)
            assert read is not None
            assert (read(call, shown) or {})["status"] == status
            assert read(call, {"id": str(new_id())}) is None
