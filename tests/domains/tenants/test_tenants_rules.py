"""Slugs, passwords, addresses and permissions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.tenants import rules

SLUG_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize("slug", ["example-isp", "abc", "a1b", "9lives", "x" * 63, "a-b-c"])
def test_a_dns_label_of_three_to_sixty_three_characters_is_a_slug(slug: str) -> None:
    assert rules.slug_fault(slug) is None


@pytest.mark.parametrize(
    "slug",
    ["", "ab", "x" * 64, "-abc", "abc-", "Abc", "a_b", "a.b.c", "äbc", "a b", "abc\n", "xn--bcher-kva", "١٢٣"],
)
def test_what_is_no_dns_label_is_refused_with_a_sentence(slug: str) -> None:
    fault = rules.slug_fault(slug)
    assert fault is not None
    assert fault.endswith(".")


@pytest.mark.parametrize(
    "slug", ["www", "api", "admin", "smtp", "flower", "localhost", "operator", "billing", "cdn", "ns1"]
)
def test_reserved_names_are_refused_by_name(slug: str) -> None:
    assert slug in str(rules.slug_fault(slug))


def test_every_reserved_name_has_the_form_of_a_name() -> None:
    assert all(set(name) <= set(SLUG_LETTERS) | {"-"} for name in rules.RESERVED_SLUGS)


@given(st.text(SLUG_LETTERS, min_size=4, max_size=63).filter(lambda slug: slug not in rules.RESERVED_SLUGS))
def test_letters_and_digits_alone_make_a_slug(slug: str) -> None:
    assert rules.slug_fault(slug) is None


@pytest.mark.parametrize("email", ["jo@example.com", "admin@turnup.local", "a.b+c@mail.example.co.uk"])
def test_an_address_to_sign_in_with_need_not_be_deliverable(email: str) -> None:
    assert rules.email_fault(email) is None


@pytest.mark.parametrize(
    "email", ["", "jo", "@example.com", "jo@", "jo@-x.com", "a b@example.com", "jo@example.com\n", "j\x00o@x.com"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    assert rules.email_fault(email)


def test_addresses_are_compared_in_lower_case() -> None:
    assert rules.normal_email("  Jo@Example.COM ") == "jo@example.com"


@pytest.mark.parametrize("password", ["short", "x" * 257, "password1234", "aaaaaaaaaaaaaa", "jo@example.com1"])
def test_weak_passwords_are_refused(password: str) -> None:
    assert rules.password_fault(password, email="Jo@example.com")


def test_a_long_password_needs_no_special_characters() -> None:
    assert rules.password_fault("correct horse battery", email="jo@example.com") is None


@pytest.mark.parametrize(
    ("held", "wanted", "is_allowed"),
    [
        ("*", "order.read", True),
        ("order.read", "order.read", True),
        ("order.read", "order.create", False),
        ("order.*", "order.create", True),
        ("order.*", "order.*", True),
        ("order.*", "orders.read", False),
        ("order.read", "order.*", False),
        ("workflow:*", "workflow:view", True),
        ("workflow:*", "workflow.view", False),
        ("order.*", "*", False),
    ],
)
def test_a_permission_covers_itself_and_a_pattern_its_kind(held: str, wanted: str, is_allowed: bool) -> None:
    assert rules.allows([held], wanted) is is_allowed


def test_nobody_without_permissions_may_anything() -> None:
    assert not rules.allows([], "order.read")


def test_the_seeded_roles_hold_what_they_are_known_for() -> None:
    assert set(rules.SEEDED_ROLES["sales"]) == {
        "order.read",
        "order.create",
        "order.submit",
        "customer.read",
        "customer.create",
        "customer.update",
        "lead.*",
        "quote.*",
        "site_survey.read",
        "site_survey.create",
        "partner.read",
        "partner.use",
        "plan.read",
        "subscription.read",
    }
    assert set(rules.SEEDED_ROLES["operations"]) == {
        "order.read",
        "order.process",
        "order.update",
        "customer.read",
        "quote.read",
        "site_survey.*",
        "deployment.read",
        "deployment.schedule",
        "message.read",
        "team.read",
        "ticket.read",
        "ticket.update",
        "ticket.reply",
        "workflow:view",
        "workflow:execute",
    }
    assert rules.SEEDED_ROLES["platform_admin"] == ("*",)


def test_every_seeded_permission_is_well_formed() -> None:
    assert not [
        permission
        for permissions in rules.SEEDED_ROLES.values()
        for permission in permissions
        if rules.permission_fault(permission)
    ]
