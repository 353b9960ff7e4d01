"""How a partner is called and looks, and what is told of its customers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.core.errors import Invalid
from app.domains.partners.rules.partners import checked, checked_branding
from app.domains.partners.rules.quota import Quota, count_faults, total_faults
from app.domains.partners.service.customer_data import read_customer


def test_fields_are_brought_into_the_form_in_which_they_are_kept():
    kept, faults = checked({"code": "acme", "name": "  Acme ", "email": " Sales@ACME.example.com "})
    assert (kept, faults) == ({"code": "acme", "name": "Acme", "email": "sales@acme.example.com"}, [])


@pytest.mark.parametrize(
    "wrong",
    [{"code": "Not A Code"}, {"code": None}, {"name": " "}, {"name": 7}, {"email": "nobody"}, {"owner_id": "x"}],
)
def test_a_wrong_field_is_named(wrong):
    assert [fault.pointer for fault in checked(wrong)[1]] == [f"/{next(iter(wrong))}"]


def test_a_brand_keeps_what_says_something():
    kept, faults = checked_branding(
        {"company_name": "Acme", "primary_color": "#AABBCC", "logo_url": "", "support_email": None}
    )
    assert (kept, faults) == ({"company_name": "Acme", "primary_color": "#aabbcc"}, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"primary_color": "red"},
        {"logo_url": "javascript:alert(1)"},
        {"logo_url": "https://"},
        {"logo_url": "https://example.com/a b"},
        {"support_email": "nobody"},
        {"company_name": "x" * 201},
        {"custom_domain": "acme.example.com"},
    ],
)
def test_what_no_brand_can_be_made_of_is_named(wrong):
    assert [fault.pointer for fault in checked_branding(wrong)[1]] == [f"/branding/{next(iter(wrong))}"]


def test_a_quota_tells_what_is_left():
    quota = Quota(total=20, allocated=18, requested=3)
    assert (quota.available, quota.sufficient) == (2, False)
    assert Quota(total=20, allocated=18, requested=2).sufficient


@pytest.mark.parametrize(("license_count", "is_wrong"), [(0, True), (1, False), (500, False), (501, True)])
def test_licenses_are_given_out_in_numbers_that_can_be_issued_at_once(license_count, is_wrong):
    assert bool(count_faults(license_count)) is is_wrong


@pytest.mark.parametrize(("total", "is_wrong"), [(-1, True), (0, False), (10_000_000, False), (10_000_001, True)])
def test_a_pool_has_a_number_of_licenses(total, is_wrong):
    assert bool(total_faults(total)) is is_wrong


def test_a_customer_is_read_from_a_document():
    address = {"line1": "Hauptstr. 1", "city": "Berlin", "country": "DE", "latitude": 52.52, "longitude": "13.4"}
    read = read_customer({"email": "a@example.com", "name": "Ada", "phone": None, "addresses": [address]})
    assert {name: read[name] for name in ("email", "name")} == {"email": "a@example.com", "name": "Ada"}
    (kept,) = read["addresses"]
    assert (kept.kind, kept.city, kept.latitude, kept.longitude) == (
        "service",
        "Berlin",
        Decimal("52.52"),
        Decimal("13.4"),
    )


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ({}, ["/customer_data/email"]),
        (
            {"email": "a@example.com", "partner_id": "x", "status": "active"},
            ["/customer_data/partner_id", "/customer_data/status"],
        ),
        ({"email": "a@example.com", "name": 7, "labels": []}, ["/customer_data/name", "/customer_data/labels"]),
        ({"email": "a@example.com", "addresses": "Berlin"}, ["/customer_data/addresses"]),
        (
            {
                "email": "a@example.com",
                "addresses": [{"line1": 1, "city": "Berlin", "street": "x", "latitude": "north"}],
            },
            [f"/customer_data/addresses/0/{part}" for part in ("street", "country", "latitude", "line1")],
        ),
    ],
)
def test_what_cannot_be_read_is_named_all_at_once(data, pointers):
    with pytest.raises(Invalid) as refused:
        read_customer(data)
    assert [fault.pointer for fault in refused.value.faults] == pointers
