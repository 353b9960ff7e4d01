from __future__ import annotations

import errno
import socket
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.definition import RetryPolicy, Step, StepType
from pipelines.errors import ExpressionError, OutcomeUnknown, StepFailed
from pipelines.operations import Catalogue
from pipelines.retry import is_permanent, next_delay, policy_from_document, resolve_policy

PLAIN = RetryPolicy(maximum_attempts=5, jitter=False)


def status_error(status: int) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://billing.test")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status, request=request))


class DatabaseError(Exception):
    """As SQLAlchemy wraps a driver's error."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__()
        self.orig = SimpleNamespace(sqlstate=sqlstate)


class CardDeclined(Exception):
    permanent = True


TRANSIENT = [
    ConnectionResetError(),
    TimeoutError(),
    socket.gaierror(),
    OSError(errno.ENETUNREACH, "unreachable"),
    httpx.ConnectError("refused"),
    httpx.ReadTimeout("slow"),
    *[status_error(status) for status in (408, 429, 500, 502, 503)],
    *[DatabaseError(state) for state in ("40001", "40P01", "55P03", "57014", "08006", "57P01", "53300", None)],
    StepFailed("busy", permanent=False),
    OutcomeUnknown("sent, no answer"),
    RuntimeError("who knows"),
]
PERMANENT = [
    StepFailed("declined", permanent=True),
    CardDeclined(),
    ExpressionError("unknown path"),
    *[
        kind("bad")
        for kind in (ValueError, TypeError, KeyError, LookupError, AttributeError, NameError, AssertionError)
    ],
    *[status_error(status) for status in (400, 401, 404, 409, 422)],
    *[DatabaseError(state) for state in ("23505", "22001", "42P01")],
    FileNotFoundError(errno.ENOENT, "gone"),
    httpx.UnsupportedProtocol("ftp"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_another_attempt_may_help_after(error: Exception):
    assert not is_permanent(error)
    assert next_delay(PLAIN, attempt=1, error=error) is not None


@pytest.mark.parametrize("error", PERMANENT, ids=repr)
def test_no_attempt_helps_after(error: Exception):
    assert is_permanent(error)
    assert next_delay(PLAIN, attempt=1, error=error) is None


def test_waits_grow_up_to_the_maximum():
    policy = replace(PLAIN, maximum_attempts=6, initial_interval=2, backoff_coefficient=3, maximum_interval=20)
    delays = [next_delay(policy, attempt=n, error=TimeoutError()) for n in range(1, 7)]
    assert delays == [2, 6, 18, 20, 20, None]


@given(st.integers(1, 8))
def test_jitter_keeps_waits_growing_and_below_the_maximum(attempt: int):
    policy = RetryPolicy(maximum_attempts=10, maximum_interval=100)
    delay = next_delay(policy, attempt=attempt, error=TimeoutError())
    assert delay is not None
    assert min(2 ** (attempt - 1), 100) <= delay <= min(2 ** (attempt - 1) + 1, 100)


def test_an_interval_of_nothing_is_no_wait():
    assert next_delay(RetryPolicy(initial_interval=0), attempt=1, error=TimeoutError()) == 0


def test_the_other_side_may_ask_for_more_time_than_the_policy_has():
    busy = StepFailed("busy", permanent=False, retry_after=300)
    assert next_delay(PLAIN, attempt=1, error=busy) == 300
    assert next_delay(PLAIN, attempt=1, error=StepFailed("busy", permanent=False, retry_after=0.1)) == 1


def test_errors_named_as_not_retryable_are_not_retried():
    policy = replace(PLAIN, non_retryable_errors=("OSError",))
    assert next_delay(policy, attempt=1, error=ConnectionResetError()) is None
    assert next_delay(policy, attempt=1, error=RuntimeError()) is not None


def test_only_errors_named_as_retryable_are_retried():
    policy = replace(PLAIN, retryable_errors=("LookupError",))
    assert next_delay(policy, attempt=1, error=KeyError()) is not None
    assert next_delay(policy, attempt=1, error=TimeoutError()) is None


def test_an_error_that_calls_itself_permanent_is_not_retried_by_name():
    policy = replace(PLAIN, retryable_errors=("CardDeclined", "StepFailed"))
    assert next_delay(policy, attempt=1, error=CardDeclined()) is None
    assert next_delay(policy, attempt=1, error=StepFailed("no", permanent=True)) is None


def test_a_policy_from_a_document_has_defaults_for_what_it_leaves_out():
    policy = policy_from_document({"maximum_attempts": 7, "non_retryable_errors": ["A", "B"]})
    assert policy == RetryPolicy(maximum_attempts=7, non_retryable_errors=("A", "B"))


def test_the_steps_policy_comes_before_the_operations_and_that_before_the_installations():
    catalogue = Catalogue()

    @catalogue.operation("a_service.own", retry=RetryPolicy(maximum_attempts=9))
    def own(_call): ...

    @catalogue.operation("a_service.plain")
    def plain(_call): ...

    step = Step("a", StepType.SERVICE_CALL, retry=RetryPolicy(maximum_attempts=4))
    bare = replace(step, retry=None)

    def attempts(which: Step, operation: str, *, enabled: bool = True) -> int:
        return resolve_policy(which, catalogue[operation], default_attempts=2, enabled=enabled).maximum_attempts

    assert attempts(step, "a_service.own") == 4
    assert attempts(bare, "a_service.own") == 9
    assert attempts(bare, "a_service.plain") == 2
    assert attempts(step, "a_service.own", enabled=False) == 1
    assert resolve_policy(bare, None, default_attempts=2, enabled=True).maximum_attempts == 2
