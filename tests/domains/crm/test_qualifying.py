"""A lead is qualified, which makes or finds its customer as a prospect; and the way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.ids import new_id
from app.domains.crm import service
from app.domains.crm.errors import IllegalLeadTransition, LeadInUse, LeadNotQualifiable
from app.domains.customers import service as customers
from tests.domains.crm.conftest import ADDRESS, Desk


def qualify(desk: Desk, lead: service.Lead, *, key: str = "test") -> service.Lead:
    with desk.session() as session:
        return service.qualify_lead(session, lead_id=lead.id, key=key)


def test_a_qualified_lead_has_a_score_and_a_prospect_who_is_what_it_said(desk: Desk) -> None:
    lead = desk.qualified(phone="030 1234567", source="referral")
    assert (lead.status, lead.score) == ("qualified", 15 + 10 + 5 + 20 + 20 + 16 + 2)
    assert lead.qualified_at is not None
    customer = desk.customer_of(lead)
    assert (customer.status, customer.email, customer.name) == ("prospect", lead.email, "Ada Lovelace")
    assert (customer.company_name, customer.phone, customer.country) == ("Engines Ltd", "+49301234567", "DE")
    assert (customer.currency, customer.lead_id) == ("USD", lead.id)
    assert [(each.kind, each.line1, each.postal_code) for each in customer.addresses] == [
        ("billing", ADDRESS["line1"], ADDRESS["postal_code"]),
        ("service", ADDRESS["line1"], ADDRESS["postal_code"]),
    ]


def test_it_is_told_once(desk: Desk) -> None:
    lead = desk.qualified()
    assert qualify(desk, lead).id == lead.id
    (_, (event_type, data)) = desk.events(f"lead/{lead.id}")
    assert event_type == "lead.qualified"
    assert (data["customer_id"], data["customer_email"]) == (str(lead.customer_id), lead.email)
    assert data["score"] == lead.score


def test_everything_that_is_missing_is_named_and_nothing_is_made(desk: Desk) -> None:
    lead = desk.lead(
        email=None, phone="030 1234567", first_name=None, last_name=None, company_name=None, wanted_products=[]
    )
    with pytest.raises(LeadNotQualifiable) as refused:
        qualify(desk, lead)
    assert [fault.pointer for fault in refused.value.faults] == [
        "/email",
        "/last_name",
        "/company_name",
        "/wanted_products",
    ]
    assert desk.count("customers") == 0


def test_what_no_customer_can_be_is_named_at_its_place_in_the_lead(desk: Desk) -> None:
    lead = desk.lead(phone="12345", address={**ADDRESS, "country": "ZZ"})
    with pytest.raises(LeadNotQualifiable) as refused:
        qualify(desk, lead)
    assert {fault.pointer for fault in refused.value.faults} == {"/phone", "/address/country"}
    assert desk.read_lead(lead).status == "new"


def test_a_lost_lead_is_opened_again_first(desk: Desk) -> None:
    lead = desk.lead()
    with desk.session() as session:
        service.lose_lead(session, lead_id=lead.id, reason="no budget")
    with pytest.raises(IllegalLeadTransition, match="is lost cannot become qualified"):
        qualify(desk, lead)
    assert desk.count("customers") == 0


def test_a_customer_with_that_address_is_found(desk: Desk) -> None:
    with desk.session() as session:
        new = customers.NewCustomer(email="ada@example.com", name="Countess", status="active")
        known = customers.create_customer(session, new=new)
    lead = desk.qualified(email="Ada@Example.com")
    assert lead.customer_id == known.id
    found = desk.customer_of(lead)
    assert (found.name, found.status, found.lead_id) == ("Countess", "active", None)


def test_two_leads_of_one_person_have_one_customer(desk: Desk) -> None:
    first, second = (desk.qualified(email="ada@example.com") for _ in range(2))
    assert first.customer_id == second.customer_id
    assert desk.count("customers") == 1


def test_a_lead_that_many_qualify_at_once_makes_one_customer(desk: Desk) -> None:
    lead = desk.lead()
    with ThreadPoolExecutor(4) as pool:
        made = {each.customer_id for each in pool.map(lambda number: qualify(desk, lead, key=str(number)), range(8))}
    assert len(made) == 1
    assert desk.count("customers") == 1
    assert desk.told(f"lead/{lead.id}") == ["lead.created", "lead.qualified"]


def test_two_leads_of_one_person_at_once_have_one_customer(desk: Desk) -> None:
    first, second = (desk.lead(email="ada@example.com") for _ in range(2))
    with desk.overtaken(lambda: qualify(desk, second)) as (session, theirs):
        ours = service.qualify_lead(session, lead_id=first.id, key="ours").customer_id
    assert theirs[0].result().customer_id == ours
    assert desk.count("customers") == 1


class TestReopening:
    @pytest.mark.parametrize("before", ["new", "contacted"])
    def test_the_lead_is_what_it_was_and_its_prospect_is_gone(self, desk: Desk, before: str) -> None:
        lead = desk.lead()
        if before == "contacted":
            with desk.session() as session:
                service.contact_lead(session, lead_id=lead.id)
        qualify(desk, lead)
        with desk.session() as session:
            service.reopen_lead(session, lead_id=lead.id)
        again = desk.read_lead(lead)
        assert (again.status, again.customer_id, again.score, again.qualified_at) == (before, None, None, None)
        assert (desk.count("customers"), desk.count("customer_addresses")) == (0, 0)
        assert qualify(desk, lead).status == "qualified"

    def test_a_customer_that_was_there_before_stays(self, desk: Desk) -> None:
        with desk.session() as session:
            known = customers.create_customer(
                session, new=customers.NewCustomer(email="ada@example.com", name="Countess")
            )
        lead = desk.qualified(email="ada@example.com")
        with desk.session() as session:
            service.reopen_lead(session, lead_id=lead.id)
            assert customers.get_customer(session, customer_id=known.id).status == "prospect"

    def test_a_prospect_that_another_lead_has_too_stays(self, desk: Desk) -> None:
        first, second = (desk.qualified(email="ada@example.com") for _ in range(2))
        with desk.session() as session:
            service.reopen_lead(session, lead_id=first.id)
        assert desk.customer_of(second).status == "prospect"

    def test_a_prospect_that_a_withdrawn_quote_was_made_for_goes_and_the_quote_keeps_the_name(self, desk: Desk) -> None:
        quote = desk.offered()
        assert quote.lead_id is not None
        with desk.session() as session:
            service.withdraw_quote(session, quote_id=quote.id)
            service.reopen_lead(session, lead_id=quote.lead_id)
        assert desk.count("customers") == 0
        kept = desk.read_quote(quote)
        assert (kept.customer_id, kept.customer_name, kept.customer_email) == (
            None,
            quote.customer_name,
            quote.customer_email,
        )

    def test_a_prospect_that_something_else_refers_to_is_deactivated(self, desk: Desk) -> None:
        quote = desk.offered()
        assert quote.lead_id is not None
        with desk.session() as session:
            lead = service.get_lead(session, lead_id=quote.lead_id)
            service.request_survey(session, fields={"address": ADDRESS}, customer_id=lead.customer_id)
            service.withdraw_quote(session, quote_id=quote.id)
            service.reopen_lead(session, lead_id=quote.lead_id)
            assert lead.status == "new"
        assert desk.count("customers", "status = 'inactive'") == 1
        assert desk.read_quote(quote).customer_id is not None

    def test_a_lead_that_somebody_builds_on_stays_qualified(self, desk: Desk) -> None:
        quote = desk.offered()
        assert quote.lead_id is not None
        with pytest.raises(LeadInUse), desk.session() as session:
            service.reopen_lead(session, lead_id=quote.lead_id)
        desk.accepted(quote)
        with pytest.raises(LeadInUse), desk.session() as session:
            service.reopen_lead(session, lead_id=quote.lead_id)

    def test_a_lead_that_is_not_qualified_stays_as_it_is(self, desk: Desk) -> None:
        lead = desk.lead()
        with desk.session() as session:
            assert service.reopen_lead(session, lead_id=lead.id).status == "new"

    def test_what_another_key_qualified_is_not_taken_back(self, desk: Desk) -> None:
        lead = desk.qualified()
        with desk.session() as session:
            assert service.undo_qualification(session, lead_id=lead.id, key=f"test/{new_id()}").status == "qualified"
