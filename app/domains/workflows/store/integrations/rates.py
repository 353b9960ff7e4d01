"""How often an integration may be called, by all workers together."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Self

from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from app.core.settings import ConfigurationError, Settings

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Rates:
    """The limits of this process's settings, counted in Redis over all processes. Without Redis nothing is limited."""

    def __init__(self, limits: Mapping[str, RateLimitItem], redis: Redis) -> None:
        self._limits = dict(limits)
        storage = RedisStorage(
            "redis://", connection_pool=redis.connection_pool, key_prefix="turnup:integrations", wrap_exceptions=False
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    @classmethod
    def of(cls, settings: Settings, redis: Redis) -> Self:
        """As TURNUP_INTEGRATION_LIMITS says. Raises ConfigurationError."""
        return cls(dict(_parsed(entry) for entry in settings.integration_limits), redis)

    def names(self) -> set[str]:
        """The integrations that have a limit."""
        return set(self._limits)

    def of_name(self, name: str) -> str | None:
        """An integration's limit in words (`10 per 1 second`)."""
        limit = self._limits.get(name)
        return None if limit is None else str(limit)

    def left(self, name: str, most: int) -> int:
        """How many calls may be made now, up to `most`; none of them is counted."""
        limit = self._limits.get(name)
        if limit is None:
            return most
        try:
            return min(most, self._limiter.get_window_stats(limit, name).remaining)
        except RedisError:
            log.warning("the limit of %s is off: Redis is unreachable", name)
            return most

    def take(self, name: str, calls: int = 1) -> bool:
        """Count so many calls if all of them may be made now."""
        limit = self._limits.get(name)
        try:
            return limit is None or self._limiter.hit(limit, name, cost=calls)
        except RedisError:
            log.warning("the limit of %s is off: Redis is unreachable", name)
            return True


def _parsed(entry: str) -> tuple[str, RateLimitItem]:
    name, _, rate = (part.strip() for part in entry.partition("="))
    try:
        if _NAME.fullmatch(name):
            return name, parse(rate)
    except ValueError:
        pass
    raise ConfigurationError("TURNUP_INTEGRATION_LIMITS must read like `payments=10/second,mail=500/hour`.")
