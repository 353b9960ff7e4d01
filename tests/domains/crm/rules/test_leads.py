"""What a lead may be, what it lacks, and which way it goes."""

from __future__ import annotations

import pytest

from app.domains.crm.rules import leads
from app.domains.crm.rules.leads import Status

WHOLE = {
    "email": "ada@example.com",
    "phone": None,
    "first_name": "Ada",
    "last_name": "Lovelace",
    "company_name": "Engines Ltd",
    "wanted_products": [{"product_code": "starter", "quantity": 1}],
}


def pointers(found):
    return [fault.pointer for fault in found]


def test_little_has_to_be_known_of_a_lead():
    assert leads.faults({"phone": "+49 30 1234567"}) == []
    assert leads.faults({"email": "ada@example.com"}) == []
    assert pointers(leads.faults({"company_name": "Engines Ltd"})) == ["/email"]


def test_everything_wrong_is_told_at_once():
    found = leads.faults(
        {
            "email": "nobody",
            "phone": "12",
            "address": {"line1": "Hauptstr. 1", "planet": "Mars"},
            "wanted_products": [
                {"product_code": ""},
                {"product_code": "starter", "quantity": 0},
                {"product_code": "starter"},
            ],
        }
    )
    assert pointers(found) == [
        "/email",
        "/phone",
        "/address/planet",
        "/address/city",
        "/address/country",
        "/wanted_products/0/product_code",
        "/wanted_products/1/quantity",
        "/wanted_products/2/product_code",
    ]


def test_more_products_than_a_quote_has_lines_are_too_many():
    wanted = [{"product_code": f"p{number}"} for number in range(leads.MAX_PRODUCTS + 1)]
    assert pointers(leads.faults({"email": "ada@example.com", "wanted_products": wanted})) == ["/wanted_products"]


def test_a_whole_lead_lacks_nothing():
    assert leads.missing(WHOLE) == []


@pytest.mark.parametrize(
    ("without", "pointer"),
    [
        ({"email": None}, "/email"),
        ({"first_name": None, "last_name": None}, "/last_name"),
        ({"company_name": None}, "/company_name"),
        ({"wanted_products": []}, "/wanted_products"),
    ],
)
def test_what_a_lead_lacks_is_named(without, pointer):
    assert pointers(leads.missing(WHOLE | without)) == [pointer]


def test_whoever_is_qualified_is_changed_as_a_customer():
    assert leads.fixed_faults(["email", "notes"], status="new") == []
    assert pointers(leads.fixed_faults(["email", "notes"], status="qualified")) == ["/email"]
    assert pointers(leads.fixed_faults(["email", "notes"], status="lost")) == ["/email", "/notes"]


LEGAL = {
    ("new", "contacted"),
    ("new", "qualified"),
    ("new", "lost"),
    ("contacted", "qualified"),
    ("contacted", "lost"),
    ("qualified", "new"),
    ("qualified", "contacted"),
    ("qualified", "converted"),
    ("qualified", "lost"),
    ("converted", "qualified"),
    ("lost", "new"),
}


def test_the_ways_of_a_lead():
    assert {(before, after) for before in Status for after in Status if leads.is_legal(before, after)} == LEGAL
