"""The states of executions, rollbacks and step runs, and the tables of legal transitions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from pipelines.errors import IllegalTransition


class ExecutionState(StrEnum):
    """What an execution is. Claim, emission and sweep touch only running ones."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RollbackState(StrEnum):
    """What became of an execution's undo, beside its state."""

    NONE = "none"
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"


class StepState(StrEnum):
    """What a step run is. One that waits for its next attempt: pending with `not_before`, shown as retrying."""

    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"
    COMPENSATION_FAILED = "compensation_failed"


E: TypeAlias = ExecutionState
R: TypeAlias = RollbackState
S: TypeAlias = StepState

EXECUTION_TRANSITIONS: Mapping[E, frozenset[E]] = {
    E.PENDING: frozenset({E.RUNNING, E.FAILED, E.CANCELLED}),
    E.RUNNING: frozenset({E.WAITING, E.PAUSED, E.COMPLETED, E.FAILED, E.CANCELLED}),
    E.WAITING: frozenset({E.RUNNING, E.PAUSED, E.FAILED, E.CANCELLED}),
    E.PAUSED: frozenset({E.RUNNING, E.WAITING, E.FAILED, E.CANCELLED}),
    # Retry of failed steps (waiting: for a place under its concurrency key), a re-run from a step, or an undo with its parent.
    E.COMPLETED: frozenset({E.RUNNING, E.WAITING}),
    # The same, or a cancel that undoes what a failure without rollback left.
    E.FAILED: frozenset({E.RUNNING, E.WAITING}),
    # One that was terminated, undone with its parent.
    E.CANCELLED: frozenset({E.RUNNING}),
}

ROLLBACK_TRANSITIONS: Mapping[R, frozenset[R]] = {
    # To running: the undo before a re-run from a step.
    R.NONE: frozenset({R.PENDING, R.RUNNING}),
    # To none: there was nothing to undo, or it was terminated before it began.
    R.PENDING: frozenset({R.RUNNING, R.NONE}),
    # To none: the steps that were undone run again; to pending: a critical step beside them has failed.
    R.RUNNING: frozenset({R.DONE, R.INCOMPLETE, R.NONE, R.PENDING}),
    # The execution goes on after its rollback: retry, or a re-run from a step.
    R.DONE: frozenset({R.NONE}),
    # Retry of the rollback.
    R.INCOMPLETE: frozenset({R.RUNNING}),
}

STEP_TRANSITIONS: Mapping[S, frozenset[S]] = {
    # To compensating: an intended effect of an attempt that is waiting to be repeated.
    S.PENDING: frozenset(
        {S.RUNNING, S.RETRYING, S.WAITING, S.COMPLETED, S.FAILED, S.SKIPPED, S.CANCELLED, S.COMPENSATING}
    ),
    # To pending: the next attempt, or a lease that was lost.
    S.RUNNING: frozenset(
        {S.PENDING, S.RETRYING, S.WAITING, S.COMPLETED, S.FAILED, S.SKIPPED, S.CANCELLED, S.COMPENSATING}
    ),
    S.RETRYING: frozenset({S.PENDING, S.RUNNING, S.FAILED, S.SKIPPED, S.CANCELLED, S.COMPENSATING}),
    S.WAITING: frozenset({S.PENDING, S.RUNNING, S.COMPLETED, S.FAILED, S.SKIPPED, S.CANCELLED, S.COMPENSATING}),
    S.COMPLETED: frozenset({S.PENDING, S.COMPENSATING}),
    S.FAILED: frozenset({S.PENDING, S.SKIPPED, S.COMPENSATING}),
    # To compensating: what an attempt began before it was skipped, or a child that completed all the same.
    S.SKIPPED: frozenset({S.PENDING, S.COMPENSATING}),
    S.CANCELLED: frozenset({S.PENDING, S.COMPENSATING}),
    S.COMPENSATING: frozenset({S.COMPENSATED, S.COMPENSATION_FAILED}),
    S.COMPENSATED: frozenset({S.PENDING}),
    S.COMPENSATION_FAILED: frozenset({S.COMPENSATING}),
}

ENDED_STEPS: frozenset[S] = frozenset(
    {S.COMPLETED, S.FAILED, S.SKIPPED, S.CANCELLED, S.COMPENSATED, S.COMPENSATION_FAILED}
)
"""States in which nothing of a step runs or is still to come by itself."""

ENDED_EXECUTIONS: frozenset[E] = frozenset({E.COMPLETED, E.FAILED, E.CANCELLED})


def check_execution(before: ExecutionState, after: ExecutionState) -> None:
    """Raise IllegalTransition unless an execution may go from one state to the other."""
    if after not in EXECUTION_TRANSITIONS[before]:
        raise IllegalTransition("execution", before, after)


def check_rollback(before: RollbackState, after: RollbackState) -> None:
    """Raise IllegalTransition unless a rollback may go from one state to the other."""
    if after not in ROLLBACK_TRANSITIONS[before]:
        raise IllegalTransition("rollback", before, after)


def check_step(before: StepState, after: StepState) -> None:
    """Raise IllegalTransition unless a step run may go from one state to the other."""
    if after not in STEP_TRANSITIONS[before]:
        raise IllegalTransition("step", before, after)
