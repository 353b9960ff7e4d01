"""The third answer: a call that may have got through is looked up before anything is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.core.settings import Settings
from pipelines.definition import RetryPolicy
from pipelines.errors import OutcomeUnknown, StepFailed
from pipelines.operations import Call, Catalogue
from tests.domains.workflows.lab import Lab, opened
from tests.scenarios.conftest import step
from tests.servers import prepared

MONEY = Catalogue()
BOOKS: dict[str, list[str]] = {}
"""The other side: what it has booked, by our key; and what the next calls and look-ups do."""

ANSWERS: list[Exception | None] = []
LOOK_UPS: list[Exception | None] = []


def find(call: Call, *, amount: str) -> dict[str, Any] | None:
    if LOOK_UPS and (error := LOOK_UPS.pop(0)) is not None:
        raise error
    return {"paid": amount, "found": True} if BOOKS.get(call.idempotency_key) else None


@MONEY.operation(
    "money.pay",
    lease=True,
    moves_money=True,
    finds=find,
    retry=RetryPolicy(maximum_attempts=2, initial_interval=0.3, maximum_interval=0.5, jitter=False),
)
def pay(call: Call, *, amount: str) -> dict[str, Any]:
    """Books in any case, unless the answer says that it did not."""
    answer = ANSWERS.pop(0) if ANSWERS else None
    if not isinstance(answer, StepFailed) or isinstance(answer, OutcomeUnknown):
        BOOKS.setdefault(call.idempotency_key, []).append(amount)
    if answer is not None:
        raise answer
    return {"paid": amount, "found": False}


@pytest.fixture(scope="session")
def unknown_settings(worker_id: str) -> Settings:
    """A database of its own, which no sweeper looks at."""
    return replace(prepared(f"turnup_unknown_{worker_id}", 15), resend_after=5.0)


@pytest.fixture
def lab(unknown_settings: Settings) -> Iterator[Lab]:
    for each in (BOOKS, ANSWERS, LOOK_UPS):
        each.clear()
    with opened(unknown_settings, MONEY) as lab:
        yield lab


def paid(lab: Lab) -> tuple[str, Any, int]:
    execution_id = lab.start([step("pay", "pay", service_name="money", params={"amount": "9.00"})])
    found = lab.to_the_end(execution_id, rounds=30)
    bookings = sum(len(each) for each in BOOKS.values())
    return found.state, lab.steps(execution_id)["pay"].output_data, bookings


def unknown() -> OutcomeUnknown:
    return OutcomeUnknown("no answer came")


def test_an_answer_that_never_came_is_found(lab: Lab) -> None:
    ANSWERS.append(unknown())
    assert paid(lab) == ("completed", {"paid": "9.00", "found": True}, 1)


def test_a_call_that_did_not_get_through_is_made_again(lab: Lab) -> None:
    ANSWERS.append(StepFailed("connection refused", permanent=False))
    assert paid(lab) == ("completed", {"paid": "9.00", "found": False}, 1)


def test_the_last_attempt_is_looked_up_as_well(lab: Lab) -> None:
    ANSWERS.extend([StepFailed("refused", permanent=False), unknown()])
    assert paid(lab) == ("completed", {"paid": "9.00", "found": True}, 1)


def test_nothing_is_tried_while_nobody_can_say(lab: Lab) -> None:
    ANSWERS.append(unknown())
    LOOK_UPS.extend([ConnectionError("away")] * 5)
    assert paid(lab) == ("completed", {"paid": "9.00", "found": True}, 1)


def test_a_hard_decline_is_never_retried(lab: Lab) -> None:
    ANSWERS.append(StepFailed("declined", permanent=True))
    assert paid(lab) == ("failed", None, 0)


def test_attempts_that_all_did_not_get_through_end(lab: Lab) -> None:
    ANSWERS.extend([StepFailed("refused", permanent=False)] * 2)
    assert paid(lab) == ("failed", None, 0)


def test_an_outcome_that_stays_unknown_ends_without_another_call(lab: Lab) -> None:
    ANSWERS.append(unknown())
    LOOK_UPS.extend([ConnectionError("away")] * 100)
    state, _, bookings = paid(lab)
    assert (state, bookings) == ("failed", 1)


def test_an_outside_call_that_moves_money_has_to_say_how_to_find_out() -> None:
    with pytest.raises(ValueError, match="find out"):
        Catalogue().operation("money.blind", lease=True, moves_money=True)(lambda call: {})
