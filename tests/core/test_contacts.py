"""Where people are reached: addresses and numbers in the form in which they are kept."""

from __future__ import annotations

import pytest

from app.core.contacts import e164, is_given_out, normal_email


def test_an_address_is_kept_in_lower_case() -> None:
    assert normal_email(" Ada.Lovelace@Example.COM ") == "ada.lovelace@example.com"


@pytest.mark.parametrize(
    "wrong", ["", "nobody", "a@b@example.com", "a b@example.com", "ada@example", "a@example.com\n.x"]
)
def test_what_is_no_address_is_told(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^This is no e-mail address: ."):
        normal_email(wrong)


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("+49 (30) 123-4567", None, "+49301234567"),
        ("030 1234567", "DE", "+49301234567"),
        ("0049 30 1234567", "DE", "+49301234567"),
        ("+1 650 253 0000", "DE", "+16502530000"),
    ],
)
def test_a_number_is_kept_as_the_world_dials_it(written: str, country: str | None, kept: str) -> None:
    assert e164(written, country=country) == kept


@pytest.mark.parametrize(
    ("wrong", "country", "why"),
    [
        ("030 1234567", None, "there is no such country code"),
        ("+999 123456789", None, "there is no such country code"),
        ("call me", "DE", "it does not read as a number"),
        ("+49 1", None, "it is too short"),
        ("+1 650 253 00000", None, "it is too long"),
        ("+49 30 1234567 ext. 5", None, "it has an extension"),
    ],
)
def test_what_is_no_number_is_told(wrong: str, country: str | None, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{why}$"):
        e164(wrong, country=country)


def test_a_number_that_could_be_need_not_be_given_out() -> None:
    assert is_given_out("+16502530000")
    assert not is_given_out(e164("+1 555 555 5555"))
