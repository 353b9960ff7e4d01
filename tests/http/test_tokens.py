"""Access tokens: what is accepted, and everything that is not."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import timedelta

import jwt
import pytest
from flask.testing import FlaskClient

from app.core.clock import utc_now
from app.core.errors import Unauthenticated
from app.core.ids import new_id
from app.core.settings import Settings
from app.http.principal import Principal
from app.http.tokens import AUDIENCE, ISSUER, Tokens
from tests.http.conftest import Bearer


def _token(tokens: Tokens, **changed: object) -> str:
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": utc_now(),
        "exp": utc_now() + timedelta(minutes=5),
        "jti": "j",
        "sub": str(new_id()),
        "owner": str(new_id()),
    }
    kept = {name: value for name, value in (claims | changed).items() if value is not None}
    return jwt.encode(kept, tokens._key, algorithm="HS256")


@pytest.fixture
def tokens(settings: Settings) -> Tokens:
    return Tokens(settings)


def test_what_was_issued_is_read_back(tokens: Tokens) -> None:
    principal = Principal(new_id(), new_id(), "a@b.c", ("sales",), frozenset({"order.read"}))
    assert tokens.verify(tokens.issue(principal)) == principal


@pytest.mark.parametrize(
    ("granted", "asked", "may"),
    [
        ("order.read", "order.read", True),
        ("order.read", "order.create", False),
        ("order.*", "order.create", True),
        ("order.*", "orders.create", False),
        ("workflow:*", "workflow:view", True),
        ("*", "order.delete", True),
    ],
)
def test_what_was_granted_is_permitted(granted: str, asked: str, may: bool) -> None:
    assert Principal(new_id(), new_id(), "", (), frozenset({granted})).may(asked) is may


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": utc_now() - timedelta(seconds=1)},
        {"iss": "somebody"},
        {"aud": "something"},
        {"exp": None},
        {"jti": None},
        {"sub": None},
        {"owner": None},
        {"sub": "no uuid"},
        {"owner": 42},
        {"permissions": 42},
    ],
)
def test_a_token_that_says_something_else_is_refused(tokens: Tokens, changed: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        tokens.verify(_token(tokens, **changed))


def test_a_token_of_another_key_is_refused(tokens: Tokens, settings: Settings) -> None:
    other = Tokens(dataclasses.replace(settings, secret_key="another-" * 8))
    with pytest.raises(Unauthenticated):
        tokens.verify(_token(other))


def test_an_unsigned_token_is_refused(tokens: Tokens) -> None:
    _, payload, _ = _token(tokens).split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    for forged in (f"{header}.{payload}.", f"{header}.{payload}.x", "", "a.b.c", "ä"):
        with pytest.raises(Unauthenticated):
            tokens.verify(forged)


@pytest.mark.parametrize("header", [None, "Basic abc", "Bearer", "Bearer ", "Bearer nonsense"])
def test_without_a_good_token_the_answer_is_401(client: FlaskClient, header: str | None) -> None:
    response = client.get("/api/v1/me", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert ("invalid_token" in response.headers["WWW-Authenticate"]) is (header is not None)
    assert response.json["code"] == "unauthenticated"


def test_the_transaction_is_the_principals_owners(client: FlaskClient, bearer: Bearer) -> None:
    owner_id = new_id()
    response = client.get("/api/v1/me", headers=bearer(owner_id=owner_id))
    assert response.json["owner"] == str(owner_id)


def test_a_missing_permission_is_named(client: FlaskClient, bearer: Bearer) -> None:
    response = client.get("/api/v1/notes", headers=bearer("note.write"))
    assert response.status_code == 403
    assert "note.read" in response.json["detail"]
