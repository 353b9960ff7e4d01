"""Subdomains by company names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.crm.rules.slugs import numbered, slug_of
from app.domains.tenants.rules import RESERVED_SLUGS, slug_fault


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Example ISP Inc.", "example-isp-inc"),
        ("Müller & Søn A/S", "mueller-son-a-s"),
        ("Łódź Télécom", "lodz-telecom"),
        ("日本電信", "customer"),
        ("A", "customer"),
        ("xn--bcher", "xn-bcher"),
        ("A" * 100, "a" * 40),
    ],
)
def test_a_name_in_the_letters_of_a_subdomain(name, slug):
    assert slug_of(name) == slug


@given(st.text(max_size=80))
def test_whatever_the_name_the_subdomain_is_well_formed(name):
    slug = slug_of(name)
    assert slug in RESERVED_SLUGS or slug_fault(slug) is None
    assert slug_fault(numbered(slug, 2)) is None


def test_the_first_has_no_number():
    assert [numbered("engines", number) for number in (1, 2)] == ["engines", "engines-2"]
