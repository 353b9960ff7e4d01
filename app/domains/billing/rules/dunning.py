"""Dunning: what follows a failed payment.

A soft decline (no funds, the bank not reached) may pass by itself and is tried again on days 1, 3, 5 and 7 after the
first failure. A hard one (a lost card, a closed account) never does, and card schemes fine those who try it again: that
method is not used any more, and the customer is asked for another. What is not paid by the last day is given up, and
the service suspended. Which decline is which, the gateway's adapter knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

RETRY_DAYS = (1, 3, 5, 7)
"""Days of 24 hours after the first failure."""


class Outcome(StrEnum):
    """How an attempt ended."""

    PAID = "paid"
    SOFT_DECLINE = "soft_decline"
    HARD_DECLINE = "hard_decline"


class Action(StrEnum):
    """What is to happen next."""

    NOTHING = "nothing"
    """Nothing has failed, or it is paid."""
    RETRY = "retry"
    """Try the same method again at the time that is given."""
    AWAIT_METHOD = "await_method"
    """Charge nothing until the customer has given another method; decide again at the time that is given."""
    SUSPEND = "suspend"
    """Give up: suspend what was not paid for."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to collect. `method`: the payment method's reference at the gateway."""

    at: datetime
    method: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What happens next. `at`: when (UTC), for RETRY and AWAIT_METHOD; where it has passed, it is due now.

    `tell_customer`: whether the last attempt is one that the customer is told of: the first failure, and each refusal
    that takes another method. It is for the caller who recorded that attempt, once.
    """

    action: Action
    at: datetime | None = None
    tell_customer: bool = False


def retry_times(first_failure: datetime) -> tuple[datetime, ...]:
    """When a soft decline is tried again."""
    return tuple(first_failure + timedelta(days=days) for days in RETRY_DAYS)


def next_action(attempts: Sequence[Attempt], *, method: str | None, now: datetime) -> Next:
    """What follows these attempts at one payable, the earliest first; `method`: the one the customer has on file now.

    Each scheduled time serves one attempt at most: those that a standstill let pass are not made up for. An attempt that
    the customer makes between them uses up none.
    """
    if not attempts or any(attempt.outcome is Outcome.PAID for attempt in attempts):
        return Next(action=Action.NOTHING)
    last = attempts[-1]
    times = retry_times(attempts[0].at)
    tell = len(attempts) == 1 or last.outcome is Outcome.HARD_DECLINE
    if method is None or method in refused(attempts):
        if now < times[-1]:
            return Next(action=Action.AWAIT_METHOD, at=times[-1], tell_customer=tell)
        return Next(action=Action.SUSPEND, tell_customer=tell)
    to_come = [time for time in times if time > last.at]
    if to_come:
        return Next(action=Action.RETRY, at=to_come[0], tell_customer=tell)
    return Next(action=Action.SUSPEND, tell_customer=tell)


def refused(attempts: Sequence[Attempt]) -> frozenset[str]:
    """The methods that must not be tried again."""
    return frozenset(attempt.method for attempt in attempts if attempt.outcome is Outcome.HARD_DECLINE)
