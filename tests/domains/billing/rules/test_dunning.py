"""Dunning: tried again on its days and no oftener, and never what was refused for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domains.billing.rules.dunning import (
    RETRY_DAYS,
    Action,
    Attempt,
    Next,
    Outcome,
    next_action,
    refused,
    retry_times,
)

PAID, SOFT, HARD = Outcome.PAID, Outcome.SOFT_DECLINE, Outcome.HARD_DECLINE
FIRST = datetime(2026, 3, 28, 9, 30, tzinfo=UTC)


def day(days):
    return FIRST + timedelta(days=days)


def attempts(*outcomes_by_day, method="card"):
    return [Attempt(day(days), method, outcome) for days, outcome in outcomes_by_day]


def test_the_days_are_1_3_5_and_7():
    assert retry_times(FIRST) == (day(1), day(3), day(5), day(7))


@pytest.mark.parametrize(
    ("past", "now", "expected"),
    [
        ([], 0, Next(action=Action.NOTHING)),
        ([(0, PAID)], 0, Next(action=Action.NOTHING)),
        ([(0, SOFT), (1, PAID)], 1, Next(action=Action.NOTHING)),
        ([(0, SOFT)], 0, Next(action=Action.RETRY, at=day(1), tell_customer=True)),
        ([(0, SOFT), (1, SOFT)], 1, Next(action=Action.RETRY, at=day(3))),
        ([(0, SOFT), (1, SOFT), (3, SOFT)], 3, Next(action=Action.RETRY, at=day(5))),
        ([(0, SOFT), (1, SOFT), (3, SOFT), (5, SOFT)], 5, Next(action=Action.RETRY, at=day(7))),
        ([(0, SOFT), (1, SOFT), (3, SOFT), (5, SOFT), (7, SOFT)], 7, Next(action=Action.SUSPEND)),
        # the customer tries by themselves: no day is used up
        ([(0, SOFT), (0.5, SOFT)], 0.5, Next(action=Action.RETRY, at=day(1))),
        ([(0, SOFT), (1, SOFT), (2, SOFT)], 2, Next(action=Action.RETRY, at=day(3))),
        # a standstill: days 1 and 3 are not made up for one by one
        ([(0, SOFT), (3.5, SOFT)], 3.5, Next(action=Action.RETRY, at=day(5))),
        ([(0, SOFT), (30, SOFT)], 30, Next(action=Action.SUSPEND)),
        ([(0, HARD)], 0, Next(action=Action.AWAIT_METHOD, at=day(7), tell_customer=True)),
        ([(0, SOFT), (1, HARD)], 1, Next(action=Action.AWAIT_METHOD, at=day(7), tell_customer=True)),
        ([(0, HARD)], 7, Next(action=Action.SUSPEND, tell_customer=True)),
        ([(0, SOFT), (1, SOFT), (3, SOFT), (5, SOFT), (7, HARD)], 7, Next(action=Action.SUSPEND, tell_customer=True)),
    ],
)
def test_what_follows_by_hand(past, now, expected):
    assert next_action(attempts(*past), method="card", now=day(now)) == expected


def test_another_method_is_tried_on_the_days_that_are_left():
    past = attempts((0, SOFT), (1, HARD))
    assert next_action(past, method="other", now=day(2)) == Next(action=Action.RETRY, at=day(3), tell_customer=True)


def test_another_method_that_comes_after_its_day_is_due_at_once():
    following = next_action(attempts((0, HARD)), method="other", now=day(2))
    assert following.action is Action.RETRY
    assert following.at <= day(2)


def test_without_a_method_nothing_is_charged():
    assert next_action(attempts((0, SOFT)), method=None, now=day(2)).action is Action.AWAIT_METHOD
    assert next_action(attempts((0, SOFT)), method=None, now=day(7)).action is Action.SUSPEND


def test_a_method_that_was_refused_once_stays_refused():
    past = [*attempts((0, HARD)), *attempts((1, SOFT), method="other")]
    assert refused(past) == {"card"}
    assert next_action(past, method="card", now=day(2)).action is Action.AWAIT_METHOD
    assert next_action(past, method="other", now=day(2)).action is Action.RETRY


@given(
    answers=st.lists(st.sampled_from(Outcome), min_size=1, max_size=30),
    methods=st.lists(st.sampled_from(["card", "other", "bank", None]), max_size=30),
    delays=st.lists(st.integers(0, 5 * 86_400), max_size=30),
)
def test_whatever_the_gateway_answers_and_however_late_we_are(answers, methods, delays):
    """Follow the rule to its end: which method is on file and how late a retry runs change at every turn."""
    now, past, retries, turns = FIRST, [Attempt(FIRST, "card", answers[0])], [], 0
    while True:
        method = methods[turns] if turns < len(methods) else "card"
        following = next_action(past, method=method, now=now)
        if following.action in {Action.NOTHING, Action.SUSPEND}:
            break
        assert following.at > past[-1].at
        now = max(now, following.at) + timedelta(seconds=delays[turns] if turns < len(delays) else 0)
        if following.action is Action.RETRY:
            assert following.at in retry_times(FIRST)
            assert method not in refused(past)
            outcome = answers[len(past)] if len(past) < len(answers) else SOFT
            past.append(Attempt(now, method, outcome))
            retries.append(following.at)
        turns += 1
        assert turns <= 2 * len(RETRY_DAYS) + len(methods)
    assert len(retries) == len(set(retries)) <= len(RETRY_DAYS)
    assert retries == sorted(retries)
    assert (following.action is Action.NOTHING) == (past[-1].outcome is PAID)
    if following.action is Action.SUSPEND:
        assert now >= retry_times(FIRST)[-1]
