"""Rate limits in Redis: per address on public paths, per user and tenant on all others, per account and address at login.

Without Redis paths stay open (and it is counted); logins are then counted in the database.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import math
import time
from datetime import timedelta
from uuid import uuid4

from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from redis.exceptions import RedisError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.core.clock import utc_now
from app.core.errors import TooManyRequests
from app.core.ids import OPERATOR_ID
from app.core.settings import ConfigurationError
from app.core.world import World
from app.http.models import LoginAttempt
from app.http.principal import Principal

log = logging.getLogger(__name__)

UNLIMITED = Counter("turnup_rate_limit_unavailable", "Requests let through because Redis could not be asked")


class Limits:
    """The limits of this process's settings, counted over all processes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._public = _parsed("PUBLIC_RATE_LIMIT", world.settings.public_rate_limit)
        self._user = _parsed("USER_RATE_LIMIT", world.settings.user_rate_limit)
        self._tenant = _parsed("TENANT_RATE_LIMIT", world.settings.tenant_rate_limit)
        self._login = _parsed("LOGIN_RATE_LIMIT", world.settings.login_rate_limit)
        storage = RedisStorage(
            "redis://", connection_pool=world.redis.connection_pool, key_prefix="turnup:limits", wrap_exceptions=False
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._key = hashlib.sha256(b"limits:" + world.settings.secret_key.encode()).digest()

    def public(self, address: str) -> dict[str, str]:
        """Count a call of a public path; returns the RateLimit headers. Raises TooManyRequests beyond the limit."""
        return self._count((self._public, "public", self._hash(network(address))))

    def signed_in(self, principal: Principal) -> dict[str, str]:
        """Count a call by a user, and for its tenant; the headers tell of the one that has fewer calls left.

        Raises TooManyRequests beyond the limit of either. What the user's limit refuses does not count for the tenant.
        """
        return self._count(
            (self._user, "user", str(principal.user_id)), (self._tenant, "tenant", str(principal.owner_id))
        )

    def _count(self, *buckets: tuple[RateLimitItem, str, str]) -> dict[str, str]:
        tightest: tuple[int, int, int] | None = None
        try:
            for limit, *bucket in buckets:
                allowed = self._limiter.hit(limit, *bucket)
                window = self._limiter.get_window_stats(limit, *bucket)
                seconds = max(1, math.ceil(window.reset_time - time.time()))
                if not allowed:
                    raise _too_many(seconds)
                found = (max(0, window.remaining), limit.amount, seconds)
                tightest = found if tightest is None else min(tightest, found)
        except RedisError:
            UNLIMITED.inc()
            log.warning("rate limits are off: Redis is unreachable")
            return {}
        if tightest is None:
            return {}
        remaining, amount, seconds = tightest
        return {
            "RateLimit-Limit": str(amount),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(seconds),
        }

    def login(self, *, account: str, address: str) -> None:
        """Count an attempt to log in. Raises TooManyRequests beyond the limit of the account or of the address.

        Counted whether or not the attempt succeeds, and outside the request's transaction, which fails with the login.
        """
        buckets = [self._hash(f"account:{account.strip().lower()}"), self._hash(f"address:{network(address)}")]
        try:
            # both are counted, also when the first is over already
            within = [self._limiter.hit(self._login, "login", bucket) for bucket in buckets]
            if not all(within):
                raise _too_many(self._login.get_expiry())
        except RedisError:
            log.warning("logins are counted in the database: Redis is unreachable")
            with self._world.database.transaction(OPERATOR_ID) as session:
                allowed = _counted(session, buckets, self._login)
            if not allowed:
                raise _too_many(self._login.get_expiry()) from None

    def _hash(self, text: str) -> str:
        """Neither Redis nor the database learns addresses and accounts."""
        return hmac.new(self._key, text.encode(errors="replace"), hashlib.sha256).hexdigest()[:32]


def network(address: str) -> str:
    """What one caller has: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def purge(session: Session) -> int:
    """Forget login attempts older than a day (beat, across owners); returns how many."""
    result = session.execute(delete(LoginAttempt).where(LoginAttempt.at < utc_now() - timedelta(days=1)))
    return int(result.rowcount)  # type: ignore[attr-defined]


def _counted(session: Session, buckets: list[str], limit: RateLimitItem) -> bool:
    """Write the attempt and say whether it is within the limit. One account's attempts are counted one after another."""
    since = utc_now() - timedelta(seconds=limit.get_expiry())
    for bucket in sorted(buckets):
        session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(bytes.fromhex(bucket[:16]), signed=True))))
    session.add_all(LoginAttempt(id=uuid4(), bucket=bucket, at=utc_now()) for bucket in buckets)
    session.flush()
    most = session.scalar(
        select(func.count())
        .where(LoginAttempt.bucket.in_(buckets), LoginAttempt.at > since)
        .group_by(LoginAttempt.bucket)
        .order_by(func.count().desc())
        .limit(1)
    )
    return (most or 0) <= limit.amount


def _too_many(seconds: int) -> TooManyRequests:
    return TooManyRequests(f"Too many requests; try again in {seconds} seconds.", retry_after=seconds)


def _parsed(name: str, text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError:
        raise ConfigurationError(f"{name} must read like `120 per minute`.") from None
