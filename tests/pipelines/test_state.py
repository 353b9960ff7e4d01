from __future__ import annotations

from itertools import pairwise

import pytest

from pipelines.errors import IllegalTransition
from pipelines.state import (
    EXECUTION_TRANSITIONS,
    ROLLBACK_TRANSITIONS,
    STEP_TRANSITIONS,
    ExecutionState,
    RollbackState,
    StepState,
    check_execution,
    check_rollback,
    check_step,
)


def test_every_state_has_its_row():
    assert set(EXECUTION_TRANSITIONS) == set(ExecutionState)
    assert set(ROLLBACK_TRANSITIONS) == set(RollbackState)
    assert set(STEP_TRANSITIONS) == set(StepState)


def test_every_state_can_be_reached():
    for table, first in (
        (EXECUTION_TRANSITIONS, {ExecutionState.PENDING}),
        (ROLLBACK_TRANSITIONS, {RollbackState.NONE}),
        (STEP_TRANSITIONS, {StepState.PENDING}),
    ):
        assert first.union(*table.values()) == set(table)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "running"),
        ("running", "pending"),
        ("failed", "pending"),
        ("completed", "pending"),
        ("cancelled", "pending"),
        ("completed", "compensating"),
        ("failed", "compensating"),
        ("running", "compensating"),
        ("cancelled", "compensating"),
        ("compensation_failed", "compensating"),
        ("compensating", "compensated"),
        # parked, and woken to look again; answered, skipped or stopped while it waits
        ("pending", "waiting"),
        ("waiting", "pending"),
        ("waiting", "completed"),
        ("waiting", "skipped"),
        ("waiting", "cancelled"),
        ("waiting", "compensating"),
        # skipped by hand, and run again
        ("failed", "skipped"),
        ("skipped", "pending"),
        ("skipped", "compensating"),
        ("compensated", "pending"),
    ],
)
def test_a_step_may_go(before: str, after: str):
    check_step(StepState(before), StepState(after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("completed", "running"),
        ("skipped", "completed"),
        ("compensated", "completed"),
        ("completed", "completed"),
        ("completed", "waiting"),
        ("compensating", "waiting"),
    ],
)
def test_a_step_may_not_go(before: str, after: str):
    with pytest.raises(IllegalTransition, match=f"step cannot go from {before} to {after}"):
        check_step(StepState(before), StepState(after))


@pytest.mark.parametrize(
    "way",
    [
        "pending running waiting running completed",
        "running paused running",
        "waiting paused waiting",
        "running paused cancelled",
        "waiting cancelled",
        "completed running",
        "failed running",
        "failed waiting running",
        # terminated, and undone with its parent
        "running cancelled running cancelled",
    ],
)
def test_an_execution_may_go(way: str):
    for before, after in pairwise(way.split()):
        check_execution(ExecutionState(before), ExecutionState(after))


@pytest.mark.parametrize(
    "way",
    [
        "none pending running done none",
        # a re-run from a step: its undo ends as if there was none, or a step beside it fails
        "none running none",
        "none running pending",
        # nothing to undo, or terminated before it began
        "none pending none",
        "none pending running incomplete running done",
    ],
)
def test_a_rollback_may_go(way: str):
    for before, after in pairwise(way.split()):
        check_rollback(RollbackState(before), RollbackState(after))


def test_executions_and_rollbacks_are_guarded_too():
    check_execution(ExecutionState.FAILED, ExecutionState.RUNNING)
    check_rollback(RollbackState.INCOMPLETE, RollbackState.RUNNING)
    with pytest.raises(IllegalTransition):
        check_execution(ExecutionState.CANCELLED, ExecutionState.COMPLETED)
    with pytest.raises(IllegalTransition):
        check_rollback(RollbackState.NONE, RollbackState.INCOMPLETE)
