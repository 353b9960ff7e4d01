"""When a step is tried again.

A policy becomes tenacity's stop, wait and retry objects; they are asked, not run: the clock is Celery's and the
database's. Whether another attempt can help is said by the error (`is_permanent`).
"""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from tenacity import BaseRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from pipelines.definition import RetryPolicy, Step
from pipelines.errors import DefinitionError, ExpressionError, IllegalTransition
from pipelines.operations import Operation

IN_PLACE_SECONDS = 0.25
"""A wait up to this long may happen in the worker, outside any transaction; a longer one gives the worker back."""

_CLIENT_ERROR = 4
_TRANSIENT_STATUS = frozenset({408, 425, 429})
_TRANSIENT_SQLSTATES = ("40001", "40P01", "55P03", "57014", "57P0", "25P03", "08", "53")
_PERMANENT_SQLSTATES = ("22", "23", "42")
_PERMANENT_TYPES = (
    ExpressionError,
    DefinitionError,
    IllegalTransition,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NameError,
    AssertionError,
    ImportError,
    NotImplementedError,
)
_PERMANENT_NAMES = frozenset({"UnsupportedProtocol", "LocalProtocolError", "InvalidURL", "TooManyRedirects"})
_PERMANENT_ERRNOS = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.EISDIR, errno.ENOTDIR})


@dataclass(frozen=True, slots=True)
class Strategies:
    """tenacity's answers to a policy."""

    stop: stop_after_attempt
    wait: Any
    retry: retry_if_exception


def strategies(policy: RetryPolicy) -> Strategies:
    """The policy as tenacity objects. Jitter adds up to one initial interval, so that waits still grow."""
    wait: Any = wait_exponential(
        multiplier=policy.initial_interval, max=policy.maximum_interval, exp_base=policy.backoff_coefficient
    )
    if policy.jitter:
        wait += wait_random(0, policy.initial_interval)
    return Strategies(
        stop=stop_after_attempt(policy.maximum_attempts),
        wait=wait,
        retry=retry_if_exception(lambda error: _wants_retry(policy, error)),
    )


def next_delay(policy: RetryPolicy, *, attempt: int, error: BaseException) -> float | None:
    """Seconds until the next attempt after attempt number `attempt` (1 for the first) failed; None: there is none.

    Never more than the policy's maximum interval, unless the other side asked for more (`retry_after`).
    """
    ask = strategies(policy)
    # The retry object is only needed by tenacity's own loop, which is not used.
    state = RetryCallState(cast("BaseRetrying", None), None, (), {})
    state.attempt_number = attempt
    state.set_exception((type(error), error, error.__traceback__))
    if not ask.retry(state) or ask.stop(state):
        return None
    delay = min(float(ask.wait(state)), policy.maximum_interval)
    asked = getattr(error, "retry_after", None)
    return max(delay, float(asked)) if isinstance(asked, int | float) else delay


def whole_seconds(delay: float) -> int:
    """A delay as a countdown: never early, and at least what every broker can count."""
    return max(1, math.ceil(delay))


def is_permanent(error: BaseException) -> bool:
    """Whether another attempt cannot help. An error that is not known may be transient, as in Temporal.

    In this order: what the error says itself (`permanent`), the HTTP status of its response, its SQLSTATE, its type.
    """
    declared = getattr(error, "permanent", None)
    if isinstance(declared, bool):
        return declared
    status = _status(error)
    if status is not None:
        return status // 100 == _CLIENT_ERROR and status not in _TRANSIENT_STATUS
    sqlstate = _sqlstate(error)
    if sqlstate is not None:
        return not sqlstate.startswith(_TRANSIENT_SQLSTATES) and sqlstate.startswith(_PERMANENT_SQLSTATES)
    if isinstance(error, ConnectionError | TimeoutError):
        return False
    if isinstance(error, OSError) and error.errno in _PERMANENT_ERRNOS:
        return True
    return isinstance(error, _PERMANENT_TYPES) or not _PERMANENT_NAMES.isdisjoint(_class_names(error))


def policy_from_document(document: Mapping[str, Any]) -> RetryPolicy:
    """A checked `retry` object of a definition as a policy; what it leaves out has its default."""
    lists = {
        key: tuple(document[key])
        for key in ("retryable_errors", "non_retryable_errors")
        if document.get(key) is not None
    }
    return RetryPolicy(**{**document, **lists})


def resolve_policy(step: Step, operation: Operation | None, *, default_attempts: int, enabled: bool) -> RetryPolicy:
    """The step's policy, else the operation's, else the installation's. Not enabled: one attempt."""
    policy = step.retry or (operation.retry if operation else None) or RetryPolicy(maximum_attempts=default_attempts)
    return policy if enabled else replace(policy, maximum_attempts=1)


def _wants_retry(policy: RetryPolicy, error: BaseException) -> bool:
    """Named errors narrow: nothing that calls itself permanent is retried because a policy names it."""
    names = _class_names(error)
    if not names.isdisjoint(policy.non_retryable_errors) or getattr(error, "permanent", None) is True:
        return False
    if policy.retryable_errors:
        return not names.isdisjoint(policy.retryable_errors)
    return not is_permanent(error)


def _class_names(error: BaseException) -> set[str]:
    return {cls.__name__ for cls in type(error).__mro__}


def _status(error: BaseException) -> int | None:
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _sqlstate(error: BaseException) -> str | None:
    for source in (error, getattr(error, "orig", None)):
        state = getattr(source, "sqlstate", None)
        if isinstance(state, str) and state:
            return state
    return None
