"""Tables of the workflows room."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from app.core.db import Base, Owned, Timestamped
from pipelines.state import ExecutionState, RollbackState, StepState

SECONDS_BETWEEN = "(EXTRACT(epoch FROM completed_at - started_at))::numeric(14,6)"


def _one_of(column: str, values: list[str]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


EXECUTION_STATES = _one_of("state", [s.value for s in ExecutionState])
STEP_STATES = _one_of("state", [s.value for s in StepState])
ROLLBACK_STATES = _one_of("rollback", [s.value for s in RollbackState])
STOPPING = "stopping IN ('failure', 'cancel', 'end', 'terminate', 'rerun')"
TRIGGER_TYPES = "trigger_type IN ('api', 'manual', 'event', 'scheduled', 'parent', 'order')"
BULK_STATES = "state IN ('running', 'stopped', 'completed')"
BULK_ITEM_STATES = "state IN ('pending', 'taken', 'asked', 'past', 'failed', 'refused')"
EFFECT_STATES = "state IN ('intended', 'confirmed', 'undone', 'kept')"


class BuiltIn(Owned):
    """A tenant's row, or a built-in that belongs to no tenant and is readable by all."""

    owner_id: Mapped[UUID | None] = mapped_column(Uuid)  # type: ignore[assignment]

    @classmethod
    def shared_with(cls, owner_id: UUID) -> ColumnElement[bool]:
        del owner_id
        return cls.owner_id.is_(None)


class Workflow(BuiltIn, Timestamped, Base):
    """A named definition; what it says is in its versions."""

    __tablename__ = "workflows"
    __table_args__ = (
        UniqueConstraint("owner_id", "name", postgresql_nulls_not_distinct=True),
        CheckConstraint("name ~ '^[a-z][a-z0-9_]*$'", name="name"),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    tags: Mapped[list[str]] = mapped_column(server_default="[]")
    is_active: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str | None] = mapped_column(Text)


class WorkflowVersion(BuiltIn, Base):
    """One immutable version of a definition."""

    __tablename__ = "workflow_versions"
    __table_args__ = (UniqueConstraint("workflow_id", "version"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    workflow_id: Mapped[int] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]]
    created_by: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WorkflowExecution(Owned, Timestamped, Base):
    """One run of one version.

    `stopping`: why nothing new starts (a failure, a cancel, a condition that ended it), None while it goes forward.
    `is_wanted`: it was asked to start (one that was not waits for `begin`; one that was, but found the engine switched off,
    is begun by the sweeper). `unmet_sinks`: steps at the end of what is sent that are not done yet; the commit that brings it to 0 settles.
    `check_at`: when the sweeper looks at it next. `waiting`: how many of its steps are parked. `busy_seconds` and `busy_since`: time
    that counts towards its longest duration, up to the last park and since it last ran. `queued_at`: since when it waits for a
    place under its `concurrency_key`. `start_key`: what started it, once. `event`: the event that did. `rerun`: what is to run
    again once its undo is done.
    """

    __tablename__ = "workflow_executions"
    __table_args__ = (
        CheckConstraint(EXECUTION_STATES, name="state"),
        CheckConstraint(ROLLBACK_STATES, name="rollback"),
        CheckConstraint(STOPPING, name="stopping"),
        CheckConstraint(TRIGGER_TYPES, name="trigger_type"),
        # the sweeper: running executions that are due for a look
        Index("ix_workflow_executions_check", "check_at", postgresql_where="state = 'running'"),
        # the sweeper: executions that were to start while the engine was off
        Index("ix_workflow_executions_wanted", "id", postgresql_where="state = 'pending' AND is_wanted"),
        # the list of executions, newest first, by keyset
        Index("ix_workflow_executions_list", "owner_id", "created_at", "id"),
        # the list by state, by workflow; the statistics of one workflow
        Index("ix_workflow_executions_state", "owner_id", "state", "created_at", "id"),
        Index("ix_workflow_executions_workflow", "workflow_id", "created_at", "id"),
        # search by business key
        Index("ix_workflow_executions_correlation", "owner_id", "correlation_id"),
        # search by what failed, newest first: rows without an error are not in it
        Index("ix_workflow_executions_error", "owner_id", "created_at", "id", postgresql_where="error IS NOT NULL"),
        # the timer: executions whose deadline comes
        Index(
            "ix_workflow_executions_deadline",
            "deadline_at",
            postgresql_where="deadline_at IS NOT NULL AND completed_at IS NULL",
        ),
        # who waits for a place under its concurrency key, the longest first; and who holds one
        Index(
            "ix_workflow_executions_queued",
            "owner_id",
            "concurrency_key",
            "queued_at",
            postgresql_where="queued_at IS NOT NULL",
        ),
        Index(
            "ix_workflow_executions_running_key",
            "owner_id",
            "concurrency_key",
            postgresql_where="concurrency_key IS NOT NULL AND completed_at IS NULL",
        ),
        # the children of one execution
        Index("ix_workflow_executions_parent", "parent_id", postgresql_where="parent_id IS NOT NULL"),
        # one execution per trigger and event, or tick
        Index(
            "ix_workflow_executions_start_key",
            "owner_id",
            "workflow_id",
            "start_key",
            unique=True,
            postgresql_where="start_key IS NOT NULL",
        ),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workflow_id: Mapped[int] = mapped_column(ForeignKey("workflows.id"))
    workflow_name: Mapped[str] = mapped_column(Text)
    workflow_version: Mapped[str] = mapped_column(Text)
    snapshot: Mapped[dict[str, Any]]
    key: Mapped[UUID] = mapped_column(Uuid)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    rollback: Mapped[str] = mapped_column(Text, server_default="none")
    stopping: Mapped[str | None] = mapped_column(Text)
    rollback_on_failure: Mapped[bool] = mapped_column(server_default="true")
    is_wanted: Mapped[bool] = mapped_column(server_default="true")
    unmet_sinks: Mapped[int] = mapped_column(Integer)
    context: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    trigger_type: Mapped[str] = mapped_column(Text)
    trigger_source: Mapped[str | None] = mapped_column(Text)
    correlation_id: Mapped[str | None] = mapped_column(Text)
    labels: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    parent_id: Mapped[int | None] = mapped_column(BigInteger)
    max_duration_seconds: Mapped[float | None] = mapped_column(Double)
    waiting: Mapped[int] = mapped_column(Integer, server_default="0")
    busy_seconds: Mapped[float] = mapped_column(Double, server_default="0")
    busy_since: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    concurrency_key: Mapped[str | None] = mapped_column(Text)
    concurrency_limit: Mapped[int | None] = mapped_column(Integer)
    counts_parked: Mapped[bool] = mapped_column(server_default="false")
    queued_at: Mapped[datetime | None]
    start_key: Mapped[str | None] = mapped_column(Text)
    parent_number: Mapped[int | None] = mapped_column(Integer)
    depth: Mapped[int] = mapped_column(Integer, server_default="0")
    inline: Mapped[bool] = mapped_column(server_default="false")
    event: Mapped[dict[str, Any] | None]
    rerun: Mapped[dict[str, Any] | None]
    check_at: Mapped[datetime | None]
    check_tries: Mapped[int] = mapped_column(Integer, server_default="0")
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[Decimal | None] = mapped_column(Numeric(14, 6), Computed(SECONDS_BETWEEN, persisted=True))


class WorkflowStep(Owned, Base):
    """One step's row in one execution.

    `sequence_number` counts topologically, so locks taken in its order never deadlock. `unmet`: dependencies not done yet;
    `releases`: the steps whose `unmet` this one's end decrements (in a rollback: of the reversed graph). `is_passed_over`: a condition before it
    was false, so it will be skipped when its turn comes. `sent_at` NULL on a
    ready step means that it waits to be sent.

    A step that runs once per element has `elements` of them once it was expanded; each is a row of its own with a negative number, so that
    it is locked before its `parent_number`, and counts that one's `unmet` down. A parked step is `waiting`: `awaits` an event or signal of
    that name, events about `subjects`, the end of `child_id`, or the timer at `wake_at` (of `due_at` and `deadline_at` the next).
    `throttled_by`: the integration that holds it back (until `not_before`), or that has let it go on to its next attempt.
    """

    __tablename__ = "workflow_steps"
    __table_args__ = (
        CheckConstraint(STEP_STATES, name="state"),
        CheckConstraint("unmet >= 0", name="unmet"),
        # No column here is ever set on an ordinary step, whose updates so stay within the page.
        # the timer: parked steps whose time comes
        Index("ix_workflow_steps_wake_at", "wake_at", postgresql_where="wake_at IS NOT NULL"),
        # parked steps that an event of a type, or about a subject, wakes
        Index("ix_workflow_steps_awaits", "owner_id", "awaits", postgresql_where="awaits IS NOT NULL"),
        Index(
            "ix_workflow_steps_subjects",
            "subjects",
            postgresql_using="gin",
            postgresql_where="subjects IS NOT NULL",
        ),
        # steps that an integration holds back, by tenant, the oldest first
        Index(
            "ix_workflow_steps_throttled_by",
            "throttled_by",
            "owner_id",
            "execution_id",
            "sequence_number",
            postgresql_where="throttled_by IS NOT NULL",
        ),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    execution_id: Mapped[int] = mapped_column(
        ForeignKey("workflow_executions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sequence_number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    step_name: Mapped[str] = mapped_column(Text)
    step_type: Mapped[str] = mapped_column(Text)
    task: Mapped[str] = mapped_column(Text)
    definition: Mapped[dict[str, Any]]
    critical: Mapped[bool]
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    unmet: Mapped[int] = mapped_column(Integer)
    releases: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    reads: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    route: Mapped[list[Any]]
    sink: Mapped[bool]
    is_passed_over: Mapped[bool] = mapped_column(server_default="false")
    idempotency_key: Mapped[UUID] = mapped_column(Uuid)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    retry_count: Mapped[int] = mapped_column(Integer, Computed("greatest(attempts - 1, 0)", persisted=True))
    undo_attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    not_before: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    parent_number: Mapped[int | None] = mapped_column(Integer)
    item: Mapped[Any | None] = mapped_column(Base.type_annotation_map[dict[str, Any]])
    item_index: Mapped[int | None] = mapped_column(Integer)
    elements: Mapped[int | None] = mapped_column(Integer)
    child_id: Mapped[int | None] = mapped_column(BigInteger)
    awaits: Mapped[str | None] = mapped_column(Text)
    subjects: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    due_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    wake_at: Mapped[datetime | None]
    throttled_by: Mapped[str | None] = mapped_column(Text)
    token: Mapped[UUID | None] = mapped_column(Uuid)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(Text)
    celery_task_id: Mapped[str | None] = mapped_column(Text)
    input_data: Mapped[dict[str, Any] | None]
    output_data: Mapped[Any | None] = mapped_column(Base.type_annotation_map[dict[str, Any]])
    error_message: Mapped[str | None] = mapped_column(Text)
    error_type: Mapped[str | None] = mapped_column(Text)
    error_traceback: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    duration_seconds: Mapped[Decimal | None] = mapped_column(Numeric(14, 6), Computed(SECONDS_BETWEEN, persisted=True))


class ExecutionEvent(Owned, Base):
    """One transition, append-only; partitioned by month. `released`: the steps that this very commit made ready."""

    __tablename__ = "execution_events"
    __table_args__ = (
        # the history of one execution, in order
        Index("ix_execution_events_execution", "execution_id", "id"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    execution_id: Mapped[int] = mapped_column(BigInteger)
    step_name: Mapped[str | None] = mapped_column(Text)
    from_state: Mapped[str | None] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int | None] = mapped_column(Integer)
    worker: Mapped[str | None] = mapped_column(Text)
    task_id: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    released: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))


class ExecutionEffect(Owned, Base):
    """The ledger: what a step changed, where, and how it is undone. `undo_operation` NULL: not undoable."""

    __tablename__ = "execution_effects"
    __table_args__ = (
        CheckConstraint(EFFECT_STATES, name="state"),
        # the effects of one execution, by step; what a rollback is planned from
        Index("ix_execution_effects_execution", "execution_id", "sequence_number", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    execution_id: Mapped[int] = mapped_column(ForeignKey("workflow_executions.id", ondelete="CASCADE"))
    sequence_number: Mapped[int] = mapped_column(Integer)
    step_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    system: Mapped[str] = mapped_column(Text)
    undo_operation: Mapped[str | None] = mapped_column(Text)
    undo_params: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class ExecutionSignal(Owned, Base):
    """What was said to one execution: a signal by name, or the answer to an approval (`step_name`). Kept until a step takes it."""

    __tablename__ = "execution_signals"
    # what one execution was told, in order
    __table_args__ = (Index("ix_execution_signals_execution", "execution_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    execution_id: Mapped[int] = mapped_column(ForeignKey("workflow_executions.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    step_name: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[dict[str, Any]]
    sent_by: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    consumed_by: Mapped[int | None] = mapped_column(Integer)
    consumed_at: Mapped[datetime | None]


class WorkflowTrigger(BuiltIn, Base):
    """What starts a workflow by itself: events of a type, or a cron schedule with its next tick. Of the current version only."""

    __tablename__ = "workflow_triggers"
    __table_args__ = (
        UniqueConstraint("workflow_id", "position"),
        CheckConstraint("(event_type IS NULL) <> (schedule IS NULL)", name="kind"),
        # what an event starts
        Index("ix_workflow_triggers_event", "event_type", postgresql_where="event_type IS NOT NULL AND is_active"),
        # the timer: schedules that are due
        Index("ix_workflow_triggers_next", "next_at", postgresql_where="next_at IS NOT NULL AND is_active"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workflow_id: Mapped[int] = mapped_column(ForeignKey("workflows.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    event_type: Mapped[str | None] = mapped_column(Text)
    condition: Mapped[str | None] = mapped_column(Text)
    context: Mapped[dict[str, Any]]
    schedule: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str] = mapped_column(Text, server_default="UTC")
    next_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(server_default="true")
    last_fired_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class EngineSwitch(BuiltIn, Base):
    """A row says that nothing new starts: for one tenant, or with no owner for the whole installation."""

    __tablename__ = "engine_switches"
    __table_args__ = (UniqueConstraint("owner_id", postgresql_nulls_not_distinct=True),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    reason: Mapped[str | None] = mapped_column(Text)
    switched_by: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class Integration(Base):
    """An outside system, as all tenants and workers share it: its circuit breaker, and whose turn it is.

    `state` is `open` after too many failures in a row: nobody asks the system before `retry_at`. Then the one step whose
    key is `probe` does, while it is `half_open`; another may when that one has not come back by `retry_at`. `openings`: how often it
    opened since the last success. `is_queued`: steps wait for their turn, so nobody else goes before them. `turn`: the tenant who had it last.
    """

    __tablename__ = "integrations"
    __table_args__ = (CheckConstraint("state IN ('closed', 'open', 'half_open')", name="state"),)

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default="closed")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    openings: Mapped[int] = mapped_column(Integer, server_default="0")
    opened_at: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    probe: Mapped[UUID | None] = mapped_column(Uuid)
    last_error: Mapped[str | None] = mapped_column(Text)
    last_failed_at: Mapped[datetime | None]
    is_queued: Mapped[bool] = mapped_column(server_default="false")
    turn: Mapped[UUID | None] = mapped_column(Uuid)


class BulkOperation(Owned, Timestamped, Base):
    """One verb over the executions that a search found, done by the loops process in passes.

    `canary`: so many first, and the rest only when all of them got through. `rate`: at most so many a second. `stop_at`: stop when
    more than this percentage fails again. `permissions`: those of whoever asked. `paced_at`: the last pass that took some.
    """

    __tablename__ = "bulk_operations"
    __table_args__ = (
        CheckConstraint(BULK_STATES, name="state"),
        # what the loops go on with
        Index("ix_bulk_operations_running", "id", postgresql_where="state = 'running'"),
        # the list of bulk operations, newest first, by keyset
        Index("ix_bulk_operations_list", "owner_id", "created_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    verb: Mapped[str] = mapped_column(Text)
    filters: Mapped[dict[str, Any]]
    params: Mapped[dict[str, Any]]
    reason: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="running")
    stopped_because: Mapped[str | None] = mapped_column(Text)
    canary: Mapped[int] = mapped_column(Integer)
    rate: Mapped[float] = mapped_column(Double)
    stop_at: Mapped[float | None] = mapped_column(Double)
    total: Mapped[int] = mapped_column(Integer)
    permissions: Mapped[list[str]]
    created_by: Mapped[str] = mapped_column(Text)
    paced_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]


class BulkItem(Owned, Base):
    """One execution of a bulk operation.

    `pending`, `taken` by a pass, `asked`; then it got `past` what had failed, `failed` again, or was `refused`. `watched`: the steps that
    had failed; `target_id`: the execution that is watched, the new one of a replay.
    """

    __tablename__ = "bulk_items"
    __table_args__ = (
        CheckConstraint(BULK_ITEM_STATES, name="state"),
        # what is to be asked next, and what is waited for
        Index(
            "ix_bulk_items_open",
            "bulk_id",
            "state",
            "execution_id",
            postgresql_where="state IN ('pending', 'taken', 'asked')",
        ),
    )

    bulk_id: Mapped[int] = mapped_column(
        ForeignKey("bulk_operations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    execution_id: Mapped[int] = mapped_column(
        ForeignKey("workflow_executions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    target_id: Mapped[int | None] = mapped_column(BigInteger)
    watched: Mapped[list[str] | None]
    message: Mapped[str | None] = mapped_column(Text)
    taken_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
