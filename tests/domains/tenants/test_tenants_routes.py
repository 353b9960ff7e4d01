"""Signing in, users, roles and tenants over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import randrange
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.core.ids import OPERATOR_ID
from app.core.settings import Settings
from app.core.world import World
from app.domains.tenants import service
from app.domains.tenants.rules import SEEDED_ROLES
from app.factory import create_app
from tests.domains.tenants.accounts import PASSWORD, Account, fresh_email

Accounts = Callable[..., Account]
Headers = dict[str, str]


def _log_in(client: FlaskClient, account: Account, path: str = "/api/v1/auth/login") -> dict[str, Any]:
    answer = client.post(path, json={"email": account.email, "password": account.password})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.get_json()
    return document


def _bearer(client: FlaskClient, account: Account) -> Headers:
    return {"Authorization": f"Bearer {_log_in(client, account)['access_token']}"}


@pytest.mark.parametrize("path", ["/api/v1/auth/login", "/auth/login"])
def test_login_answers_a_pair_of_tokens(
    client: FlaskClient, settings: Settings, new_account: Accounts, path: str
) -> None:
    pair = _log_in(client, new_account("sales"), path)
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", settings.access_token_minutes * 60)


def test_me_tells_who_the_token_is(client: FlaskClient, new_account: Accounts) -> None:
    account = new_account("sales")
    me = client.get("/api/v1/auth/me", headers=_bearer(client, account)).get_json()
    assert me["id"] == str(account.user_id)
    assert me["tenant_id"] == str(account.owner_id)
    assert (me["email"], me["roles"]) == (account.email, ["sales"])
    assert me["permissions"] == sorted(SEEDED_ROLES["sales"])


def test_unknown_address_and_wrong_password_get_the_same_answer(client: FlaskClient, new_account: Accounts) -> None:
    answers = [
        client.post("/api/v1/auth/login", json={"email": email, "password": "not the password"})
        for email in (new_account().email, fresh_email())
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    problems = [answer.get_json() for answer in answers]
    assert problems[0]["detail"] == problems[1]["detail"]
    assert answers[0].content_type == "application/problem+json"


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@example.com"}, {"email": "a@example.com", "password": "x", "role": "admin"}, {"email": 1}]
)
def test_login_refuses_what_it_does_not_know(client: FlaskClient, body: dict[str, Any]) -> None:
    answer = client.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 422
    assert answer.get_json()["errors"]


def test_an_account_is_throttled_from_wherever_it_is_tried(settings: Settings, world: World) -> None:
    strict = replace(settings, login_rate_limit="3 per minute")
    client = create_app(strict, replace(world, settings=strict)).test_client()
    email = fresh_email()
    answers = [
        client.post(
            "/api/v1/auth/login",
            json={"email": email, "password": "not the password"},
            environ_base={"REMOTE_ADDR": f"198.18.{randrange(256)}.{number}"},
        )
        for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_refresh_rotates_and_reuse_ends_the_session(client: FlaskClient, new_account: Accounts) -> None:
    first = _log_in(client, new_account())
    second = client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert second.status_code == 200
    assert second.get_json()["refresh_token"] != first["refresh_token"]
    for token in (first["refresh_token"], second.get_json()["refresh_token"]):
        assert client.post("/api/v1/auth/refresh", json={"refresh_token": token}).status_code == 401


def test_logout_ends_the_session(client: FlaskClient, new_account: Accounts) -> None:
    token = {"refresh_token": _log_in(client, new_account())["refresh_token"]}
    assert client.post("/api/v1/auth/logout", json=token).status_code == 204
    assert client.post("/api/v1/auth/refresh", json=token).status_code == 401
    assert client.post("/api/v1/auth/logout", json={"refresh_token": "never issued"}).status_code == 204


def test_changing_the_password(client: FlaskClient, new_account: Accounts) -> None:
    account = new_account()
    body = {"current_password": PASSWORD, "new_password": "another good password"}
    assert client.post("/api/v1/auth/password", json=body, headers=_bearer(client, account)).status_code == 204
    answer = client.post("/api/v1/auth/login", json={"email": account.email, "password": body["new_password"]})
    assert answer.status_code == 200


def test_an_administrator_makes_users_of_its_own_tenant(client: FlaskClient, new_account: Accounts) -> None:
    admin = new_account("tenant_admin")
    headers = _bearer(client, admin)
    body = {"email": fresh_email(), "password": PASSWORD, "name": "Sam", "roles": ["sales"]}
    made = client.post("/api/v1/users", json=body, headers=headers)
    assert made.status_code == 201
    assert "password" not in made.text
    assert (made.get_json()["email"], made.get_json()["roles"]) == (body["email"], ["sales"])
    listed = client.get("/api/v1/users", headers=headers).get_json()
    assert {user["email"] for user in listed} == {admin.email, body["email"]}
    again = client.post("/api/v1/users", json=body, headers=headers)
    assert again.status_code == 409
    assert again.get_json()["errors"][0]["pointer"] == "/email"


def test_users_need_a_permission_and_a_token(client: FlaskClient, new_account: Accounts) -> None:
    body = {"email": fresh_email(), "password": PASSWORD, "roles": []}
    headers = _bearer(client, new_account("sales"))
    assert client.post("/api/v1/users", json=body, headers=headers).status_code == 403
    assert client.get("/api/v1/users", headers=headers).status_code == 403
    assert client.get("/api/v1/users").status_code == 401


def test_another_tenant_s_user_and_row_do_not_exist(client: FlaskClient, new_account: Accounts) -> None:
    foreign, headers = new_account("sales"), _bearer(client, new_account("tenant_admin"))
    assert client.get(f"/api/v1/users/{foreign.user_id}", headers=headers).status_code == 404
    assert client.get(f"/api/v1/tenants/{foreign.owner_id}", headers=headers).status_code == 404
    assert client.get("/api/v1/tenants/not-an-id", headers=headers).status_code == 404


def test_a_tenant_lists_itself(client: FlaskClient, new_account: Accounts) -> None:
    account = new_account("tenant_admin")
    headers = _bearer(client, account)
    assert [row["id"] for row in client.get("/api/v1/tenants", headers=headers).get_json()] == [str(account.owner_id)]
    assert client.get(f"/api/v1/tenants/{account.owner_id}", headers=headers).get_json()["name"] == "Example ISP"


def test_roles_are_listed(client: FlaskClient, new_account: Accounts) -> None:
    roles = client.get("/api/v1/roles", headers=_bearer(client, new_account("tenant_admin"))).get_json()
    assert {"sales", "operations", "tenant_admin"} <= {role["name"] for role in roles}


def test_a_platform_admin_may_all(client: FlaskClient, world: World) -> None:
    email = fresh_email()
    with world.database.transaction(OPERATOR_ID) as session:
        service.seed_administrator(session, email=email, password=PASSWORD)
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    for path in ("users", "roles", "tenants"):
        assert client.get(f"/api/v1/{path}?limit=1", headers=headers).status_code == 200
