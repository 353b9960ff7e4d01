"""Starting executions, and looking at them, by HTTP."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import marshmallow as ma

from app.core.waker import Waker
from app.domains.workflows import schemas, service
from app.domains.workflows.errors import ExecutionNotFound
from app.domains.workflows.routes.parts import With, own_tenant, shown, workflows
from app.http import sse
from app.http.endpoint import Context, endpoint, page

ENDED = {"completed", "failed", "cancelled"}
SHORT_PATH_WAIT_SECONDS = 5.0
LOOK_SECONDS = 1.0
"""Between two looks without a word that something has happened."""


@endpoint(
    workflows,
    "POST",
    "/workflows/execute",
    permission="workflow:execute",
    body=schemas.Execute,
    query=schemas.WaitQuery,
    answer=schemas.StartedOut,
    status=202,
    idempotent=True,
    late=True,
    errors=(404,),
)
def execute(ctx: Context) -> Any:
    """Start a workflow by name; `?wait=N` answers 200 with the finished execution when it ends within N seconds."""
    wanted = ctx.body
    return _start(ctx, wanted["workflow_name"], wanted["context"], ctx.query.get("wait"), reason=wanted["reason"])


@endpoint(
    workflows,
    "POST",
    "/workflows/execute/<string:name>",
    permission="workflow:execute",
    body=schemas.Context,
    query=schemas.WaitQuery,
    answer=schemas.StartedOut,
    status=202,
    idempotent=True,
    late=True,
    errors=(404,),
)
def execute_by_name(ctx: Context, *, name: str) -> Any:
    """Start a workflow; the body is its context. The short path waits 5 seconds unless told otherwise."""
    default = SHORT_PATH_WAIT_SECONDS if ctx.by_short_path else None
    return _start(ctx, name, ctx.body, ctx.query.get("wait", default))


@endpoint(
    workflows,
    "GET",
    "/workflows/executions",
    permission="workflow:view",
    query=schemas.ExecutionQuery,
    answer=schemas.ExecutionOut,
    paged=True,
)
def list_executions(ctx: Context) -> Any:
    """Executions, newest first."""
    found = page(
        ctx, service.list_executions(**{name: ctx.query.get(name) for name in schemas.ExecutionFilters().fields})
    )
    if ctx.query["include_duration"]:
        return found
    return replace(found, items=[With(each, duration_seconds=ma.missing) for each in found.items])


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>",
    permission="workflow:view",
    answer=schemas.ExecutionDetail,
)
def show_execution(ctx: Context, *, execution_id: int) -> Any:
    """One execution with its steps, effects and canvas."""
    return shown(ctx, execution_id)


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>/history",
    permission="workflow:view",
    query=schemas.HistoryQuery,
    answer=schemas.HistoryOut(many=True),
)
def show_history(ctx: Context, *, execution_id: int) -> Any:
    """Every transition of the execution and its steps, in order; go on with `after`, the last one's `id`."""
    return service.history(
        ctx.session, execution_id=execution_id, after=ctx.query.get("after"), limit=ctx.query["limit"]
    )


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>/events",
    permission="workflow:view",
    media_type="text/event-stream",
)
def stream_execution(ctx: Context, *, execution_id: int) -> Any:
    """The execution's and its steps' states as server-sent events, at each change, until it has ended."""
    world, owner_id = ctx.world, ctx.principal.owner_id

    def read() -> dict[str, Any] | None:
        with world.database.transaction(owner_id) as session:
            try:
                execution = service.get_execution(session, execution_id=execution_id)
            except ExecutionNotFound:
                return None
            shown: dict[str, Any] = schemas.ExecutionProgress().dump(
                With(execution, steps=service.steps(session, execution_id=execution_id))
            )
            return shown

    return sse.stream(world, channel_of(execution_id), read, done=lambda state: state["status"] in ENDED)


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>/elements",
    permission="workflow:view",
    query=schemas.ElementQuery,
    answer=schemas.ElementOut(many=True),
)
def list_elements(ctx: Context, *, execution_id: int) -> Any:
    """The elements of a step with for_each, in order; go on with `after`, the last one's `sequence_number`."""
    return service.elements(
        ctx.session,
        execution_id=execution_id,
        step_name=ctx.query.get("step"),
        after=ctx.query.get("after"),
        limit=ctx.query["limit"],
    )


@endpoint(
    workflows,
    "GET",
    "/workflows/executions/<int:execution_id>/undo-plan",
    permission="workflow:view",
    query=schemas.UndoPlanQuery,
    answer=schemas.UndoPlanOut,
)
def show_undo_plan(ctx: Context, *, execution_id: int) -> Any:
    """What a cancel would undo now, in which order, what would stay, and what of it moves money; or a re-run `from_step`."""
    return service.undo_plan(ctx.session, execution_id=execution_id, from_step=ctx.query.get("from_step"))


def channel_of(execution_id: int) -> str:
    """What is woken when something happens to it."""
    return f"turnup:execution/{execution_id}"


def _start(ctx: Context, name: str, context: dict[str, Any], wait: float | None, *, reason: str | None = None) -> Any:
    execution = service.start_by_hand(
        ctx.session,
        workflow=name,
        context=own_tenant(ctx, context),
        trigger_type="api",
        started_by=ctx.actor,
        reason=reason,
    )
    ctx.headers["Location"] = f"/api/v1/workflows/executions/{execution.id}"
    if wait:
        ctx.answer_later(lambda: _ended(ctx, execution.id, time.monotonic() + wait))
    return execution


def _ended(ctx: Context, execution_id: int, until: float) -> Any:
    """The execution once it has ended; None when it has not by then."""
    with Waker(ctx.world.redis, channel_of(execution_id)) as waker:
        while (left := until - time.monotonic()) > 0:
            with ctx.world.database.transaction(ctx.principal.owner_id) as session:
                execution = service.get_execution(session, execution_id=execution_id)
                if execution.state in ENDED:
                    return execution
            waker.wait(min(left, LOOK_SECONDS))
    return None
