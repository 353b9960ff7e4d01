"""Statuses, the form in which each field is kept, and what a customer is called by."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.domains.customers import rules
from app.domains.customers.rules import NewAddress, Status
from tests.domains.customers.conftest import address


def kept(**wanted: Any) -> dict[str, Any]:
    found, faults = rules.checked(wanted)
    assert faults == []
    return found


def faults(**wanted: Any) -> dict[str, str]:
    return {fault.pointer: fault.message for fault in rules.checked(wanted)[1]}


@pytest.mark.parametrize(
    ("name", "given", "is_kept"),
    [
        ("email", " Ada@Example.COM ", "ada@example.com"),
        ("name", "  Ada Lovelace ", "Ada Lovelace"),
        ("company_name", "  ", None),
        ("tier", "gold", "gold"),
        ("tax_id", "", None),
        ("currency", "eur", "EUR"),
        ("currency", None, None),
        ("country", "de", "DE"),
        ("country", "", None),
        ("phone", "+49 (0)30 1234567", "+49301234567"),
        ("phone", "+1 212-555-0142", "+12125550142"),
        ("phone", " ", None),
        ("phone", None, None),
        ("status", "active", "active"),
    ],
)
def test_a_value_is_kept_in_one_form(name: str, given: str | None, is_kept: str | None) -> None:
    assert kept(**{name: given}) == {name: is_kept}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("email", "nobody"),
        ("email", "two@example.com, more@example.com"),
        ("email", "Ada <ada@example.com>"),
        ("name", "x" * 201),
        ("first_name", "x" * 201),
        ("last_name", "x" * 201),
        ("company_name", "x" * 201),
        ("tier", "x" * 65),
        ("tax_id", "x" * 65),
        ("currency", "EURO"),
        ("currency", "E1R"),
        ("country", "UK"),
        ("country", "ZZ"),
        ("country", "Germany"),
        ("phone", "call me"),
        ("phone", "030 1234567"),
        ("phone", "+49 1"),
        ("phone", "+999 1234567"),
        ("phone", "+49 30 1234567 ext. 12"),
        ("status", "inactive"),
        ("status", "dormant"),
    ],
)
def test_a_value_that_is_wrong_is_refused_by_its_place(name: str, given: str) -> None:
    assert faults(**{name: given}).keys() == {f"/{name}"}


def test_everything_wrong_is_told_at_once() -> None:
    wrong = faults(email="nobody", phone="1", country="ZZ", currency="€", addresses=[address(kind="home", country="X")])
    assert wrong.keys() == {
        "/email",
        "/phone",
        "/country",
        "/currency",
        "/addresses/0/kind",
        "/addresses/0/country",
    }


def test_a_telephone_number_without_country_code_is_one_of_the_country() -> None:
    assert kept(phone="030 1234567", country="de")["phone"] == "+49301234567"
    found, wrong = rules.checked({"phone": "0161 496 0000"}, country="GB")
    assert (found, wrong) == ({"phone": "+441614960000"}, [])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "home"}, "/kind"),
        ({"line1": " "}, "/line1"),
        ({"city": ""}, "/city"),
        ({"line2": "x" * 201}, "/line2"),
        ({"region": "x" * 201}, "/region"),
        ({"postal_code": "x" * 65}, "/postal_code"),
        ({"country": "ZZ"}, "/country"),
        ({"country": ""}, "/country"),
        ({"latitude": Decimal("90.1"), "longitude": Decimal(0)}, "/latitude"),
        ({"latitude": Decimal(0), "longitude": Decimal("-180.1")}, "/longitude"),
        ({"latitude": Decimal("NaN"), "longitude": Decimal(0)}, "/latitude"),
        ({"latitude": Decimal(1)}, "/longitude"),
        ({"longitude": Decimal(1)}, "/latitude"),
    ],
)
def test_an_address_that_is_wrong_is_refused_by_its_place(changes: dict[str, Any], pointer: str) -> None:
    assert faults(addresses=[address(), address(**changes)]).keys() == {f"/addresses/1{pointer}"}


def test_an_address_is_kept_in_one_form() -> None:
    given = address(
        line1=" Hauptstr. 1 ", line2="", country="de", latitude=Decimal("52.5200066"), longitude=Decimal(13)
    )
    (found,) = kept(addresses=[given])["addresses"]
    assert asdict(found) == asdict(
        NewAddress(
            kind="billing",
            line1="Hauptstr. 1",
            city="Berlin",
            country="DE",
            is_primary=True,
            latitude=Decimal("52.520007"),
            longitude=Decimal("13.000000"),
        )
    )


def test_of_each_kind_the_first_is_the_primary_where_none_says_so() -> None:
    given = [address(), address(), address(kind="service"), address(kind="service", is_primary=True)]
    assert [each.is_primary for each in kept(addresses=given)["addresses"]] == [True, False, False, True]


def test_two_primary_addresses_of_a_kind_are_refused() -> None:
    assert faults(addresses=[address(is_primary=True), address(is_primary=True)]).keys() == {"/addresses/1/is_primary"}
    assert faults(addresses=[address(is_primary=True), address(kind="service", is_primary=True)]) == {}


def test_a_customer_has_a_limited_number_of_addresses() -> None:
    assert faults(addresses=[address()] * 21).keys() == {"/addresses"}
    assert faults(addresses=[address()] * 20) == {}


@pytest.mark.parametrize(
    ("first_name", "last_name", "company_name", "name"),
    [
        ("Ada", "Lovelace", "Engines Ltd", "Ada Lovelace"),
        (None, "Lovelace", None, "Lovelace"),
        (None, None, "Engines Ltd", "Engines Ltd"),
        (None, None, None, None),
    ],
)
def test_who_has_said_no_name_is_called_by_the_person_s_or_the_company_s(
    first_name: str | None, last_name: str | None, company_name: str | None, name: str | None
) -> None:
    assert rules.full_name(first_name=first_name, last_name=last_name, company_name=company_name) == name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Status.PROSPECT),
        (None, Status.ACTIVE),
        (Status.PROSPECT, Status.ACTIVE),
        (Status.PROSPECT, Status.INACTIVE),
        (Status.ACTIVE, Status.INACTIVE),
        (Status.INACTIVE, Status.ACTIVE),
    ],
)
def test_legal_transitions(before: Status | None, after: Status) -> None:
    assert rules.is_legal(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Status.INACTIVE),
        (Status.ACTIVE, Status.PROSPECT),
        (Status.INACTIVE, Status.PROSPECT),
        (Status.ACTIVE, Status.ACTIVE),
    ],
)
def test_illegal_transitions(before: Status | None, after: Status) -> None:
    assert not rules.is_legal(before, after)


_ID = UUID("019aa8f0-7c1e-7d3a-9b1e-3f5c7a9d1e2b")


@pytest.mark.parametrize(
    ("reference", "read"),
    [
        (str(_ID), _ID),
        (f" {str(_ID).upper()} ", _ID),
        (42, 42),
        ("42", 42),
        ("CUS-20260101-0A1B2C3D", "CUS-20260101-0A1B2C3D"),
        ("cus-20260101-0a1b2c3d", "CUS-20260101-0A1B2C3D"),
        (2**63, None),
        (-1, None),
        ("9" * 20, None),
        ("CUS-1", None),
        ("somebody", None),
        ("", None),
        ("²", None),
    ],
)
def test_a_reference_is_an_id_a_serial_number_or_a_customer_number(
    reference: str | int, read: UUID | int | str | None
) -> None:
    assert rules.read_reference(reference) == read
