"""Rate limits with Redis, and without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import func, select, update

from app.core.clock import utc_now
from app.core.errors import TooManyRequests
from app.core.ids import OPERATOR_ID, new_id
from app.core.settings import ConfigurationError
from app.core.world import World
from app.http.limits import UNLIMITED, Limits, network, purge
from app.http.models import LoginAttempt
from tests.http.conftest import Bearer
from tests.http.toy import toy_app


@pytest.fixture
def strict(world: World) -> World:
    """Three public calls and two logins a minute."""
    settings = dataclasses.replace(
        world.settings, public_rate_limit="3 per minute", login_rate_limit="2 per minute", secret_key=str(new_id()) * 2
    )
    return dataclasses.replace(world, settings=settings)


@pytest.fixture
def strict_without_redis(strict: World) -> Iterator[World]:
    nowhere = Redis(
        host="127.0.0.1", port=1, socket_timeout=0.2, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0)
    )
    yield dataclasses.replace(strict, redis=nowhere)
    nowhere.close()


def _from(address: str) -> dict[str, dict[str, str]]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def test_public_paths_are_limited_per_address(strict: World) -> None:
    client = toy_app(strict).test_client()
    remaining = [client.get("/api/v1/versioned", **_from("192.0.2.1")) for _ in range(3)]
    assert [response.headers["RateLimit-Remaining"] for response in remaining] == ["2", "1", "0"]
    assert {response.headers["RateLimit-Limit"] for response in remaining} == {"3"}
    refused = client.get("/api/v1/versioned", **_from("192.0.2.1"))
    assert (refused.status_code, refused.content_type) == (429, "application/problem+json")
    assert 1 <= int(refused.headers["Retry-After"]) <= 120
    assert client.get("/api/v1/versioned", **_from("192.0.2.2")).status_code == 200


def test_without_redis_public_paths_stay_open_and_it_is_counted(strict_without_redis: World) -> None:
    before = UNLIMITED._value.get()
    client = toy_app(strict_without_redis).test_client()
    assert {client.get("/api/v1/versioned", **_from("192.0.2.1")).status_code for _ in range(5)} == {200}
    assert UNLIMITED._value.get() == before + 5


@pytest.fixture
def busy(world: World) -> World:
    """Two calls a minute for a user, three for a tenant."""
    settings = dataclasses.replace(world.settings, user_rate_limit="2 per minute", tenant_rate_limit="3 per minute")
    return dataclasses.replace(world, settings=settings)


def test_users_and_their_tenants_are_limited(busy: World, bearer: Bearer) -> None:
    client, owner = toy_app(busy).test_client(), new_id()
    first, second, third = (bearer(owner_id=owner) for _ in range(3))
    answers = [client.get("/api/v1/me", headers=user) for user in (first, first, first, second, third)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 429]
    told = [(answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) for answer in answers[:2]]
    assert told == [("2", "1"), ("2", "0")]
    # the tenant's calls are used up, the second user's are not; the refused one did not count for the tenant
    assert (answers[3].headers["RateLimit-Limit"], answers[3].headers["RateLimit-Remaining"]) == ("3", "0")
    assert 1 <= int(answers[4].headers["Retry-After"]) <= 120
    assert client.get("/api/v1/me", headers=bearer()).status_code == 200


def test_without_redis_users_are_not_limited(busy: World, strict_without_redis: World, bearer: Bearer) -> None:
    client, user = toy_app(dataclasses.replace(busy, redis=strict_without_redis.redis)).test_client(), bearer()
    assert {client.get("/api/v1/me", headers=user).status_code for _ in range(3)} == {200}


@pytest.mark.parametrize("kind", ["strict", "strict_without_redis"])
def test_logins_are_limited_per_account(kind: str, request: pytest.FixtureRequest) -> None:
    limits = Limits(request.getfixturevalue(kind))
    account = f"{new_id()}@example.com"
    limits.login(account=account, address="192.0.2.1")
    limits.login(account=account.upper(), address="192.0.2.2")
    with pytest.raises(TooManyRequests):
        limits.login(account=account, address="192.0.2.3")
    limits.login(account=f"{new_id()}@example.com", address="192.0.2.4")


@pytest.mark.parametrize("kind", ["strict", "strict_without_redis"])
def test_logins_are_limited_per_address(kind: str, request: pytest.FixtureRequest) -> None:
    limits = Limits(request.getfixturevalue(kind))
    for _ in range(2):
        limits.login(account=f"{new_id()}@example.com", address="2001:db8::1")
    with pytest.raises(TooManyRequests):
        limits.login(account=f"{new_id()}@example.com", address="2001:db8::2")


def test_a_refused_login_is_told_as_429(strict_without_redis: World) -> None:
    client = toy_app(strict_without_redis).test_client()
    body = {"email": f"{new_id()}@example.com"}
    answers = [client.post("/api/v1/login", json=body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]


def test_old_attempts_do_not_count_and_are_purged(strict_without_redis: World) -> None:
    limits, account = Limits(strict_without_redis), f"{new_id()}@example.com"
    for _ in range(2):
        limits.login(account=account, address="192.0.2.9")
    with strict_without_redis.database.transaction(OPERATOR_ID) as session:
        longer_ago = utc_now().replace(year=utc_now().year - 1, day=1)
        session.execute(update(LoginAttempt).values(at=longer_ago))
    limits.login(account=account, address="192.0.2.9")
    with strict_without_redis.across.transaction() as session:
        purge(session)
        assert session.scalar(select(func.count()).where(LoginAttempt.at == longer_ago)) == 0


def test_a_limit_that_cannot_be_read_is_told(world: World) -> None:
    settings = dataclasses.replace(world.settings, public_rate_limit="a lot")
    with pytest.raises(ConfigurationError, match="PUBLIC_RATE_LIMIT"):
        Limits(dataclasses.replace(world, settings=settings))


def test_one_caller_is_one_ipv4_address_or_one_ipv6_network() -> None:
    assert network("192.0.2.1") == "192.0.2.1"
    assert network("2001:db8:0:1::5") == network("2001:db8:0:1:ffff::1") == "2001:db8:0:1::/64"
    assert network("unknown") == "unknown"
