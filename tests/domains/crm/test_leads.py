"""Leads: made, found, changed, talked to, given up."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.core.ids import new_id
from app.domains.crm import service
from app.domains.crm.errors import IllegalLeadTransition, LeadInUse, LeadInvalid, LeadNotFound
from tests.domains.crm.conftest import Desk, open_desk


def test_a_lead_begins_with_whatever_is_known(desk: Desk) -> None:
    with desk.session() as session:
        lead = service.create_lead(session, fields={"email": " Ada@Example.com ", "last_name": " ", "phone": None})
    kept = desk.read_lead(lead)
    assert (kept.status, kept.source, kept.email, kept.last_name) == ("new", "other", "ada@example.com", None)
    assert (kept.currency, kept.billing_cycle, kept.address, kept.wanted_products) == ("USD", "monthly", {}, [])
    assert (kept.customer_id, kept.score) == (None, None)


def test_it_is_told_and_noted_without_a_name_in_the_audit_log(desk: Desk) -> None:
    lead = desk.lead()
    ((event_type, data),) = desk.events(f"lead/{lead.id}")
    assert event_type == "lead.created"
    assert data["products"] == [
        {"product_code": "subscriber-provisioning", "quantity": 2},
        {"product_code": "billing-invoicing", "quantity": 1},
    ]
    (entry,) = desk.audit(f"lead/{lead.id}")
    assert entry.action == "lead.created"
    assert lead.email is not None
    assert lead.email not in str(entry.after)


def test_everything_wrong_is_told_at_once_and_nothing_is_made(desk: Desk) -> None:
    with pytest.raises(LeadInvalid) as refused:
        desk.lead(
            email="nobody",
            address={"line1": "Hauptstr. 1"},
            wanted_products=[{"product_code": ""}],
            organization_slug="-",
        )
    assert {fault.pointer for fault in refused.value.faults} == {
        "/email",
        "/address/city",
        "/address/country",
        "/organization_slug",
        "/wanted_products/0/product_code",
    }
    assert desk.count("leads") == 0


def test_what_is_no_lead_s_to_say_is_refused(desk: Desk) -> None:
    for field in ("status", "customer_id", "score"):
        with pytest.raises(LeadInvalid):
            desk.lead(**{field: None})


def test_leads_are_found_by_part_of_their_text_status_source_and_address(desk: Desk, world: Any) -> None:
    word = new_id().hex
    first, second = desk.lead(company_name=f"The {word} Company"), desk.lead(source="referral", last_name=word.upper())
    open_desk(world).lead(company_name=word)
    with desk.session() as session:

        def found(**filters: Any) -> list[Any]:
            chosen = service.list_leads(session, **filters)
            return [each.id for each in session.scalars(chosen.order_by(service.Lead.id))]

        assert found(q=word[3:30]) == [first.id, second.id]
        assert found(q=word, source="referral") == [second.id]
        assert found(status="qualified") == []
        assert first.email is not None
        assert found(email=f" {first.email.upper()} ") == [first.id]
        assert found(q="%") == []


def test_a_change_is_checked_with_what_stays(desk: Desk) -> None:
    lead = desk.lead(phone="+49 30 1234567")
    with desk.session() as session:
        service.update_lead(session, lead_id=lead.id, changes={"email": None, "notes": "calls back"})
    with pytest.raises(LeadInvalid, match="can be reached"), desk.session() as session:
        service.update_lead(session, lead_id=lead.id, changes={"phone": " "})
    kept = desk.read_lead(lead)
    assert (kept.email, kept.phone, kept.notes) == (None, "+49 30 1234567", "calls back")
    entry = desk.audit(f"lead/{lead.id}")[-1]
    assert (entry.action, (entry.after or {})["changed"]) == ("lead.updated", ["email", "notes"])


def test_who_a_qualified_lead_is_does_not_change_any_more(desk: Desk) -> None:
    lead = desk.qualified()
    with pytest.raises(LeadInvalid) as refused, desk.session() as session:
        service.update_lead(session, lead_id=lead.id, changes={"email": "other@example.com"})
    assert [fault.pointer for fault in refused.value.faults] == ["/email"]
    with desk.session() as session:
        changed = service.update_lead(session, lead_id=lead.id, changes={"billing_cycle": "annual"})
        assert changed.billing_cycle == "annual"


def test_a_lead_is_talked_to_given_up_and_opened_again(desk: Desk) -> None:
    lead = desk.lead()
    for _ in range(2):
        with desk.session() as session:
            assert service.contact_lead(session, lead_id=lead.id).status == "contacted"
    for reason in ("no budget", "another reason"):
        with desk.session() as session:
            service.lose_lead(session, lead_id=lead.id, reason=reason)
    lost = desk.read_lead(lead)
    assert (lost.status, lost.lost_reason) == ("lost", "no budget")
    assert lost.lost_at is not None
    with pytest.raises(IllegalLeadTransition, match="is lost cannot become contacted"), desk.session() as session:
        service.contact_lead(session, lead_id=lead.id)
    with desk.session() as session:
        again = service.reopen_lead(session, lead_id=lead.id)
    assert (again.status, again.lost_at, again.lost_reason) == ("new", None, None)
    actions = [entry.action for entry in desk.audit(f"lead/{lead.id}")]
    assert actions == ["lead.created", "lead.contacted", "lead.lost", "lead.reopened"]


def test_a_lead_that_may_still_accept_is_not_given_up(desk: Desk) -> None:
    quote = desk.offered()
    assert quote.lead_id is not None
    with pytest.raises(LeadInUse, match="open quote"), desk.session() as session:
        service.lose_lead(session, lead_id=quote.lead_id, reason="no budget")
    with desk.session() as session:
        service.withdraw_quote(session, quote_id=quote.id)
        assert service.lose_lead(session, lead_id=quote.lead_id, reason="no budget").status == "lost"


def test_there_is_no_lead_of_others(desk: Desk, world: Any) -> None:
    theirs = open_desk(world).lead()
    for lead_id in (theirs.id, new_id()):
        with pytest.raises(LeadNotFound), desk.session() as session:
            service.get_lead(session, lead_id=lead_id)
        with pytest.raises(LeadNotFound), desk.session() as session:
            service.qualify_lead(session, lead_id=lead_id, key="test")


@pytest.mark.parametrize(
    "change",
    [
        "status = 'somewhere'",
        "source = 'somewhere'",
        "email = 'Ada@example.com'",
        "email = NULL, phone = NULL",
        "status = 'qualified'",
        "status = 'lost'",
        "status = 'converted', qualified_at = now(), converted_at = now()",
        "score = 101",
        "currency = 'usd'",
    ],
)
def test_the_database_refuses_what_no_lead_can_be(desk: Desk, change: str) -> None:
    lead = desk.lead()
    with pytest.raises(IntegrityError):
        desk.sql(f"UPDATE leads SET {change} WHERE id = :id", id=lead.id)
