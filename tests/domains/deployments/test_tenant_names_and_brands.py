"""What a customer's tenant is called, and what it looks like."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.deployments.rules import read_brand, slugs
from app.domains.tenants.service import slug_fault


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Example ISP Inc.", "example-isp-inc"),
        ("Müller & Söhne Straßenbau", "muller-sohne-strassenbau"),
        ("  --ACME--  ", "acme"),
        ("株式会社", "customer-x7"),
        ("AB", "customer-x7"),
        ("x" * 80, "x" * 50),
        ("a" * 49 + " b", "a" * 49),
    ],
)
def test_a_tenant_is_called_after_its_company(name, slug):
    first, second = islice(slugs(name, shortest=3, otherwise="customer-X7"), 2)
    assert (first, second) == (slug, f"{slug}-2")


@given(st.text(max_size=120))
def test_every_name_gives_names_of_the_right_form(name):
    for slug in slugs(name, shortest=3, otherwise="customer-x7"):
        fault = slug_fault(slug)
        assert fault is None or "reserved" in fault


def test_a_brand_is_kept_as_it_is_shown():
    brand, faults = read_brand(
        {
            "company_name": " Fast Partner ",
            "logo_url": "https://cdn.example.com/logo.svg",
            "primary_color": "#AABBCC",
            "support_email": "Help@Example.com",
            "support_phone": "0800 FAST",
            "custom_domain": "portal.example.com",
            "secondary_color": None,
        }
    )
    assert faults == []
    assert brand.custom_domain == "portal.example.com"
    assert brand.shown() == {
        "company_name": "Fast Partner",
        "logo_url": "https://cdn.example.com/logo.svg",
        "primary_color": "#aabbcc",
        "support_email": "help@example.com",
        "support_phone": "0800 FAST",
    }


@pytest.mark.parametrize(
    "short",
    [{"branding": "Fast Partner"}, {"branding": {"company_name": "Fast Partner"}}, {"company_name": "Fast Partner"}],
)
def test_its_short_form_means_the_same(short):
    assert read_brand(short)[0].shown() == {"company_name": "Fast Partner"}


def test_no_configuration_is_no_brand():
    brand, faults = read_brand({})
    assert (brand.shown(), brand.custom_domain, faults) == ({}, None, [])


def test_everything_that_is_wrong_is_said_at_once():
    _, faults = read_brand(
        {
            "company_name": "x" * 201,
            "logo_url": "javascript:alert(1)",
            "primary_color": "red",
            "secondary_color": 7,
            "support_email": "nobody",
            "support_phone": "1" * 51,
            "slogan": "Faster",
        }
    )
    assert [fault.pointer for fault in faults] == [
        "/slogan",
        "/company_name",
        "/logo_url",
        "/primary_color",
        "/secondary_color",
        "/support_email",
        "/support_phone",
    ]


@pytest.mark.parametrize(
    "url", ["https://user:pass@example.com/x", "//example.com", "https://", "https://[x", "ftp://x"]
)
def test_a_logo_has_an_address_without_a_password(url):
    assert read_brand({"logo_url": url})[1]
