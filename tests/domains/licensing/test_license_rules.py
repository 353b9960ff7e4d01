"""What licenses may hold, how long they run, how their state changes, and what their tokens say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.licensing.rules import tokens
from app.domains.licensing.rules.contents import Contents, end_faults, end_of_term, faults, term_faults
from app.domains.licensing.rules.states import LIVE, SOURCES, Finding, Status, finding
from app.domains.licensing.rules.tokens import TYPE, Statement, jwk, new_key_pair, signed

LATEST = datetime(2100, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (NOON, 1, datetime(2024, 2, 29, 12, tzinfo=UTC)),
        (NOON.replace(year=2025), 1, datetime(2025, 2, 28, 12, tzinfo=UTC)),
        (NOON, 2, datetime(2024, 3, 31, 12, tzinfo=UTC)),
        (datetime(2024, 2, 29, tzinfo=UTC), 12, datetime(2025, 2, 28, tzinfo=UTC)),
        (datetime(2024, 12, 15, tzinfo=UTC), 1, datetime(2025, 1, 15, tzinfo=UTC)),
    ],
)
def test_a_term_is_of_calendar_months(start, months, end):
    assert end_of_term(start, term_months=months) == end


@given(st.datetimes(timezones=st.just(UTC), max_value=LATEST), st.integers(1, 1200))
def test_a_term_ends_in_its_month_and_never_on_a_later_day(start, months):
    end = end_of_term(start, term_months=months)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert end.day <= start.day
    assert end.timetz() == start.timetz()


def held(**changed):
    return Contents(**{"products": ("router-os",), "features": {"sso": True, "routers": 5}, "seats": 1, **changed})


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"products": ()}, "/products"),
        ({"products": ("a", "a")}, "/products"),
        ({"products": ("a", "Not A Code")}, "/products/1"),
        ({"products": tuple(f"p{n}" for n in range(51))}, "/products"),
        ({"features": {"Not A Name": 1}}, "/features"),
        ({"features": {"nested": {"a": 1}}}, "/features/nested"),
        ({"features": {"long": "x" * 201}}, "/features/long"),
        ({"features": {"fraction": 0.5}}, "/features/fraction"),
        ({"features": {f"f{n}": n for n in range(101)}}, "/features"),
        ({"seats": 0}, "/seats"),
        ({"seats": 1_000_001}, "/seats"),
    ],
)
def test_what_a_license_cannot_hold_is_named(wrong, pointer):
    assert faults(held()) == []
    assert [fault.pointer for fault in faults(held(**wrong))] == [pointer]


def test_terms_and_ends_have_limits():
    assert term_faults(None) == term_faults(1) == term_faults(1200) == []
    assert [len(term_faults(months)) for months in (0, 1201)] == [1, 1]
    assert end_faults(None, issued_at=NOON) == end_faults(NOON + timedelta(seconds=1), issued_at=NOON) == []
    assert end_faults(NOON, issued_at=NOON)
    assert end_faults(datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-23))), issued_at=NOON)
    assert end_faults(datetime(2030, 1, 1), issued_at=NOON)  # noqa: DTZ001 - the fault that is looked for


def test_nothing_comes_back_from_its_end():
    assert {to for to, sources in SOURCES.items() if Status.REVOKED in sources} == set()
    assert {to for to, sources in SOURCES.items() if Status.EXPIRED in sources} == {Status.REVOKED}


@pytest.mark.parametrize("status", list(Status))
def test_only_an_active_license_whose_time_is_not_over_is_valid(status):
    later, earlier = NOON + timedelta(seconds=1), NOON - timedelta(seconds=1)
    for end in (None, later):
        assert (finding(status, expires_at=end, at=NOON) is Finding.VALID) == (status is Status.ACTIVE)
    over = finding(status, expires_at=earlier, at=NOON)
    assert over is (Finding.EXPIRED if status in LIVE else Finding(status))


def statement(**changed):
    return Statement(
        **{
            "issuer": UUID(int=1),
            "license_id": UUID(int=2),
            "license_key": "a key",
            "customer_id": UUID(int=3),
            "products": ["router-os"],
            "features": {"sso": True},
            "seats": 3,
            "issued_at": NOON,
            "expires_at": None,
            **changed,
        }
    )


def test_a_token_is_verified_with_the_published_key_alone():
    pair = new_key_pair()
    token = signed(statement(expires_at=datetime(2999, 1, 1, tzinfo=UTC)), kid=pair.kid, private=pair.private)
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["kid"], header["typ"]) == ("EdDSA", pair.kid, TYPE)
    published = jwt.PyJWK(jwk(kid=pair.kid, public=pair.public))
    assert jwt.decode(token, published, algorithms=["EdDSA"]) == {
        "iss": str(UUID(int=1)),
        "jti": str(UUID(int=2)),
        "sub": str(UUID(int=3)),
        "iat": 1706702400,
        "exp": 32472144000,
        "license_key": "a key",
        "products": ["router-os"],
        "features": {"sso": True},
        "seats": 3,
    }


def test_a_token_that_was_changed_or_has_ended_does_not_pass():
    pair, other = new_key_pair(), new_key_pair()
    published = jwt.PyJWK(jwk(kid=pair.kid, public=pair.public))
    foreign = signed(statement(), kid=pair.kid, private=other.private)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(foreign, published, algorithms=["EdDSA"])
    head, body, signature = signed(statement(seats=3), kid=pair.kid, private=pair.private).split(".")
    more = signed(statement(seats=300), kid=pair.kid, private=pair.private).split(".")[1]
    assert more != body
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{more}.{signature}", published, algorithms=["EdDSA"])
    ended = signed(statement(expires_at=NOON + timedelta(days=1)), kid=pair.kid, private=pair.private)
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(ended, published, algorithms=["EdDSA"])


def test_a_key_is_named_by_its_content():
    # RFC 8037, appendix A.3
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert tokens._thumbprint(x) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
