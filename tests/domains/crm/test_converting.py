"""A qualified lead becomes a customer, once; and the way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domains.crm import service
from app.domains.crm.errors import LeadNotQualified
from app.domains.customers import service as customers
from tests.domains.crm.conftest import Desk


def convert(desk: Desk, lead: service.Lead, *, key: str = "test") -> service.Lead:
    with desk.session() as session:
        return service.convert_lead(session, lead_id=lead.id, key=key)[0]


def undo(desk: Desk, lead: service.Lead, *, key: str = "test") -> service.Lead:
    with desk.session() as session:
        return service.undo_conversion(session, lead_id=lead.id, key=key)


def test_the_prospect_is_a_customer_and_the_lead_converted(desk: Desk) -> None:
    lead = convert(desk, desk.qualified())
    assert lead.status == "converted"
    assert lead.converted_at is not None
    assert desk.customer_of(lead).status == "active"
    assert desk.told(f"customer/{lead.customer_id}") == ["customer.created", "customer.activated"]


def test_a_converted_lead_stays_as_it_is(desk: Desk) -> None:
    lead = desk.qualified()
    first, second = convert(desk, lead), convert(desk, lead, key="another")
    assert (first.converted_at, first.converted_for) == (second.converted_at, second.converted_for)


def test_only_a_qualified_lead_is_converted(desk: Desk) -> None:
    with pytest.raises(LeadNotQualified, match="is new: qualify it first"):
        convert(desk, desk.lead())


def test_many_at_once_make_one_customer(desk: Desk) -> None:
    lead = desk.qualified()
    with ThreadPoolExecutor(4) as pool:
        keys = {each.converted_for for each in pool.map(lambda number: convert(desk, lead, key=str(number)), range(8))}
    assert len(keys) == 1
    assert desk.count("customers") == 1
    assert desk.told(f"customer/{lead.customer_id}") == ["customer.created", "customer.activated"]


def test_undone_the_lead_is_qualified_and_the_customer_a_prospect_again(desk: Desk) -> None:
    lead = convert(desk, desk.qualified())
    for _ in range(2):
        again = undo(desk, lead)
        assert (again.status, again.converted_at, again.customer_id) == ("qualified", None, lead.customer_id)
        assert desk.customer_of(lead).status == "prospect"
    assert convert(desk, lead, key="again").status == "converted"
    assert desk.customer_of(lead).status == "active"


@pytest.mark.parametrize("before", ["active", "inactive"])
def test_undone_a_customer_from_before_is_what_it_was(desk: Desk, before: str) -> None:
    with desk.session() as session:
        new = customers.NewCustomer(email="ada@example.com", name="Countess", status="active")
        known = customers.create_customer(session, new=new)
        if before == "inactive":
            customers.deactivate_customer(session, customer_id=known.id)
    lead = convert(desk, desk.qualified(email="ada@example.com"))
    assert desk.customer_of(lead).status == "active"
    undo(desk, lead)
    assert desk.customer_of(lead).status == before


def test_what_another_key_converted_is_not_taken_back(desk: Desk) -> None:
    lead = convert(desk, desk.qualified())
    assert undo(desk, lead, key="another").status == "converted"
    assert desk.customer_of(lead).status == "active"


def test_a_customer_who_left_meanwhile_stays_away(desk: Desk) -> None:
    lead = convert(desk, desk.qualified())
    assert lead.customer_id is not None
    with desk.session() as session:
        customers.deactivate_customer(session, customer_id=lead.customer_id)
    undo(desk, lead)
    assert desk.customer_of(lead).status == "inactive"
